"""The top module of a datapath: it connects modules of rtl/, sets their parameters, and brings the ROMs of frozen codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import singledispatch

import numpy as np
import numpy.typing as npt

from export.datapath import structure, task_image
from export.graph.graph import core_digest
from export.hardware import blocks
from export.hardware.blocks import Block, Codes, Design, Stream, identifier
from export.streaming.line_plan import LinePlan
from sfkeras import places

RTL = places.shipped("rtl")
Ports = dict[str, str]


def files(design: Design, plan: LinePlan) -> dict[str, str]:
    """Return the content of each Verilog file by its name. The same design has the same bytes.

    Args:
        design: the datapath, its delays sized (schedule.py).
        plan: its line plan.
    """
    library = {path.name: path.read_text() for path in sorted(RTL.rglob("*.sv")) if path.parent.name != "bench"}
    roms = {f"{_rom(block)}.sv": _rom_module(block) for block in design.blocks if _is_frozen(block)}
    return {**library, **roms, f"{top_name(design)}.sv": _top(design, plan)}


def top_name(design: Design) -> str:
    """Return the name of the top module."""
    return f"{identifier(design.name).lower()}_datapath"


# --- The top module ---------------------------------------------------------------------------------------------------


def _top(design: Design, plan: LinePlan) -> str:
    image, outputs = design.image, design.outputs
    height, width, channels = image.shape
    ports = [
        "input wire clk",
        "input wire reset,  // in step with the clock; also inside a frame",
        "// A task image, word by word: `task_begins` for one clock, then the words. status: as sf_status, 15 while loading",
        "input wire task_begins",
        "input wire task_valid",
        "output wire task_ready",
        "input wire [31:0] task_data",
        "output wire [3:0] task_status",
        f"// The image, AXI4-Stream: {height}x{width}x{channels}, {image.lanes} codes per beat, the first lowest",
        "input wire image_tvalid",
        "output wire image_tready",
        f"input wire [{image.width - 1}:0] image_tdata",
    ]
    for i, stream in enumerate(outputs):
        size = "x".join(map(str, stream.shape))
        ports += [
            f"// Output {plan.graph.outputs[i]}: {size}, {stream.lanes} codes per beat",
            f"output wire output{i}_tvalid",
            f"input wire output{i}_tready",
            f"output wire [{stream.width - 1}:0] output{i}_tdata",
        ]
    lines = [
        f"// {design.name}: {height}x{width}x{channels}, {design.clocks_per_pixel} clocks per pixel. Made by sfkeras of the",
        f"// datapath {structure.digest(plan)}.",
        "`default_nettype none",
        f"module {top_name(design)} (",
        *_comma_separated(ports),
        ");",
        "  wire [55:0] load;",
        "  wire loaded;",
        *_switches(plan),
        *_task(plan),
        f"  wire [{image.width - 1}:0] image_data = image_tdata;",
        "  wire image_valid = image_tvalid && loaded;",
        "  wire image_ready;",
        "  assign image_tready = image_ready && loaded;",
    ]
    for block in design.blocks:
        lines += ["", f"  // {block.name}"]
        lines += [line for stream in block.outputs for line in _declared(stream)]
        lines += _instance(block)
    for i, stream in enumerate(outputs):
        lines += [
            "",
            f"  assign output{i}_tvalid = {stream.name}_valid;",
            f"  assign output{i}_tdata = {stream.name}_data;",
            f"  assign {stream.name}_ready = output{i}_tready;",
        ]
    lines += ["", "`ifdef SF_MONITORS", *_monitors(design), "`endif", "endmodule", "`default_nettype wire"]
    return "\n".join(lines) + "\n"


def _comma_separated(ports: list[str]) -> Iterator[str]:
    last = max(i for i, port in enumerate(ports) if not port.startswith("//"))
    for i, port in enumerate(ports):
        code, comment = (*port.split(",  //"), "")[:2]
        yield f"    {code}{'' if port.startswith('//') or i == last else ','}{f'  //{comment}' if comment else ''}"


def _switches(plan: LinePlan) -> list[str]:
    return [f"  wire [{max(32 * len(plan.switches), 1) - 1}:0] switches;"]


def _task(plan: LinePlan) -> list[str]:
    digests = {"CORE": core_digest(plan.graph), "DATAPATH": structure.digest(plan)}
    parameters = {
        "WORDS": len(task_image.write(plan).content) // 4,
        "SWITCHES": len(plan.switches),
        **{name: f"256'h{bytes.fromhex(digest)[::-1].hex()}" for name, digest in digests.items()},
    }
    ports = {
        "begins": "task_begins",
        "in_valid": "task_valid",
        "in_ready": "task_ready",
        "in_data": "task_data",
        "load": "load",
        "switches": "switches",
        "loaded": "loaded",
        "status": "task_status",
    }
    return _module("sf_task", "task_registers", parameters, ports)


def _declared(stream: Stream) -> list[str]:
    name = stream.name
    return [f"  wire {name}_valid;", f"  wire {name}_ready;", f"  wire [{stream.width - 1}:0] {name}_data;"]


def _monitors(design: Design) -> Iterator[str]:
    """Return one monitor per tensor, for simulations that compare every tensor."""
    for stream, data in monitored(design).values():
        parameters = {"FILE": f'"{data}.hex"', "BITS": stream.width}
        ports = {"valid": f"{stream.name}_valid", "ready": f"{stream.name}_ready", "data": data}
        yield from _module("sf_monitor", f"monitor_{data}", parameters, ports)


def monitored(design: Design) -> dict[str, tuple[Stream, str]]:
    """Return the tensors that the hardware makes: their stream, and the signal that holds a beat, by tensor name."""
    found = {}
    for stream in [design.image, *(stream for block in design.blocks for stream in block.outputs)]:
        if stream.tensor is not None:
            found[stream.tensor] = (stream, f"{stream.name}_data")
    for block in design.blocks:
        if isinstance(block, blocks.Blend):
            for product, name in zip(block.products, _product_wires(block)):
                found[product] = (block.output, name)
    return found


# --- Instances --------------------------------------------------------------------------------------------------------


def _module(
    module: str, name: str, parameters: Mapping[str, object], ports: Ports, common: tuple[str, ...] = ("clk", "reset")
) -> list[str]:
    ports = {**{port: port for port in common}, **ports}
    lines = [f"  {module} #("]
    lines += [f"      .{key}({value})," for key, value in parameters.items()]
    lines[-1] = lines[-1].rstrip(",")
    lines += [f"  ) {name} ("] if parameters else []
    lines = lines if parameters else [f"  {module} {name} ("]
    lines += [f"      .{key}({value})," for key, value in ports.items()]
    return [*lines[:-1], lines[-1].rstrip(","), "  );"]


def _stream_ports(stream: Stream, prefix: str) -> Ports:
    return {f"{prefix}_{part}": f"{stream.name}_{part}" for part in ("valid", "ready", "data")}


def _through(block: Block) -> Ports:
    """Return the ports of a block with one input and one output."""
    return {**_stream_ports(block.input, "in"), **_stream_ports(block.output, "out")}


def _without_data(block: Block) -> tuple[Ports, list[str]]:
    """Return the ports of a block whose data are only wired, and the wiring."""
    ports = {key: value for key, value in _through(block).items() if not key.endswith("data")}
    return ports, [f"  assign {block.output.name}_data = {block.input.name}_data;"]


def _gathered(streams: tuple[Stream, ...], part: str) -> str:
    return "{" + ", ".join(f"{stream.name}_{part}" for stream in reversed(streams)) + "}"


@singledispatch
def _instance(block: Block) -> list[str]:
    raise TypeError(f"{block.name}: the generator has no {type(block).__name__}")


@_instance.register
def _fork(block: blocks.Fork) -> list[str]:
    ports = {
        "in_valid": f"{block.input.name}_valid",
        "in_ready": f"{block.input.name}_ready",
        "out_valid": _gathered(block.outputs, "valid"),
        "out_ready": _gathered(block.outputs, "ready"),
    }
    wiring = [f"  assign {stream.name}_data = {block.input.name}_data;" for stream in block.outputs]
    return _module("sf_fork", f"{block.outputs[0].name}_fork", {"READERS": len(block.outputs)}, ports) + wiring


@_instance.register
def _fifo(block: blocks.Fifo) -> list[str]:
    parameters, ports = {"BITS": block.input.kept_width, "DEPTH": block.depth}, _through(block)
    name, input, wiring = block.output.name, block.input, []
    if input.positive:
        kept, lanes = input.bits - 1, range(input.lanes)
        narrow = ", ".join(f"{input.name}_data[{input.bits * i}+:{kept}]" for i in reversed(lanes))
        wide = ", ".join(f"1'b0, {name}_kept[{kept * i}+:{kept}]" for i in reversed(lanes))
        wiring = [f"  wire [{input.kept_width - 1}:0] {name}_kept;", f"  assign {name}_data = {{{wide}}};"]
        ports |= {"in_data": f"{{{narrow}}}", "out_data": f"{name}_kept"}
    return wiring + _module("sf_fifo", f"{name}_fifo", parameters, ports)


@_instance.register
def _gear(block: blocks.Gear) -> list[str]:
    parameters = {"IN_BITS": block.input.width, "OUT_BITS": block.output.width}
    return _module("sf_gear", f"{block.output.name}_gear", parameters, _through(block))


@_instance.register
def _join(block: blocks.Join) -> list[str]:
    sources = [(stream, lane) for stream in block.inputs for lane in range(stream.lanes)]
    lanes = [f"{sources[i][0].name}_data[{8 * sources[i][1]}+:8]" for i in reversed(block.order)]
    wiring = [f"  assign {block.output.name}_data = {{{', '.join(lanes)}}};"]
    output = block.output.name
    if len(block.inputs) == 1:
        input = block.input.name
        wiring += [f"  assign {output}_valid = {input}_valid;", f"  assign {input}_ready = {output}_ready;"]
        return wiring
    ports = {
        "in_valid": _gathered(block.inputs, "valid"),
        "in_ready": _gathered(block.inputs, "ready"),
        "out_valid": f"{output}_valid",
        "out_ready": f"{output}_ready",
    }
    return _module("sf_join", f"{output}_join", {"WRITERS": len(block.inputs)}, ports, ()) + wiring


@_instance.register
def _select(block: blocks.Select) -> list[str]:
    ports, wiring = _without_data(block)
    parameters = {"BEATS": block.input.beats, "FIRST": block.first, "COUNT": block.count}
    return _module("sf_select", f"{block.output.name}_select", parameters, ports) + wiring


@_instance.register
def _gate(block: blocks.Gate) -> list[str]:
    ports, wiring = _without_data(block)
    positions = range(block.positions[0], block.positions[1] + 1)
    ports = {"on": " || ".join(f"switches[{32 * block.switch}+:32] == {each}" for each in positions), **ports}
    return _module("sf_gate", f"{block.output.name}_gate", {}, ports, ()) + wiring


@_instance.register
def _core_shuffle(block: blocks.CoreShuffle) -> list[str]:
    own, other = block.inputs
    switch = f"{block.output.name}_on"
    ports = {
        "on": switch,
        **_stream_ports(own, "own"),
        **_stream_ports(other, "other"),
        **_stream_ports(block.output, "out"),
    }
    register = [
        f"  logic {switch};",
        f"  always_ff @(posedge clk) if (load[54] && load[53:34] == {block.word}) {switch} <= load[0];",
    ]
    parameters = {"BEATS": own.beats, "LANES": own.lanes}
    return register + _module("sf_core_shuffle", f"{block.output.name}_shuffle", parameters, ports)


@_instance.register
def _window(block: blocks.Window) -> list[str]:
    height, width, _ = block.input.shape
    parameters = {
        "HEIGHT": height,
        "WIDTH": width,
        "BEATS": block.input.beats,
        "LANES": block.input.lanes,
        "PARTS": block.parts,
        "STRIDE_Y": block.strides[0],
        "STRIDE_X": block.strides[1],
        "TOP": block.padding[0],
        "LEFT": block.padding[1],
        "OUT_HEIGHT": block.output_size[0],
        "OUT_WIDTH": block.output_size[1],
        "FILL": block.fill,
        "CODE_BITS": block.input.bits - block.input.positive,
        "DEPTH": block.depth,
    }
    return _module("sf_window", f"{block.output.name}_window", parameters, _through(block))


def _memory(block: Block, lanes: int, beats: int, passes: int, macs: int, taps: int) -> list[str]:
    """Return the memory of a convolution's codes: a ROM of the generator, or one that is loaded."""
    codes: Codes = block.codes  # type: ignore[attr-defined]
    name = block.output.name
    address = max((beats * passes - 1).bit_length(), 1)
    wires = [
        f"  wire {name}_read;",
        f"  wire [{address - 1}:0] {name}_address;",
        f"  wire [{8 * codes.codes.shape[1] - 1}:0] {name}_codes;",
    ]
    ports = {"read": f"{name}_read", "read_address": f"{name}_address", "read_data": f"{name}_codes"}
    if codes.frozen:
        return wires + _module(_rom(block), f"{name}_rom", {}, ports, ("clk",))
    parameters = {"FIRST": codes.word, "LANES": lanes, "BEATS": beats, "TAPS": taps, "MACS": macs, "PASSES": passes}
    return wires + _module("sf_weights", f"{name}_weights", parameters, {"load": "load", **ports}, ("clk",))


