"""The registers on an APB: a task image loaded through them, what they say, and their descriptions."""

import re
import subprocess

import numpy as np
import pytest
from systemrdl import RDLCompiler
from systemrdl.node import RegNode

from export.datapath import structure, task_image
from export.graph import golden
from export.graph.graph import core_digest
from export.hardware import registers, simulate, verilog
from export.hardware.registers import REGISTERS
from export.hardware.simulate import SimulationError
from export.network import Network
from tests.export.hardware.test_simulate import REFUSALS
from tests.support.hardware import designed, one_module, other_numbers, status_of

# A processor between the task port that the bench drives and the bus: it reads STATUS until a word can be written.
PROCESSOR = """
module processor (input wire clk, input wire reset, input wire begins, input wire valid, output logic ready,
    input wire [31:0] data, output logic [3:0] status, output logic psel, output logic penable, output logic pwrite,
    output logic [11:0] paddr, output logic [31:0] pwdata, input wire [31:0] prdata, input wire pslverr);
  logic asked, can_write;
  wire  ends = psel && penable;
  always_ff @(posedge clk) begin
    ready <= 1'b0;
    if (reset) begin
      {psel, penable, asked, can_write} <= 0;
      status <= 2;
    end else begin
      if (begins) asked <= 1'b1;
      if (psel && !penable) penable <= 1'b1;
      if (ends) begin
        if (pslverr) $display("nothing moved; bus error at %h", paddr);
        if (pslverr) $finish;
        {psel, penable} <= 0;
        if (!pwrite) status <= prdata[3:0];
        if (!pwrite) can_write <= prdata[8];
      end
      if (!psel && !ready) begin
        psel   <= 1'b1;
        pwrite <= asked || (can_write && valid);
        paddr  <= asked ? 12'h00c : can_write && valid ? 12'h010 : 12'h008;
        pwdata <= asked ? 1 : data;
        ready  <= !asked && can_write && valid;
        asked  <= begins;
        can_write <= 1'b0;
      end
    end
  end
endmodule
"""


def through_registers(built, planned, plan):
    """The same simulation, in which the processor loads the task image."""
    top, bench = verilog.top_name(planned.design), built.folder / simulate.BENCH
    (built.folder / f"{top}_apb.sv").write_text(registers.files(planned.design, plan)[f"rtl/{top}_apb.sv"])
    text = bench.read_text()
    ports = re.search(rf"  {top} datapath \((.*?)\);\n", text, re.DOTALL)
    streams = re.findall(r"\.(?:image|output\d+)_t\w+\(\w+\)", ports[1])
    between = f"""  wire psel, penable, pwrite, pready, pslverr;
  wire [11:0] paddr;
  wire [31:0] pwdata, prdata;
  processor processor (.clk(clk), .reset(reset), .begins(begins), .valid(task_valid), .ready(task_ready), .data(task_data),
      .status(status), .psel(psel), .penable(penable), .pwrite(pwrite), .paddr(paddr), .pwdata(pwdata), .prdata(prdata),
      .pslverr(pslverr));
  {top}_apb datapath (.clk(clk), .reset(reset), .psel(psel), .penable(penable), .pwrite(pwrite), .paddr(paddr),
      .pwdata(pwdata), .prdata(prdata), .pready(pready), .pslverr(pslverr), {", ".join(streams)});
"""
    bench.write_text(text.replace(ports[0], between) + PROCESSOR)
    sources = sorted(path.name for path in built.folder.glob("*.sv"))
    simulate.with_icarus(sources, built.folder)
    return built


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    planned, plan = designed(one_module())
    folder = tmp_path_factory.mktemp("registers")
    return through_registers(simulate.build(planned.design, plan, folder, "icarus", False), planned, plan), plan


@pytest.mark.icarus
def test_tasks_loaded_by_a_processor_give_goldens_bytes(simulation):
    built, plan = simulation
    images = golden.random_inputs(plan.graph, 2)["image"]
    other = other_numbers(plan.graph)
    for graph in plan.graph, other:
        image = task_image.write(Network(graph).plan).content
        made, _ = built.run(images, image, plan.given)
        expected = golden.run(graph, {"image": images}, graph.outputs)
        for name in plan.given:
            np.testing.assert_array_equal(made[name], expected[name])


@pytest.mark.icarus
def test_refusals_reach_the_processor(simulation):
    built, plan = simulation
    images = golden.random_inputs(plan.graph, 1)["image"]
    for what, damage in REFUSALS.items():
        with pytest.raises(SimulationError, match=f"status {status_of(what)}\n"):
            built.run(images, damage(task_image.write(plan).content), plan.given)


