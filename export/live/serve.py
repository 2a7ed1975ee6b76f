"""Serves the page of a network on the loopback interface, and computes golden's bytes for it."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from export.c import project
from export.c.test_vector import vector_image
from export.graph import golden, meaning
from export.live.build import build
from export.network import Network

HOST = "127.0.0.1"


def server(network: Network, port: int = 0) -> ThreadingHTTPServer:
    """Return a server that is bound and not yet running. port: 0 takes a free one.

    Raises: as build; OSError if the port is in use.
    """
    graph = network.graph
    files = {
        "/": ("text/html; charset=utf-8", (project.MICRO / "live" / "page.html").read_bytes()),
        "/network.json": ("application/json", json.dumps(described(network)).encode()),
        "/network.wasm": ("application/wasm", build(network.plan)),
    }
    shape = graph.tensor(graph.inputs[0]).shape

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = files.get(self.path, ("text/plain", b""))
            self._answer(200 if self.path in files else 404, kind, content)

        def do_POST(self) -> None:
            """Codes of an image in, all outputs of golden out."""
            size = int(self.headers.get("Content-Length", 0))
            if self.path != "/golden" or size != np.prod(shape):
                self._answer(400, "text/plain", b"expected the codes of one image")
                return
            codes = np.frombuffer(self.rfile.read(size), np.int8).reshape(1, *shape)
            made = golden.run(graph, codes, graph.outputs)
            self._answer(200, "application/octet-stream", b"".join(made[name].tobytes() for name in graph.outputs))

        def _answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return ThreadingHTTPServer((HOST, port), Handler)


def described(network: Network) -> dict[str, Any]:
    """Return what the page must know of a network."""
    graph = network.graph
    height, width, channels = graph.tensor(graph.inputs[0]).shape
    sizes = [graph.tensor(name).size for name in graph.outputs]
    known = meaning.meanings_of(graph).get(graph.outputs[0])
    return {
        "name": graph.name,
        "height": height,
        "width": width,
        "channels": channels,
        "output_bytes": sum(sizes),
        "first_output": sizes[0],
        "classes": list(known.classes) if known else [],
        "vector": vector_image(graph).ravel().tolist(),
    }