def _code_ports(block: Block) -> Ports:
    name = block.output.name
    return {"read": f"{name}_read", "address": f"{name}_address", "codes": f"{name}_codes"}


@_instance.register
def _depthwise(block: blocks.Depthwise) -> list[str]:
    taps, lanes, beats = block.input.taps, block.input.lanes, block.input.beats
    parameters = {
        "TAPS": taps,
        "LANES": lanes,
        "BEATS": beats,
        "SUM_BITS": block.output.bits,
        "ZERO_POINT": block.zero_point,
    }
    ports = {**_through(block), **_code_ports(block)}
    instance = _module("sf_depthwise", f"{block.output.name}_depthwise", parameters, ports)
    return _memory(block, lanes, beats, 1, 1, taps) + instance


@_instance.register
def _convolve(block: blocks.Convolve) -> list[str]:
    parameters = {
        "LANES": block.lanes,
        "BEATS": block.input.beats,
        "PASSES": block.passes,
        "MACS": block.macs,
        "OUT_LANES": block.output.lanes,
        "SUM_BITS": block.output.bits,
        "ZERO_POINT": block.zero_point,
    }
    ports = {**_through(block), **_code_ports(block)}
    memory = _memory(block, block.input.lanes, block.input.beats, block.passes, block.macs, block.input.taps)
    return memory + _module("sf_convolve", f"{block.output.name}_convolve", parameters, ports)


