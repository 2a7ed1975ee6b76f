"""The top module of a datapath: it connects modules of rtl/, sets their parameters, and brings the ROMs of frozen codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from export.datapath import structure, task_image
from export.graph.graph import core_digest
from export.graph.switches import PASSES
from export.hardware import blocks
from export.hardware.blocks import Block, Design, Stream, identifier
from export.hardware.instances import constants, instance, is_at, module, product_wires, shared_requantisers
from export.streaming.line_plan import LinePlan
from sfkeras import places

RTL = places.shipped("rtl")
APART = ("bench", "fpga")  # folders of rtl/ that are no part of a datapath
FACTOR, UNIT, SHIFT, ON = 1, 2, 3, 4  # kinds of words that sf_task checks: a factor, 2^30, a shift, 0 or 1


def files(design: Design, plan: LinePlan) -> dict[str, str]:
    """Return the content of each Verilog file by its name. The same design has the same bytes.

    Args:
        design: the datapath, its delays sized (schedule.py).
        plan: its line plan.
    """
    codes = {name: text for block in design.blocks for name, text in constants(block).items()}
    return {**library(), **codes, f"{top_name(design)}.sv": _top(design, plan)}


def library() -> dict[str, str]:
    """Return the content of each module of rtl/ that a datapath is made of, by file name."""
    paths = (path for path in sorted(RTL.rglob("*.sv")) if path.parent.name not in APART)
    return {path.name: path.read_text() for path in paths}


def top_name(design: Design) -> str:
    """Return the name of the top module."""
    return f"{identifier(design.name).lower()}_datapath"


def alone(block: Block) -> dict[str, str]:
    """Return the content of the files that one block adds to rtl/: a module `alone`, whose ports are its streams."""
    ports = ["input wire clk", "input wire reset", "input wire [55:0] load", "input wire [1023:0] switches"]
    for streams, forwards, backwards in ((block.inputs, "input", "output"), (block.outputs, "output", "input")):
        for stream in streams:
            ports.append(f"{forwards} wire {stream.name}_valid, {backwards} wire {stream.name}_ready")
            ports.append(f"{forwards} wire [{stream.width - 1}:0] {stream.name}_data")
    module = f"module alone ({', '.join(ports)});\n" + "\n".join(instance(block)) + "\nendmodule\n"
    return {"alone.sv": module, **constants(block)}


# --- The top module ---------------------------------------------------------------------------------------------------


def _top(design: Design, plan: LinePlan) -> str:
    image, outputs = design.image, design.outputs
    height, width, channels = image.shape
    ports = [
        "input wire clk",
        "input wire reset,  // in step with the clock; also inside a frame",
        "// A task image, word by word: `task_begins` for one clock, at any time, then the words, which are taken when all",
        "// frames have left. status: as sf_status, 15 while loading",
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
        *_task(design, plan),
        "  wire begins, open;",
        f"  wire [{image.width - 1}:0] image_data = image_tdata;",
        "  wire image_valid = image_tvalid && loaded && open;",
        "  wire image_ready;",
        "  assign image_tready = image_ready && loaded && open;",
    ]
    for block in design.blocks:
        lines += ["", f"  // {block.name}"]
        lines += [line for stream in block.outputs for line in _declared(stream)]
        lines += instance(block)
    lines += shared_requantisers(design)
    for i, stream in enumerate(outputs):
        lines += [
            "",
            f"  assign output{i}_tvalid = {stream.name}_valid;",
            f"  assign output{i}_tdata = {stream.name}_data;",
            f"  assign {stream.name}_ready = output{i}_tready;",
        ]
    lines += _swap(design, plan)
    lines += ["", "`ifdef SF_MONITORS", *_monitors(design), "`endif", "endmodule", "`default_nettype wire"]
    return "\n".join(lines) + "\n"


def _comma_separated(ports: list[str]) -> Iterator[str]:
    last = max(i for i, port in enumerate(ports) if not port.startswith("//"))
    for i, port in enumerate(ports):
        code, comment = (*port.split(",  //"), "")[:2]
        yield f"    {code}{'' if port.startswith('//') or i == last else ','}{f'  //{comment}' if comment else ''}"


def _switches(plan: LinePlan) -> list[str]:
    return [f"  wire [{max(32 * len(plan.switches), 1) - 1}:0] switches;"]


def _task(design: Design, plan: LinePlan) -> list[str]:
    sizes, switches = task_sizes(plan), plan.switches
    parameters: dict[str, object] = {
        "SIZES": len(sizes),
        "WORDS": words_of(size // 4 for size in sizes),
        **task_digests(plan),
        "SWITCHES": len(switches),
    }
    if switches:
        ends = (each for switch in switches for each in (switch.positions[0], switch.positions[-1]))
        parameters["POSITIONS"] = words_of(ends)
    ports = {
        "begins": "begins",
        "in_valid": "task_valid",
        "in_ready": "task_ready",
        "in_data": "task_data",
        "load": "load",
        "switches": "switches",
        "loaded": "loaded",
        "status": "task_status",
    }
    if checks := sorted(_checked_words(design)):
        digits = "".join(f"{kind:x}{last:05x}{first:05x}" for first, last, kind in reversed(checks))
        parameters |= {"CHECKS": len(checks), "RANGES": f"{44 * len(checks)}'h{digits}"}
    return module("sf_task", "task_registers", parameters, ports)


def _checked_words(design: Design) -> Iterator[tuple[int, int, int]]:
    """Return the words of a task image that sf_task checks: first, last and kind of each range of them."""
    for block in design.blocks:
        match block:
            case blocks.Requantise():
                channels = block.output.shape[2]
                yield block.word + channels, block.word + 2 * channels - 1, FACTOR
            case blocks.Blend():
                for word in block.words:
                    yield word, word, UNIT
                    yield word + 1, word + 1, SHIFT
            case blocks.CoreShuffle():
                yield block.word, block.word, ON


def task_sizes(plan: LinePlan) -> list[int]:
    """Return the bytes of task images: in each position of the first switch, if it is that of passes; else of all."""
    has_passes = bool(plan.switches) and plan.switches[0].name == PASSES
    return task_image.sizes(plan) if has_passes else [len(task_image.write(plan).content)]


def task_digests(plan: LinePlan) -> dict[str, object]:
    """Return whose the task images of a datapath are, as parameters of a module."""
    digests = {"CORE": core_digest(plan.graph), "DATAPATH": structure.digest(plan)}
    return {name: f"256'h{bytes.fromhex(digest)[::-1].hex()}" for name, digest in digests.items()}


def words_of(numbers: Iterable[int]) -> str:
    """Return numbers as one literal of 32 bits each, the first lowest."""
    digits = "".join(f"{number:08x}" for number in reversed([*numbers]))
    return f"{4 * len(digits)}'h{digits}"


def _swap(design: Design, plan: LinePlan) -> list[str]:
    """Watch all outputs, and all streams that a gate may drop."""
    watched: list[tuple[Stream, str]] = []
    conditions: dict[str, set[str]] = {}  # on which a stream has beats, by its name
    for block in design.blocks:
        needed = {each for stream in block.inputs for each in conditions.get(stream.name, ())}
        match block:
            case blocks.Gate():
                watched.append((block.input, " && ".join(sorted(needed)) or "1'b1"))
                first, last = block.positions
                needed = {*needed, is_at(block.switch, range(first, last + 1))}
            case blocks.Choose():  # one of its inputs always has
                needed = set()
        conditions |= {stream.name: needed for stream in block.outputs}
    for name, stream in zip(plan.graph.outputs, design.outputs):
        when = plan.when_given(name)
        watched.append((stream, "1'b1" if when is None else is_at(when.switch, when.positions)))
    parameters = {
        "IMAGE_BEATS": design.image.pixels * design.image.beats,
        "STREAMS": len(watched),
        "BEATS": words_of(stream.pixels * stream.beats for stream, _ in watched),
    }
    moves = ", ".join(f"{stream.name}_valid && {stream.name}_ready" for stream, _ in reversed(watched))
    ports = {
        "asked": "task_begins",
        "begins": "begins",
        "open": "open",
        "image_moves": "image_valid && image_ready",
        "counts": "{" + ", ".join(counts for _, counts in reversed(watched)) + "}",
        "moves": f"{{{moves}}}",
    }
    return ["", *module("sf_swap", "swap", parameters, ports)]


def _declared(stream: Stream) -> list[str]:
    name = stream.name
    return [f"  wire {name}_valid;", f"  wire {name}_ready;", f"  wire [{stream.width - 1}:0] {name}_data;"]


def _monitors(design: Design) -> Iterator[str]:
    """Return one monitor per tensor, for simulations that compare every tensor."""
    for stream, data in monitored(design).values():
        parameters = {"FILE": f'"{data}.hex"', "BITS": stream.width}
        ports = {"valid": f"{stream.name}_valid", "ready": f"{stream.name}_ready", "data": data}
        yield from module("sf_monitor", f"monitor_{data}", parameters, ports)


def monitored(design: Design) -> dict[str, tuple[Stream, str]]:
    """Return the tensors that the hardware makes: their stream, and the signal that holds a beat, by tensor name."""
    found = {}
    for stream in [design.image, *(stream for block in design.blocks for stream in block.outputs)]:
        if stream.tensor is not None:
            found[stream.tensor] = (stream, f"{stream.name}_data")
    for block in design.blocks:
        if isinstance(block, blocks.Blend):
            for product, name in zip(block.products, product_wires(block)):
                found[product] = (block.output, name)
    return found
