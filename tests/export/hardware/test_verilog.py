"""The Verilog of a network: Verilator has nothing to say about it but what rtl/lint.vlt waives."""

import subprocess

import pytest

from export.hardware import simulate, verilog
from tests.support.hardware import designed, one_module


@pytest.mark.verilator
def test_verilator_has_no_warning(tmp_path):
    planned, plan = designed(one_module())
    for name, text in verilog.files(planned.design, plan).items():
        (tmp_path / name).write_text(text)
    options = ["--lint-only", "-Wall", "--top-module", verilog.top_name(planned.design)]
    sources = [verilog.RTL / "lint.vlt", *sorted(tmp_path.glob("*.sv"))]
    said = subprocess.run([simulate.verilator(), *options, *sources], capture_output=True, text=True, timeout=120)
    assert (said.returncode, said.stderr) == (0, "")