@_instance.register
def _requantise(block: blocks.Requantise) -> list[str]:
    name, lanes, beats = block.output.name, block.output.lanes, block.output.beats
    wires = [
        f"  wire {name}_read;",
        f"  wire [{max((beats - 1).bit_length(), 1) - 1}:0] {name}_address;",
        f"  wire [{block.bias_bits * lanes - 1}:0] {name}_biases;",
        f"  wire [{29 * lanes - 1}:0] {name}_factors;",
    ]
    of_memory = {"FIRST": block.word, "LANES": lanes, "BEATS": beats, "BIAS_BITS": block.bias_bits}
    constants = {"biases": f"{name}_biases", "factors": f"{name}_factors"}
    memory_ports = {"load": "load", "read": f"{name}_read", "read_address": f"{name}_address", **constants}
    parameters = {
        "LANES": lanes,
        "BEATS": beats,
        "IN_BITS": block.input.bits,
        "BIAS_BITS": block.bias_bits,
        "SUM_BITS": block.sum_bits,
        "ZERO_POINT": block.zero_point,
        "MINIMUM": block.minimum,
        "MAXIMUM": block.maximum,
    }
    ports = {**_through(block), "read": f"{name}_read", "address": f"{name}_address", **constants}
    return [
        *wires,
        *_module("sf_parameters", f"{name}_parameters", of_memory, memory_ports, ("clk",)),
        *_module("sf_requantise", f"{name}_requantise", parameters, ports),
    ]


