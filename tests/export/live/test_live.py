"""The page of a network in a browser: the C as WebAssembly gives golden's bytes."""

import re
import subprocess
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest

from export.graph import golden, meaning
from export.graph.golden import random_inputs
from export.graph.meaning import Meaning
from export.live.serve import HOST, server
from export.network import Network
from tests.support.tasks import every_operator

# As a network of faces, which has the C of people too.
GRAPH = meaning.attach(every_operator(), {"pool": Meaning("faces", threshold=0.5)})
pytestmark = pytest.mark.wasm


@pytest.fixture(scope="module")
def address():
    running = server(Network(GRAPH))
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://{HOST}:{running.server_port}/"
    running.shutdown()
    thread.join()


def test_golden_is_asked_over_the_loopback_interface(address):
    image = random_inputs(GRAPH, 1)["image"]
    made = golden.run(GRAPH, image, GRAPH.outputs)
    asked = urllib.request.Request(address + "golden", data=image.tobytes())
    with urllib.request.urlopen(asked) as answer:
        assert answer.read() == b"".join(made[name].tobytes() for name in GRAPH.outputs)


@pytest.mark.parametrize("path, data", [("golden", b"short"), ("../etc/passwd", None), ("else", b"")])
def test_what_is_not_there_is_refused(path, data, address):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(address + path, data=data))
    assert refused.value.code in (400, 404)


@pytest.mark.browser
def test_the_page_gives_goldens_bytes(address):
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=20000",
        "--dump-dom",
        address,
    ]
    seen = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout
    cells = dict(re.findall(r'<td id="(\w+)">([^<]*)</td>', seen))
    assert cells["golden"] == f"all {sum(np.prod(GRAPH.tensor(name).shape) for name in GRAPH.outputs)} bytes equal"
    assert cells["says"].startswith("largest of output 0: value ")
    assert cells["first"].endswith(" ms")
