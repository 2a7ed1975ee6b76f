"""Each block of a datapath as an instance of a module of rtl/, with its wires; and the modules of frozen codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import singledispatch

import numpy as np
import numpy.typing as npt

from export.hardware import blocks, hardwired
from export.hardware.blocks import SHIFT_BITS, Block, Codes, Design, Stream, identifier

Ports = dict[str, str]


def module(
    kind: str, name: str, parameters: Mapping[str, object], ports: Ports, common: tuple[str, ...] = ("clk", "reset")
) -> list[str]:
    ports = {**{port: port for port in common}, **ports}
    lines = [f"  {kind} #("]
    lines += [f"      .{key}({value})," for key, value in parameters.items()]
    lines[-1] = lines[-1].rstrip(",")
    lines += [f"  ) {name} ("] if parameters else []
    lines = lines if parameters else [f"  {kind} {name} ("]
    lines += [f"      .{key}({value})," for key, value in ports.items()]
    return [*lines[:-1], lines[-1].rstrip(","), "  );"]


def is_at(switch: int, positions: Iterable[int]) -> str:
    """Return the condition that a switch of the task is in one of some positions."""
    return "(" + " || ".join(f"switches[{32 * switch}+:32] == {each}" for each in positions) + ")"


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
def instance(block: Block) -> list[str]:
    raise TypeError(f"{block.name}: the generator has no {type(block).__name__}")


@instance.register
def _fork(block: blocks.Fork) -> list[str]:
    ports = {
        "in_valid": f"{block.input.name}_valid",
        "in_ready": f"{block.input.name}_ready",
        "out_valid": _gathered(block.outputs, "valid"),
        "out_ready": _gathered(block.outputs, "ready"),
    }
    wiring = [f"  assign {stream.name}_data = {block.input.name}_data;" for stream in block.outputs]
    return module("sf_fork", f"{block.outputs[0].name}_fork", {"READERS": len(block.outputs)}, ports) + wiring


@instance.register
def _fifo(block: blocks.Fifo) -> list[str]:
    parameters, ports = {"BITS": block.input.kept_width, "DEPTH": block.depth, "PACK": block.pack}, _through(block)
    name, input, wiring = block.output.name, block.input, []
    if input.positive:
        kept, lanes = input.bits - 1, range(input.lanes)
        narrow = ", ".join(f"{input.name}_data[{input.bits * i}+:{kept}]" for i in reversed(lanes))
        wide = ", ".join(f"1'b0, {name}_kept[{kept * i}+:{kept}]" for i in reversed(lanes))
        wiring = [f"  wire [{input.kept_width - 1}:0] {name}_kept;", f"  assign {name}_data = {{{wide}}};"]
        ports |= {"in_data": f"{{{narrow}}}", "out_data": f"{name}_kept"}
    return wiring + module("sf_fifo", f"{name}_fifo", parameters, ports)


@instance.register
def _gear(block: blocks.Gear) -> list[str]:
    parameters = {"IN_BITS": block.input.width, "OUT_BITS": block.output.width}
    return module("sf_gear", f"{block.output.name}_gear", parameters, _through(block))


@instance.register
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
    return module("sf_join", f"{output}_join", {"WRITERS": len(block.inputs)}, ports, ()) + wiring


@instance.register
def _select(block: blocks.Select) -> list[str]:
    ports, wiring = _without_data(block)
    parameters = {"BEATS": block.input.beats, "FIRST": block.first, "COUNT": block.count}
    return module("sf_select", f"{block.output.name}_select", parameters, ports) + wiring


@instance.register
def _gate(block: blocks.Gate) -> list[str]:
    ports, wiring = _without_data(block)
    ports = {"on": is_at(block.switch, range(block.positions[0], block.positions[1] + 1)), **ports}
    return module("sf_gate", f"{block.output.name}_gate", {}, ports, ()) + wiring


@instance.register
def _choose(block: blocks.Choose) -> list[str]:
    parameters = {"BITS": block.output.width, "WRITERS": len(block.inputs)}
    ports = {f"in_{part}": _gathered(block.inputs, part) for part in ("valid", "ready", "data")}
    ports |= _stream_ports(block.output, "out")
    return module("sf_choose", f"{block.output.name}_choose", parameters, ports, ())


@instance.register
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
    return register + module("sf_core_shuffle", f"{block.output.name}_shuffle", parameters, ports)


@instance.register
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
        "PACK": block.pack,
    }
    return module("sf_window", f"{block.output.name}_window", parameters, _through(block))


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
        return wires + module(rom_name(block), f"{name}_rom", {}, ports, ("clk",))
    parameters = {"FIRST": codes.word, "LANES": lanes, "BEATS": beats, "TAPS": taps, "MACS": macs, "PASSES": passes}
    return wires + module("sf_weights", f"{name}_weights", parameters, {"load": "load", **ports}, ("clk",))


def _code_ports(block: Block) -> Ports:
    name = block.output.name
    return {"read": f"{name}_read", "address": f"{name}_address", "codes": f"{name}_codes"}


@instance.register
def _depthwise(block: blocks.Depthwise) -> list[str]:
    taps, lanes, beats, steps = block.input.taps, block.input.lanes, block.input.beats, block.steps
    parameters = {
        "TAPS": taps,
        "LANES": lanes,
        "BEATS": beats,
        "STEPS": steps,
        "SUM_BITS": block.output.bits,
        "ZERO_POINT": block.zero_point,
    }
    ports = {**_through(block), **_code_ports(block)}
    instance = module("sf_depthwise", f"{block.output.name}_depthwise", parameters, ports)
    return _memory(block, lanes, beats, steps, 1, taps // steps) + instance


@instance.register
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
    return memory + module("sf_convolve", f"{block.output.name}_convolve", parameters, ports)


@instance.register
def _hardwired(block: blocks.Hardwired) -> list[str]:
    name, parameters = block.output.name, {"IN_BITS": block.input.width, "OUT_BITS": block.output.width}
    wires = [f"  wire [{bits - 1}:0] {name}_{what};" for what, bits in zip(("pixel", "sums"), parameters.values())]
    matrix = module(matrix_name(block), f"{name}_matrix", {}, {"x": f"{name}_pixel", "y": f"{name}_sums"}, ())
    ports = {**_through(block), "pixel": f"{name}_pixel", "sums": f"{name}_sums"}
    return wires + matrix + module("sf_hardwired", f"{name}_hardwired", parameters, ports)


@instance.register
def _requantise(block: blocks.Requantise) -> list[str]:
    if block.share is not None:  # the engine comes after all blocks
        return []
    name, lanes, beats = block.output.name, block.output.lanes, block.output.beats
    wires = [
        f"  wire {name}_read;",
        f"  wire [{max((beats - 1).bit_length(), 1) - 1}:0] {name}_address;",
        f"  wire [{block.bias_bits * lanes - 1}:0] {name}_biases;",
        f"  wire [{(SHIFT_BITS + block.factor_bits) * lanes - 1}:0] {name}_factors;",
    ]
    of_memory = {"FIRST": block.word, "LANES": lanes, "BEATS": beats, "BIAS_BITS": block.bias_bits}
    of_memory["FACTOR_BITS"] = block.factor_bits
    constants = {"biases": f"{name}_biases", "factors": f"{name}_factors"}
    memory_ports = {"load": "load", "read": f"{name}_read", "read_address": f"{name}_address", **constants}
    parameters = {
        "LANES": lanes,
        "BEATS": beats,
        "IN_BITS": block.input.bits,
        "BIAS_BITS": block.bias_bits,
        "SUM_BITS": block.sum_bits,
        "FACTOR_BITS": block.factor_bits,
        "STEPS": block.steps,
        "ZERO_POINT": block.zero_point,
        "MINIMUM": block.minimum,
        "MAXIMUM": block.maximum,
    }
    ports = {**_through(block), "read": f"{name}_read", "address": f"{name}_address", **constants}
    return [
        *wires,
        *module("sf_parameters", f"{name}_parameters", of_memory, memory_ports, ("clk",)),
        *module("sf_requantise", f"{name}_requantise", parameters, ports),
    ]


def shared_requantisers(design: Design) -> list[str]:
    """Return the requantisers that streams share."""
    engines: dict[int, list[blocks.Requantise]] = {}
    for block in design.blocks:
        if isinstance(block, blocks.Requantise) and block.share is not None:
            engines.setdefault(block.share.engine, []).append(block)
    return [
        line for number, members in engines.items() for line in _shared_requantiser(f"requantiser{number}", members)
    ]


def _shared_requantiser(name: str, members: list[blocks.Requantise]) -> list[str]:
    members = sorted(members, key=lambda each: each.share.position if each.share else 0)
    first = members[0]
    assert first.share is not None
    beats, streams, in_bits = first.output.beats, len(members), first.share.in_bits
    inputs, outputs = tuple(each.input for each in members), tuple(each.output for each in members)
    signed = ", ".join(f"{in_bits}'($signed({each.name}_data))" for each in reversed(inputs))
    rectified = "".join(str(int(each.minimum == 0)) for each in reversed(members))
    words = "".join(f"{each.word:05x}" for each in reversed(members))
    factor_bits = SHIFT_BITS + first.factor_bits
    wires = [
        "",
        f"  // The requantiser of {', '.join(each.name for each in members)}",
        f"  wire {name}_read;",
        f"  wire [{max((streams * beats - 1).bit_length(), 1) - 1}:0] {name}_address;",
        f"  wire [{first.bias_bits - 1}:0] {name}_bias;",
        f"  wire [{factor_bits - 1}:0] {name}_factor;",
    ]
    common = {"STREAMS": streams, "BEATS": beats, "BIAS_BITS": first.bias_bits, "FACTOR_BITS": first.factor_bits}
    constants = {"read": f"{name}_read", "bias": f"{name}_bias", "factor": f"{name}_factor"}
    memory = {"load": "load", "read_address": f"{name}_address", **constants}
    ports = {
        **{f"in_{part}": _gathered(inputs, part) for part in ("valid", "ready")},
        "in_data": f"{{{signed}}}",
        "address": f"{name}_address",
        **constants,
        **{f"out_{part}": _gathered(outputs, part) for part in ("valid", "ready", "data")},
    }
    own = {"IN_BITS": in_bits, "SUM_BITS": first.sum_bits, "STEPS": first.steps, "RECTIFIED": f"{streams}'b{rectified}"}
    parameters = {**common, "FIRSTS": f"{20 * streams}'h{words}"}
    return [
        *wires,
        *module("sf_shared_parameters", f"{name}_parameters", parameters, memory, ("clk",)),
        *module("sf_shared_requantise", name, {**common, **own}, ports),
    ]


def product_wires(block: blocks.Blend) -> tuple[str, str]:
    return f"{block.output.name}_frozen", f"{block.output.name}_trainable"


@instance.register
def _blend(block: blocks.Blend) -> list[str]:
    frozen, trainable = block.inputs
    wires = [f"  wire [{block.output.width - 1}:0] {name};" for name in product_wires(block)]
    parameters = {
        "FIRST_ALPHA": block.words[0],
        "FIRST_BETA": block.words[1],
        "MINIMUM": block.minimum,
        "LANES": block.output.lanes,
        "BEATS": block.output.beats,
    }
    ports = {
        "load": "load",
        **_stream_ports(frozen, "frozen"),
        **_stream_ports(trainable, "trainable"),
        **_stream_ports(block.output, "out"),
        **dict(zip(("frozen_product", "trainable_product"), product_wires(block))),
    }
    return wires + module("sf_blend", f"{block.output.name}_blend", parameters, ports)


@instance.register
def _pool(block: blocks.Pool) -> list[str]:
    parameters = {
        "PIXELS": block.input.pixels,
        "CHANNELS": block.input.beats,
        "MINIMUM": block.minimum,
        "MAXIMUM": block.maximum,
    }
    return module("sf_pool", f"{block.output.name}_pool", parameters, _through(block))


@instance.register
def _lookup(block: blocks.Lookup) -> list[str]:
    ports = {"load": "load", **_through(block)}
    return module("sf_lookup", f"{block.output.name}_lookup", {"FIRST": block.word}, ports)


# --- Modules of frozen codes ------------------------------------------------------------------------------------------


def constants(block: Block) -> dict[str, str]:
    """Return the module of a block's frozen codes by the name of its file: a ROM, a hardwired matrix, or none."""
    if isinstance(block, blocks.Hardwired):
        name = matrix_name(block)
        return {f"{name}.sv": hardwired.matrix(name, block.codes, block.output.bits)}
    return {f"{rom_name(block)}.sv": rom_module(block)} if is_frozen(block) else {}


def matrix_name(block: Block) -> str:
    return f"matrix_{identifier(block.name)}"


def is_frozen(block: Block) -> bool:
    return isinstance(block, blocks.Depthwise | blocks.Convolve) and block.codes.frozen


def rom_name(block: Block) -> str:
    return f"rom_{identifier(block.name)}"


def rom_module(block: Block) -> str:
    codes: npt.NDArray[np.int8] = block.codes.codes  # type: ignore[attr-defined]
    words, width = len(codes), codes.shape[1]
    bits = max((words - 1).bit_length(), 1)
    lines = [
        f"// Frozen codes of {block.name}: {words} words of {width} codes",
        "`default_nettype none",
        f"module {rom_name(block)} (",
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
