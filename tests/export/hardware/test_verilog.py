"""The Verilog of a network: Verilator has nothing to say about it but what rtl/lint.vlt waives."""

import subprocess
from pathlib import Path

import pytest

from export.hardware import registers, simulate, verilog
from export.hardware.fpga import project
from tests.support.hardware import designed, one_module


@pytest.mark.verilator
@pytest.mark.parametrize("around", ["registers", "serial port"])
def test_verilator_has_no_warning(tmp_path, around):
    planned, plan = designed(one_module(), 32 if around == "serial port" else 1)
    tops = {"registers": f"{verilog.top_name(planned.design)}_apb", "serial port": project.TOP}
    made = verilog.files(planned.design, plan) | registers.files(planned.design, plan)
    made |= project.files(planned.design, plan, "ecp5-85")
    for name, text in made.items():
        (tmp_path / Path(name).name).write_text(text)
    options = ["--lint-only", "-Wall", "--top-module", tops[around]]
    sources = [verilog.RTL / "lint.vlt", *sorted(tmp_path.glob("*.sv"))]
    said = subprocess.run([simulate.verilator(), *options, *sources], capture_output=True, text=True, timeout=120)
    assert (said.returncode, said.stderr) == (0, "")