READS = """
module bench;
  reg clk = 0, reset = 1, psel = 0, penable = 0, pwrite = 0;
  reg [11:0] paddr; reg [31:0] pwdata = 0;
  wire [31:0] prdata, data; wire pready, pslverr, begins, valid;
  sf_registers #(.WORDS(77), .CORE(256'h@CORE@), .DATAPATH(256'h@DATAPATH@)) registers (.clk(clk), .reset(reset),
      .psel(psel), .penable(penable), .pwrite(pwrite), .paddr(paddr), .pwdata(pwdata), .prdata(prdata), .pready(pready),
      .pslverr(pslverr), .task_begins(begins), .task_valid(valid), .task_ready(1'b0), .task_data(data), .task_status(4'd2));
  always #1 clk = !clk;
  task access(input [11:0] address, input is_write);
    begin
      @(negedge clk) psel = 1; penable = 0; paddr = address; pwrite = is_write;
      @(negedge clk) penable = 1;
      #0.5 $display("%h %0d %h %0d", address, is_write, prdata, pslverr);
      @(negedge clk) psel = 0; penable = 0;
    end
  endtask
  initial begin
    repeat (3) @(negedge clk); reset = 0;
    for (int i = 0; i < 30; i++) access(12'(4 * i), 0);
    for (int i = 0; i < 30; i++) if (i != 3) access(12'(4 * i), 1);
    access(12, 1); access(16, 1); access(16, 1); access(8, 0);
    $finish;
  end
endmodule
"""


@pytest.mark.icarus
def test_each_register_says_what_it_is_and_all_else_is_an_error(tmp_path):
    core, datapath = bytes(range(32)), bytes(range(100, 132))
    text = READS.replace("@CORE@", core[::-1].hex()).replace("@DATAPATH@", datapath[::-1].hex())
    (tmp_path / "bench.sv").write_text(text)
    source = verilog.RTL / "control" / "sf_registers.sv"
    command = simulate.with_icarus(["bench.sv", source], tmp_path, top="bench")
    out = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in out.splitlines() if re.match(r"[0-9a-f]{3} ", line)]
    read = {int(address, 16): (int(data, 16), int(error)) for address, _, data, error in lines[:30]}
    words = {0: int.from_bytes(b"SFHW", "little"), 4: 1, 8: 2, 0x14: 77}
    words |= {0x20 + i: int.from_bytes(core[i : i + 4], "little") for i in range(0, 32, 4)}
    words |= {0x40 + i: int.from_bytes(datapath[i : i + 4], "little") for i in range(0, 32, 4)}
    for address, (data, error) in read.items():
        known = address in words or address in (0xC, 0x10)
        assert error == (not known) and (address not in words or data == words[address]), hex(address)
    assert all(error == "1" for *_, error in lines[30:-4]), "nothing is written but BEGIN, and words after it"
    assert [line[-1] for line in lines[-4:]] == ["0", "0", "1", "0"], "a second word before the first was taken"
    assert int(lines[-1][2], 16) == 15, "loading, and no further word yet"


def test_the_description_is_systemrdl_with_the_same_registers(tmp_path):
    planned, plan = designed(one_module())
    made = registers.files(planned.design, plan)
    (tmp_path / "registers.rdl").write_text(made["registers.rdl"])
    compiler = RDLCompiler()
    compiler.compile_file(str(tmp_path / "registers.rdl"))
    found = {}
    for node in compiler.elaborate().top.descendants(unroll=False):
        if isinstance(node, RegNode):
            count = node.array_dimensions[0] if node.is_array else 1
            fields = tuple((field.inst_name, field.high, field.low) for field in node.fields())
            found[node.inst_name] = (node.raw_address_offset, count, node.has_sw_writable, fields)
    assert found == {
        each.name: (each.offset, each.count, each.is_written, tuple(sorted(each.fields, key=lambda field: field[2])))
        for each in REGISTERS
    }
    digests = core_digest(plan.graph), structure.digest(plan)
    for name, digest in zip(("CORE", "DATAPATH"), digests):
        assert f".{name}(256'h{bytes.fromhex(digest)[::-1].hex()})" in made["rtl/module_datapath_apb.sv"]


DRIVER = r"""
#include <stdio.h>
#include "sf_hardware.h"

// Registers that always take a word, and refuse or accept at the end.
int main(void) {
  static uint32_t base[32];
  static const uint32_t words[3] = {1, 2, 3};
  base[SF_HARDWARE_STATUS / 4] = SF_HARDWARE_READY | 8;
  const uint32_t status = sf_hardware_load(base, words, 3);
  printf("%u %u %u\n", (unsigned)status, (unsigned)base[SF_HARDWARE_WORD / 4], (unsigned)base[SF_HARDWARE_BEGIN / 4]);
  return 0;
}
"""


@pytest.mark.compiler
def test_the_header_loads_an_image(tmp_path):
    planned, plan = designed(one_module())
    (tmp_path / "sf_hardware.h").write_text(registers.files(planned.design, plan)["sf_hardware.h"])
    (tmp_path / "main.c").write_text(DRIVER)
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "main.c", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout == "8 3 1\n"
