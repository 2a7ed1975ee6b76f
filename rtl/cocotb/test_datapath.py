"""Test bench of a datapath in cocotb: loads task.bin, sends frames back to back, and compares all outputs with golden's.

`make` runs it in Icarus, `make SIM=verilator` in Verilator. Sources and sinks pause at random: PAUSES is the share of clocks.
vectors.json says what the ports carry; change it and the .bin files for frames of your own.
"""

import json
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, with_timeout

HERE = Path(__file__).parent
VECTORS = json.loads((HERE / "vectors.json").read_text())
PAUSES = 0.2
CLOCK = 2  # ns
LOADED, LOADING = 0, 15  # of task_status


class Port:
    """The wires of a stream."""

    def __init__(self, dut, valid, ready, data):
        self.clk = dut.clk
        self.valid, self.ready, self.data = (getattr(dut, name) for name in (valid, ready, data))

    async def send(self, content, width, pauses=PAUSES):
        """Send bytes, `width` per beat, the first lowest."""
        for i in range(0, len(content), width):
            while random.random() < pauses:
                self.valid.value = 0
                await RisingEdge(self.clk)
            self.valid.value = 1
            self.data.value = int.from_bytes(content[i : i + width], "little")
            await RisingEdge(self.clk)
            while not self.ready.value:
                await RisingEdge(self.clk)
        self.valid.value = 0

    async def receive(self, count, width, pauses=PAUSES):
        """Return so many bytes, `width` per beat."""
        content = b""
        while len(content) < count:
            is_ready = random.random() >= pauses
            self.ready.value = is_ready
            await RisingEdge(self.clk)
            if is_ready and self.valid.value:
                content += int(self.data.value).to_bytes(width, "little")
        self.ready.value = 0
        return content


@cocotb.test()
async def frames_are_goldens(dut):
    random.seed(1)
    Clock(dut.clk, CLOCK, unit="ns").start()
    task = Port(dut, "task_valid", "task_ready", "task_data")
    image = Port(dut, "image_tvalid", "image_tready", "image_tdata")
    outputs = [Port(dut, *(f"output{i}_t{what}" for what in ("valid", "ready", "data"))) for i in VECTORS["outputs"]]
    for wire in (dut.task_begins, task.valid, image.valid, *(port.ready for port in outputs)):
        wire.value = 0
    dut.reset.value = 1
    for _ in range(4):
        await RisingEdge(dut.clk)
    dut.reset.value = 0
    dut.task_begins.value = 1
    await RisingEdge(dut.clk)
    dut.task_begins.value = 0

    words = (HERE.parent / "task.bin").read_bytes()
    dut._log.info(f"loading the task image: {len(words) // 4:,} words, a clock each")
    await task.send(words, 4, pauses=0)
    while int(dut.task_status.value) == LOADING:
        await RisingEdge(dut.clk)
    assert int(dut.task_status.value) == LOADED, f"task image refused: {int(dut.task_status.value)}"

    dut._log.info("it is loaded; sending the frames")
    cocotb.start_soon(image.send((HERE / "image.bin").read_bytes(), VECTORS["image"]))
    expected = {i: (HERE / f"output{i}.bin").read_bytes() for i in VECTORS["outputs"]}
    receiving = [
        cocotb.start_soon(port.receive(len(expected[i]), width))
        for port, (i, width) in zip(outputs, VECTORS["outputs"].items())
    ]
    for i, received in zip(VECTORS["outputs"], receiving):
        assert await with_timeout(received, CLOCK * VECTORS["clocks"], "ns") == expected[i], (
            f"output{i} differs from golden"
        )
