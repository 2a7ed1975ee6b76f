"""The Verilog of a network: Verilator has nothing to say about it but what rtl/lint.vlt waives."""

import subprocess

import pytest

from export.hardware import registers, simulate, verilog
from tests.support.hardware import designed, one_module


@pytest.mark.verilator
def test_verilator_has_no_warning(tmp_path):
    planned, plan = designed(one_module())
    top = f"{verilog.top_name(planned.design)}_apb"
    made = verilog.files(planned.design, plan) | registers.files(planned.design, plan)
    for name, text in made.items():
        (tmp_path / name.removeprefix("rtl/")).write_text(text)
    options = ["--lint-only", "-Wall", "--top-module", top]
    sources = [verilog.RTL / "lint.vlt", *sorted(tmp_path.glob("*.sv"))]
    said = subprocess.run([simulate.verilator(), *options, *sources], capture_output=True, text=True, timeout=120)
    assert (said.returncode, said.stderr) == (0, "")