def _product_wires(block: blocks.Blend) -> tuple[str, str]:
    return f"{block.output.name}_frozen", f"{block.output.name}_trainable"


@_instance.register
def _blend(block: blocks.Blend) -> list[str]:
    frozen, trainable = block.inputs
    wires = [f"  wire [{block.output.width - 1}:0] {name};" for name in _product_wires(block)]
    parameters = {
        "FIRST_ALPHA": block.words[0],
        "FIRST_BETA": block.words[1],
        "LANES": block.output.lanes,
        "BEATS": block.output.beats,
    }
    ports = {
        "load": "load",
        **_stream_ports(frozen, "frozen"),
        **_stream_ports(trainable, "trainable"),
        **_stream_ports(block.output, "out"),
        **dict(zip(("frozen_product", "trainable_product"), _product_wires(block))),
    }
    return wires + _module("sf_blend", f"{block.output.name}_blend", parameters, ports)


@_instance.register
def _pool(block: blocks.Pool) -> list[str]:
    parameters = {
        "PIXELS": block.input.pixels,
        "CHANNELS": block.input.beats,
        "MINIMUM": block.minimum,
        "MAXIMUM": block.maximum,
    }
    return _module("sf_pool", f"{block.output.name}_pool", parameters, _through(block))


@_instance.register
def _lookup(block: blocks.Lookup) -> list[str]:
    ports = {"load": "load", **_through(block)}
    return _module("sf_lookup", f"{block.output.name}_lookup", {"FIRST": block.word}, ports)


