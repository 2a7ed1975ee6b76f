"""Serves the page of some networks on the loopback interface, and computes golden's bytes for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from export.c import project
from export.datapath import structure, task_image
from export.graph import golden, limits
from export.graph.graph import core_digest
from export.live.build import build
from export.live.described import described, output_of_faces
from export.network import Network
from export.opening import of_tflite

HOST = "127.0.0.1"
MOST_PORT = 0xFFFF
PAGE = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}

Answer = tuple[int, str, bytes]  # status, type and content


class Site:
    """The networks of a page. Those of one datapath and core share a module, as tasks of one chip do.

    Attributes:
        networks: in the order of the page.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks: list[Network] = []
        self._modules: dict[tuple[str, str, str], bytes] = {}  # WebAssembly, by what tasks must share
        self._module_of: list[int] = []
        self._lock = threading.Lock()
        for network in networks:
            self.add(network)

    def add(self, network: Network) -> dict[str, Any]:
        """Compile a network if need be, and return what the page must know of it. Raises: as build."""
        with self._lock:
            graph, plan = network.graph, network.plan
            key = core_digest(graph), structure.digest(plan), str(output_of_faces(graph))
            if key not in self._modules:
                self._modules[key] = build(plan)
            self.networks.append(network)
            self._module_of.append(list(self._modules).index(key))
            return self.description(len(self.networks) - 1)

    def description(self, number: int) -> dict[str, Any]:
        """Return what the page must know of a network."""
        return {**described(self.networks[number]), "number": number, "module": self._module_of[number]}

    def module(self, number: int) -> bytes:
        """Return the WebAssembly of a module."""
        return list(self._modules.values())[number]

    # ---- answers

    def get(self, path: str) -> Answer:
        """Return the answer to a GET."""
        if path in PAGE:
            name, kind = PAGE[path]
            return 200, f"{kind}; charset=utf-8", (project.MICRO / "live" / "page" / name).read_bytes()
        if path == "/networks.json":
            return _json([self.description(number) for number in range(len(self.networks))])
        try:
            _, what, number = path.split("/")
            if what == "module":
                return 200, "application/wasm", self.module(int(number))
            if what == "task":
                return 200, "application/octet-stream", task_image.write(self.networks[int(number)].plan).content
        except (ValueError, IndexError, KeyError):
            pass
        return _text(404, f"{path} is not here")

    def post(self, path: str, content: bytes) -> Answer:
        """Return the answer to a POST: /golden/NUMBER to an image's codes, /compile?name=NAME to a .tflite."""
        where = urlsplit(path)
        if where.path == "/compile":
            name = Path(parse_qs(where.query).get("name", ["model.tflite"])[0]).name
            try:
                return _json(self.add(of_tflite(content, Path(name))))
            except (ValueError, RuntimeError) as error:
                return _text(400, str(error))
        try:
            network = self.networks[int(where.path.removeprefix("/golden/"))]
            graph = network.graph
            image = np.frombuffer(content, np.int8).reshape(1, *graph.tensor(graph.inputs[0]).shape)
        except (ValueError, IndexError):
            return _text(400, "expected the codes of one image")
        made = golden.run(graph, image, graph.outputs)
        given = set(network.plan.given)
        codes = [made[name] if name in given else 0 * made[name] for name in graph.outputs]
        return 200, "application/octet-stream", b"".join(each.tobytes() for each in codes)


def server(networks: Sequence[Network], port: int = 0) -> ThreadingHTTPServer:
    """Return a server that is bound and not yet running. port: 0 takes a free one.

    Raises: as build; ValueError if the port is in use, or none.
    """
    if port > MOST_PORT:
        raise ValueError(f"--port is {port}; expected a number up to {MOST_PORT}")
    site = Site(networks)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(site.get(self.path))

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            size = int(length) if length.isdecimal() else 0
            if not self._is_of_the_page():
                self._answer(_text(403, "only the page itself may ask"))
            elif size > limits.MOST_FILE_BYTES:
                self._answer(_text(413, f"at most {limits.MOST_FILE_BYTES:,} bytes"))
            else:
                self._answer(site.post(self.path, self.rfile.read(size)))

        def _is_of_the_page(self) -> bool:
            """Whether another page, which the browser shows too, is not behind a request."""
            own = f"{HOST}:{self.server.server_port}"  # type: ignore[attr-defined]
            return self.headers.get("Host") == own and self.headers.get("Origin", f"http://{own}") == f"http://{own}"

        def _answer(self, answer: Answer) -> None:
            status, kind, content = answer
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise ValueError(f"--port is {port}: {error.strerror}; give another one") from None


def _json(value: Any) -> Answer:
    return 200, "application/json", json.dumps(value).encode()


def _text(status: int, text: str) -> Answer:
    return status, "text/plain; charset=utf-8", text.encode()
