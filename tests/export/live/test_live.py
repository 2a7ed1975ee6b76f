"""The page of networks in a browser: the C as WebAssembly gives golden's bytes, whatever is loaded, swapped or dropped."""

import threading
import urllib.error
import urllib.request

import numpy as np
import pytest

from export.c.test_vector import vector_image
from export.graph import golden, meaning
from export.graph.golden import random_inputs
from export.graph.meaning import Meaning
from export.live import build
from export.live.serve import HOST, Site, server
from export.network import Network
from export.tflite.writing.writer import write
from tests.support.browser import Browser
from tests.support.networks.graphs import semifreddo
from tests.support.networks.tasks import every_operator, other_task

# As a network of faces, which has the C of people too.
GRAPH = meaning.attach(every_operator(), {"pool": Meaning("faces", threshold=0.5)})
OTHER = other_task(GRAPH)
SMALL = semifreddo((32, 32), (8, 8, 16, 16, 32))
# Share of the pixels that something is drawn on.
FILLED = """(() => {
  const canvas = element("rows"), pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.filter((value, i) => i % 4 === 3 && value).length / (canvas.width * canvas.height);
})()"""
pytestmark = pytest.mark.wasm


@pytest.fixture(scope="module")
def address():
    running = server([Network(GRAPH), Network(OTHER)])
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://{HOST}:{running.server_port}/"
    running.shutdown()
    thread.join()


def bytes_of(graph, image):
    made = golden.run(graph, image, graph.outputs)
    return b"".join(made[name].tobytes() for name in graph.outputs)


def size_of(graph):
    return sum(graph.tensor(name).size for name in graph.outputs)


def test_golden_is_asked_over_the_loopback_interface(address):
    image = random_inputs(GRAPH, 1)["image"]
    for number, graph in enumerate([GRAPH, OTHER]):
        asked = urllib.request.Request(f"{address}golden/{number}", data=image.tobytes())
        with urllib.request.urlopen(asked) as answer:
            assert answer.read() == bytes_of(graph, image)


@pytest.mark.parametrize(
    "path, data, code",
    [
        ("golden/0", b"short", 400),
        ("golden/7", b"", 400),
        ("../etc/passwd", None, 404),
        ("page/page.js", None, 404),
        ("task/7", None, 404),
        ("module/7", None, 404),
        ("else", b"", 400),
        ("compile?name=broken.tflite", b"no model", 400),
    ],
)
def test_what_is_not_there_is_refused(path, data, code, address):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(address + path, data=data))
    assert refused.value.code == code


@pytest.mark.parametrize("header", [("Origin", "http://elsewhere.example"), ("Host", "elsewhere.example")])
def test_another_page_that_the_browser_shows_cannot_ask(header, address):
    asked = urllib.request.Request(address + "compile?name=x.tflite", data=b"x", headers=dict([header]))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    assert refused.value.code == 403


def test_tasks_of_one_datapath_share_a_module():
    site = Site([Network(SMALL), Network(other_task(SMALL)), Network(semifreddo((32, 48), (8, 8, 16, 16, 32)))])
    assert [site.description(i)["module"] for i in range(3)] == [0, 0, 1]
    assert site.module(0).startswith(b"\0asm")
    assert site.get("/task/0")[2] != site.get("/task/1")[2]


def test_a_build_without_vectors_is_smaller(monkeypatch):
    plan = Network(SMALL).plan
    assert len(build.build(plan, flags=())) < len(build.build(plan))


