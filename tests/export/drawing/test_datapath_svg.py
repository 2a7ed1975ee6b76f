"""The drawing of a datapath: every stage is in it, and nothing lies on anything else."""

import xml.etree.ElementTree as ElementTree
from itertools import combinations, product

import pytest
from hypothesis import HealthCheck, given, settings

from export.drawing import datapath_svg
from export.drawing.blocks import blocks_of
from export.drawing.svg import text_width
from export.graph.operators import Add, switched_sources
from export.streaming import line_plan
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.networks.streams import random_streams
from tests.support.networks.tasks import every_operator

SVG = "{http://www.w3.org/2000/svg}"


class Drawing:
    """What lies where in a drawing: places are (left, top, right, bottom)."""

    def __init__(self, plan):
        self.text = datapath_svg.draw(plan)
        self.root = ElementTree.fromstring(self.text)
        blocks = [element for element in self.root.iter() if element.get("class") == "block"]
        self.blocks = {block.find(f"{SVG}title").text: self.place(block) for block in blocks}
        self.texts = [self.text_place(element) for element in self.root.iter(f"{SVG}text")]
        self.paths = [self.segments(path) for path in self.root.findall(f"{SVG}path")]
        self.lines = [line for path in self.paths for line in path]

    @staticmethod
    def place(element):
        if element.tag == f"{SVG}circle":
            x, y, radius = (float(element.get(name)) for name in ("cx", "cy", "r"))
            return x - radius, y - radius, x + radius, y + radius
        x, y, width, height = (float(element.get(name)) for name in ("x", "y", "width", "height"))
        return x, y, x + width, y + height

    @staticmethod
    def text_place(element):
        x, y, size = (float(element.get(name)) for name in ("x", "y", "font-size"))
        width = text_width(element.text, size, element.get("font-weight") == "bold")
        x -= {"start": 0, "middle": width / 2, "end": width}[element.get("text-anchor", "start")]
        return x, y - 0.75 * size, x + width, y + 0.2 * size

    @staticmethod
    def segments(path):
        points = [tuple(map(float, point.split(","))) for point in path.get("d")[1:].split(" L")]
        return [(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)) for (x0, y0), (x1, y1) in zip(points, points[1:])]


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def run_together(one, other):
    """Whether two lines lie on each other for more than a point."""
    width, height = (min(one[i + 2], other[i + 2]) - max(one[i], other[i]) for i in (0, 1))
    return (width == 0 and height > 0) or (height == 0 and width > 0)


def is_within(inner, outer):
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def assert_well_drawn(plan):
    drawing = Drawing(plan)
    assert drawing.text == datapath_svg.draw(plan)
    titles = [line.split(": ")[0] for title in drawing.blocks for line in title.split("\n")]
    assert sorted(titles) == sorted(["image", *(stage.operator.name for stage in plan.stages)])
    places, page = [*drawing.blocks.values()], (0, 0, *(float(drawing.root.get(side)) for side in ("width", "height")))
    assert all(is_within(each, page) for each in (*places, *drawing.texts, *drawing.lines))
    assert not any(overlap(*pair) for pair in combinations(places, 2))
    assert not any(overlap(*pair) for pair in combinations(drawing.texts, 2))
    for text in drawing.texts:
        assert not any(overlap(text, block) and not is_within(text, block) for block in places)
        assert not any(overlap(text, line) for line in drawing.lines)
    for one, other in combinations(drawing.paths, 2):
        from_one_source = one[0][:2] == other[0][:2]
        assert from_one_source or not any(run_together(*pair) for pair in product(one, other))
    for line in drawing.lines:  # a line may touch a block's edge, but not pass through it
        assert not any(overlap(line, (x0 + 1, y0 + 1, x1 - 1, y1 - 1)) for x0, y0, x1, y1 in places)


def cores_net(cores, frozen=True, passes=1, heads=("cores",)):
    """A network with the names of the paper's units, one convolution each."""
    net = Builder()
    net.input((32, 32, 3))
    names = [*(["frozen"] if frozen else []), *(f"core{i}" for i in range(1, cores + 1))]
    maps = {name: net.convolution(f"{name}.stem", "image", 8, frozen=name == "frozen") for name in names}
    for stage in ["stage1", "stage2", *(f"stage2.pass{i}" for i in range(2, passes + 1))]:
        for name in names:
            for unit in (".unit1", ".unit2") if name == "frozen" else ("",):
                maps[name] = net.depthwise(f"{name}.{stage}{unit}.depthwise", maps[name], frozen=name == "frozen")
        if frozen:
            for name in names[1:]:
                maps[name] = net.blend(f"{name}.{stage}.blend", maps["frozen"], maps[name])
        if cores > 1:
            followed = zip(names[-cores:], [*names[-cores + 1 :], names[-cores]])
            swapped = {"sources": switched_sources(8, True), "core_shuffle": True}
            maps |= {a: net.wire(f"{stage}.core_shuffle.{a}", [maps[a], maps[b]], **swapped) for a, b in followed}
    outputs = []
    for head in heads:
        read = (
            net.concat(f"head.{head}.join", *(maps[name] for name in names[-cores:])) if head == "cores" else maps[head]
        )
        outputs.append(net.convolution(f"head.{head}.pointwise", read, 4))
    return net.graph(*outputs, name="cores")


@pytest.mark.parametrize(
    "graph",
    [
        semifreddo((96, 96)),
        cores_net(1),
        cores_net(0, heads=["frozen"]),
        cores_net(2, frozen=False, passes=2),
        cores_net(3, passes=2, heads=["frozen", "core3", "cores"]),
        cores_net(4, heads=["core1", "core2", "frozen"]),
    ],
    ids=["paper", "one core", "frozen core", "no frozen core", "three cores", "four cores"],
)
def test_the_papers_units_have_a_block_each(graph):
    plan = line_plan.plan(graph)
    assert len(blocks_of(plan).lanes) == len({name.split(".")[0] for name in graph.macs() if "stem" in name})
    assert_well_drawn(plan)


def test_units_blends_and_core_shuffles_of_the_paper():
    blocks = blocks_of(line_plan.plan(semifreddo((32, 32))))
    kinds = [block.kind for block in blocks.blocks.values()]
    assert blocks.lanes == ["core1", "frozen", "core2"]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "image": 1,
        "unit": 3 + 4 * 4 + 2 * 4,
        "blend": 2 * 4,
        "core shuffle": 2 * 4,
        "head": 1,
    }


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(random_streams())
def test_any_network_has_a_box_a_stage(graph):
    assert_well_drawn(line_plan.plan(graph))


def test_every_operator_is_drawn():
    assert_well_drawn(line_plan.plan(every_operator()))


def test_names_may_hold_anything():
    net = Builder()
    net.input((8, 8, 2), name="image")
    net.convolution('a<b> & "c"\x01\ufffe' + 300 * "W", "image", 2)
    net.add(Add(name="frozen.sum", inputs=list(net.tensors)), 2.0**-3)
    plan = line_plan.plan(net.graph("frozen.sum", name="<&>" + 150 * "W"))
    assert len(Drawing(plan).blocks) == 3