# --- ROMs of frozen codes ---------------------------------------------------------------------------------------------


def _is_frozen(block: Block) -> bool:
    return isinstance(block, blocks.Depthwise | blocks.Convolve) and block.codes.frozen


def _rom(block: Block) -> str:
    return f"rom_{identifier(block.name)}"


def _rom_module(block: Block) -> str:
    codes: npt.NDArray[np.int8] = block.codes.codes  # type: ignore[attr-defined]
    words, width = len(codes), codes.shape[1]
    bits = max((words - 1).bit_length(), 1)
    lines = [
        f"// Frozen codes of {block.name}: {words} words of {width} codes",
        "`default_nettype none",
        f"module {_rom(block)} (",
        "    input wire clk,",
        "    input wire read,",
        f"    input wire [{bits - 1}:0] read_address,",
        f"    output logic [{8 * width - 1}:0] read_data",
        ");",
        f"  logic [{bits - 1}:0] address;  // its few bits are registered, not the word",
        "  always_ff @(posedge clk) if (read) address <= read_address;",
        "  always_comb begin",
        "    case (address)",
        *(f"      {bits}'d{i}: read_data = {8 * width}'h{row[::-1].tobytes().hex()};" for i, row in enumerate(codes)),
        "      default: read_data = 0;",
        "    endcase",
        "  end",
        "endmodule",
        "`default_nettype wire",
    ]
    return "\n".join(lines) + "\n"
