"""The datapath as Verilog gives golden's bytes at every tensor: with pauses, frames back to back, a reset, other tasks."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

from export.datapath import task_image
from export.graph import golden
from export.graph.operators import ChannelScale, Conv2D, Wire
from export.hardware import blocks, layout, simulate
from export.hardware.schedule import schedule
from export.hardware.simulate import SimulationError, Stalls
from export.network import Network
from tests.support.hardware import designed, narrow, one_module, other_numbers, simulated, status_of
from tests.support.networks.graphs import semifreddo
from tests.support.networks.repeated import repeated
from tests.support.networks.tasks import CORE

WAYS = [
    (1, Stalls(), 0),
    (1, Stalls(60, 120), 1500),
    pytest.param(4, Stalls(0, 30), 0, marks=pytest.mark.thorough),
    pytest.param(2, Stalls(100, 0), 0, marks=pytest.mark.thorough),
    (32, Stalls(40, 60), 3000),  # requantisers are shared
    (8, Stalls(60, 60), 900),
]


def assert_equal(made, expected):
    for name, values in made.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


@pytest.mark.icarus
@pytest.mark.parametrize("clocks_per_pixel, stalls, reset", WAYS)
def test_every_tensor_is_goldens(tmp_path, clocks_per_pixel, stalls, reset):
    made, clocks, expected, planned = simulated(one_module(), tmp_path, 2, clocks_per_pixel, stalls, reset)
    assert expected.keys() - made.keys() <= {"head.input"}  # a Wire that is one with what reads it
    assert_equal(made, expected)
    if stalls == Stalls():
        assert clocks <= planned.latency + planned.clocks


@pytest.mark.icarus
def test_delays_with_beats_side_by_side(tmp_path, monkeypatch):
    """Those of large networks are; here all are."""
    monkeypatch.setattr(blocks, "WORDS_PER_BIT", 0)
    made, _, expected, planned = simulated(one_module(), tmp_path, 3, 1, Stalls(30, 90))
    assert all(block.pack == 8 for block in planned.design.blocks if isinstance(block, blocks.Window))
    assert_equal(made, expected)


@pytest.mark.icarus
def test_another_task_is_loaded_from_its_image(tmp_path):
    graph, task = one_module(), other_numbers(one_module())
    planned, plan = designed(graph)
    built = simulate.build(planned.design, plan, tmp_path, "icarus")
    images = golden.random_inputs(graph, 1)
    outputs = []
    for each in (graph, task):
        content = task_image.write(designed(each)[1]).content
        made, _ = built.run(images["image"], content, plan.given)
        assert_equal(made, golden.run(each, images))
        outputs.append(made["head.pointwise"])
    assert not np.array_equal(*outputs)


@pytest.mark.icarus
@pytest.mark.parametrize("stalls", [Stalls(60, 60), pytest.param(Stalls(0, 250), marks=pytest.mark.thorough)])
def test_tasks_are_swapped_between_frames(tmp_path, stalls):
    """Each frame is that of its task, though the next task is asked for while a frame is on its way."""
    graph, task = one_module(), other_numbers(one_module())
    planned, plan = designed(graph)
    built = simulate.build(planned.design, plan, tmp_path, "icarus", stalls=stalls)
    images = golden.random_inputs(graph, 6)["image"]
    contents = [task_image.write(designed(each)[1]).content for each in (graph, task, graph)]
    made, _ = built.run(images, b"".join(contents), plan.given, tasks=3)
    parts = [golden.run(each, {"image": images[2 * i : 2 * i + 2]}) for i, each in enumerate((graph, task, graph))]
    assert_equal(made, {name: np.concatenate([part[name] for part in parts]) for name in made})


@pytest.mark.icarus
@pytest.mark.parametrize("pooled", [pytest.param(False, marks=pytest.mark.thorough), True])
@pytest.mark.parametrize("most, passes", [(1, (1, 1)), pytest.param(2, (1, 2, 1), id="passes")])
def test_tasks_with_switches_are_swapped(tmp_path, most, passes, pooled):
    """A head that may pool, and a module that may be passed twice: some streams have no beats, and the frames leave all the
    same."""
    structure = {"pooled": pooled, "cores": 1, "size": (4, 6)}
    network = Network(repeated(most, **structure))
    tasks = [Network(repeated(n, seed=i, **structure)).as_task_of(network.plan) for i, n in enumerate(passes, 3)]
    design = schedule(layout.design(network.compiled.graph, network.compiled)).design
    built = simulate.build(design, network.compiled, tmp_path, "icarus", stalls=Stalls(0, 250))
    images = golden.random_inputs(network.graph, 2 * len(tasks))["image"]
    content = b"".join(task_image.write(each.plan).content for each in tasks)
    made, _ = built.run(images, content, network.plan.given, tasks=len(tasks))
    parts = [golden.run(each.graph, {"image": images[2 * i : 2 * i + 2]}) for i, each in enumerate(tasks)]
    (output,) = network.plan.given
    np.testing.assert_array_equal(made[output], np.concatenate([part["head.task.activation"] for part in parts]))


@pytest.mark.icarus
def test_positions_that_a_switch_does_not_have_are_refused(tmp_path):
    network = Network(repeated(2, cores=1, size=(4, 6)))
    design = schedule(layout.design(network.compiled.graph, network.compiled)).design
    built = simulate.build(design, network.compiled, tmp_path, "icarus", every_tensor=False)
    images, image = golden.random_inputs(network.graph, 1)["image"], task_image.write(network.plan).content
    first = task_image.HEADER.size  # the switches: passes, and the head's pool
    for what, offset, position in (("BAD_SWITCH", 0, 3), ("BAD_SWITCH", 4, 2), ("OTHER_SIZE", 0, 1)):
        with pytest.raises(SimulationError, match=f"status {status_of(what)}\n"):
            built.run(images, changed(image, first + offset, bytes([position])), network.plan.given)


def changed(image, offset, content, seal=True):
    """An image with other bytes, and with the checksum that they need."""
    image = bytearray(image)
    image[offset : offset + len(content)] = content
    if seal:
        image[12:16] = struct.pack("<I", zlib.crc32(image[16:]))
    return bytes(image)


def with_word(kind, part, word):
    """Damage: an image with another word in the section of the module's first operator of a kind, `part` words from its
    begin."""

    def damage(image):
        plan = designed(one_module())[1]
        name = next(o.name for o in plan.graph.operators if isinstance(o, kind) and getattr(o, "core_shuffle", True))
        offset = task_image.write(plan).sections[name] + 4 * part
        return changed(image, offset, struct.pack("<I", word))

    return damage


STEM = 4  # channels, whose biases come before the factors
REFUSALS = {  # statuses of the C, and damages that it answers so
    "NOT_A_TASK": lambda image: changed(image, 0, b"SFTX"),
    "OTHER_VERSION": lambda image: changed(image, 4, b"\2"),
    "OTHER_SIZE": lambda image: changed(image, 8, b"\0"),
    "DAMAGED": lambda image: changed(image, 200, b"\x55\xaa", seal=False),
    "OTHER_CORE": lambda image: changed(image, 47, b"\x01"),
    "OTHER_DATAPATH": lambda image: changed(image, 48, b"\x01"),
    "BAD_FACTOR": with_word(Conv2D, STEM, 1 << 30 | 64 + 1),  # a shift to the left
    "BAD_FACTOR of -32": with_word(Conv2D, STEM, 1 << 30 | 64 - 32),
    "BAD_FACTOR, negative": with_word(Conv2D, STEM, 1 << 31 | 64),
    "BAD_FACTOR of a blend": with_word(ChannelScale, 0, 3 << 29),
    "BAD_FACTOR of a blend's shift": with_word(ChannelScale, 1, 1),
    "BAD_SWITCH": with_word(Wire, 0, 2),
}


@pytest.mark.icarus
def test_an_image_is_refused_for_the_reasons_that_the_c_has(tmp_path):
    planned, plan = designed(one_module())
    built = simulate.build(planned.design, plan, tmp_path, "icarus", every_tensor=False)
    images = golden.random_inputs(plan.graph, 1)["image"]
    for what, damage in REFUSALS.items():
        with pytest.raises(SimulationError, match=f"status {status_of(what)}\n"):
            built.run(images, damage(task_image.write(plan).content), plan.given)
        assert not (tmp_path / "output0.hex").read_text().rpartition("reset")[2].split(), what


def assert_equal_at_every_tensor(graph, folder, clocks_per_pixel, simulator):
    """Two frames back to back, in the clocks that the schedule says."""
    made, clocks, expected, planned = simulated(graph, folder, 2, clocks_per_pixel, simulator=simulator)
    assert expected.keys() - made.keys() <= {"head.input"}
    assert_equal(made, expected)
    assert clocks <= planned.latency + planned.clocks


@pytest.mark.icarus
def test_the_stages_of_table_1(tmp_path):
    """All four, with one frozen unit each."""
    graph = semifreddo((32, 16), (4, 4, 4, 4, 8), classes=3, units=1)
    assert_equal_at_every_tensor(replace(graph, metadata={"core": CORE}), tmp_path, 1, "icarus")


@pytest.mark.verilator
@pytest.mark.thorough
@pytest.mark.parametrize("clocks_per_pixel", [1, 4])
def test_the_network_of_table_1_in_verilator(tmp_path, clocks_per_pixel):
    """All four stages with all units, an eighth as wide."""
    assert_equal_at_every_tensor(narrow(), tmp_path, clocks_per_pixel, "verilator")
