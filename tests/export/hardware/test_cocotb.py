"""The test bench in cocotb that is written beside the Verilog: it passes, and sees a wrong byte."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from export.graph.switches import ways
from export.hardware import folder
from export.network import Network
from tests.export.hardware.test_fpga import smallest
from tests.support.networks.repeated import repeated

pytestmark = [
    pytest.mark.icarus,
    pytest.mark.skipif(not importlib.util.find_spec("cocotb"), reason="needs cocotb"),
]


def ran(chip):
    """How many tests of the bench failed, and what it said."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["make"], cwd=chip / "cocotb", env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=300
    )
    results = chip / "cocotb" / "results.xml"
    assert results.exists(), ended.stdout + ended.stderr
    cases = list(ElementTree.parse(results).iter("testcase"))
    assert len(cases) == 1
    return len(list(cases[0].iter("failure"))), ended.stdout + ended.stderr


def test_two_outputs_are_compared_with_goldens(tmp_path):
    network = Network(smallest("head.pointwise"))
    folder.write(network.graph, network.plan, tmp_path, 8)
    assert ran(tmp_path)[0] == 0
    expected = tmp_path / "cocotb" / "output1.bin"
    content = expected.read_bytes()
    expected.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    failed, said = ran(tmp_path)
    assert failed == 1 and "output1 differs from golden" in said


def test_outputs_that_a_task_does_not_give_are_not_waited_for(tmp_path):
    network = Network(repeated(1, pooled=True))
    folder.write(ways(network.graph).graph, network.plan, tmp_path, 32)
    assert (
        len(list((tmp_path / "cocotb").glob("output*.bin")))
        == len(network.plan.given)
        < len(network.plan.graph.outputs)
    )
    assert ran(tmp_path)[0] == 0