def test_a_length_that_is_no_number_is_refused(address):
    asked = urllib.request.Request(address + "golden/0", data=b"x", headers={"Content-Length": "x"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(asked)


def test_a_port_that_is_in_use_is_told(address):
    with pytest.raises(ValueError, match="--port is .*: Address already in use; give another one"):
        server([Network(GRAPH)], int(address.split(":")[2].strip("/")))


@pytest.mark.browser
def test_the_page_gives_goldens_bytes(address, tmp_path):
    image = vector_image(GRAPH)
    embedding = golden.run(GRAPH, image, ("pool",))["pool"]
    with Browser(address) as page:
        assert page.wait_for("golden", "all ") == f"all {size_of(GRAPH)} bytes equal"
        page.wait_for("kernels", "wasm_simd")
        assert page.text("first").endswith(" ms")
        assert float(page.wait_for("rate", page.text("rate"))) > 0

        # Somebody is enrolled and known again.
        assert page.text("says") == "a face; enrol somebody to compare it with"
        page.evaluate("element('person').value = 'Zoë'; element('people').requestSubmit()")
        assert page.wait_for("known", "Zoë") == "Zoë is person 1"
        assert page.text("says") == ("Zoë (cosine 1.000)" if embedding.any() else "")

        # A screen reader has a name for all that it meets, and the keyboard reaches all that can be used.
        assert page.without_a_name() == []
        assert page.reached_by_tab() == page.for_the_keyboard()

        # Another task on the same module, and back.
        for number, graph in (1, OTHER), (0, GRAPH):
            page.evaluate("show('golden', '')")
            page.evaluate(f"element('networks').children[{number}].click()")
            assert page.wait_for("golden", "all ") == f"all {size_of(graph)} bytes equal"
            assert page.text("swap").startswith("Another task on the same core: image of ")
            assert bytes(page.evaluate("Array.from(run(codes), (code) => code & 255)")) == bytes_of(graph, image)

        # A .tflite is dropped, and then something that is none.
        content = write(SMALL).content
        dropped = f"new File([Uint8Array.from({list(content)})], 'dropped.tflite')"
        page.evaluate(f"take([{dropped}])")
        assert page.text("name") == "dropped"
        assert page.wait_for("golden", "all ") == f"all {size_of(SMALL)} bytes equal"
        assert page.text("fits").startswith("fits on ")
        page.evaluate("take([new File(['no model'], 'broken.tflite')]).catch(failed)")
        assert page.wait_for("says", "failed: ").startswith("failed: broken.tflite: ")

        # A picture, row by row, and the camera.
        page.evaluate(
            "new Promise((done) => element('seen').toBlob((blob) => take([new File([blob], 'seen.png')]).then(done)))"
        )
        page.evaluate("rowByRow()")
        assert page.evaluate(FILLED) > 0.2, "rows are drawn"
        assert page.wait_for("golden", "all ") == f"all {size_of(SMALL)} bytes equal"
        page.evaluate("element('camera').click()")
        page.wait_for("golden", "pictures only")
        page.wait_for("says", "largest of output 0")
        for width in 1400, 400:
            page.screenshot(tmp_path / f"{width}.png", width)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"


@pytest.mark.browser
@pytest.mark.parametrize("network", [every_operator, lambda: SMALL], ids=["every operator", "semifreddo"])
def test_kernels_of_wasm_are_golden_at_random_images(network):
    graph = network()
    running = server([Network(graph)])
    threading.Thread(target=running.serve_forever).start()
    images = random_inputs(graph, 4)[graph.inputs[0]]
    try:
        with Browser(f"http://{HOST}:{running.server_port}/") as page:
            page.wait_for("golden", "all ")
            for image in images:
                script = f"Array.from(run(Int8Array.from({image.ravel().tolist()})), (code) => code & 255)"
                assert bytes(page.evaluate(script)) == bytes_of(graph, image[None])
    finally:
        running.shutdown()


def test_the_description_names_rows_and_boards():
    made = Site([Network(SMALL)]).description(0)
    assert made["rows"][0]["height"] == 32 and all(0 <= each["kept"] <= each["height"] for each in made["rows"])
    assert {each["fits"] for each in made["boards"]} == {True, False}
    assert np.prod([made["height"], made["width"], made["channels"]]) == len(made["vector"])
