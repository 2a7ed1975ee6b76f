"""The datapath as a drawing: an SVG with the frozen core between the trainable cores.

Data flows downwards.

In a network without the paper's units, every stage is a box, one below the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from export.datapath import description
from export.drawing.blocks import FROZEN, HEADS, STEMS, SWITCHES, Block, Blocks, Module, blocks_of
from export.drawing.grid import ENTERS, LANE_GAP, LEAVES, LINE, PADDING, RADIUS, Grid, junctions
from export.drawing.svg import Svg, fitted, text_width
from export.graph.operators import Operator, Window, is_frozen
from export.streaming.line_plan import Buffer, LinePlan, Stage

FILLS = {"frozen": "#dfe3e8", "configurable": "#cfe3fb", "neither": "#ffffff"}
EDGES = {"frozen": "#5c6875", "configurable": "#2a6fb8", "neither": "#8a94a0"}
INK, FAINT, WIRE, LANE, BRACKET = "#1d2733", "#56616d", "#4b5661", "#f5f6f8", "#c3cad2"

MARGIN, TOP, MODULES, LANE_TITLE = 24, 76, 92, 56
BOX, CHAIN_BOX = 240, 400
SMALL = 11  # size of letters
MEANINGS = {
    "frozen": "frozen: its codes are taped out",
    "configurable": "configurable: its codes come with the task image",
    "neither": "no codes: it moves, adds or pools",
}
BLEND = "blend: alpha x frozen + (1 - alpha) x trainable"
NOTES = [
    "2 x 768 B: so many rows of so many bytes stay from one line to the next, at that line or in that block",
    "lines 6 to 95: in these it makes its first and its last row; row n of the image arrives in line n",
]


def draw(plan: LinePlan) -> str:
    """Return the SVG's text. The same network has the same text."""
    blocks = blocks_of(plan)
    every = list(blocks.blocks.values())
    text, labels = (
        {each.name: _text(blocks, each) for each in every},
        {each.name: _label(blocks, each) for each in every},
    )
    top = TOP + LINE * (len(MEANINGS) + blocks.has_units + len(NOTES)) + MARGIN
    if blocks.has_units:
        grid = Grid(blocks, text, labels, MARGIN + MODULES + LANE_GAP / 2, top + LANE_TITLE, BOX)
    else:
        grid = Grid(blocks, text, labels, MARGIN, top, CHAIN_BOX)
    notes = [text_width(_summary(plan), SMALL + 1), *(text_width(note, SMALL) for note in NOTES)]
    width = 2 * MARGIN + max(grid.right + LANE_GAP / 2 - MARGIN, *notes)

    svg = Svg()
    _draw_header(svg, plan, width, blocks.has_units)
    if blocks.has_units:
        _draw_lanes(svg, grid, top)
        _draw_modules(svg, grid)
    for block in sorted(every, key=lambda block: block.core != FROZEN):  # other cores' lines pass over the frozen one's
        paths = grid.lines(block)
        svg.lines(paths, WIRE)
        for x, y in junctions(paths):
            svg.circle(x, y, 2.6, WIRE)
    for block in every:
        _draw_block(svg, grid, block)
    return svg.document(width, grid.bottom + MARGIN, WIRE)


# --- Words ------------------------------------------------------------------------------------------------------------


def _summary(plan: LinePlan) -> str:
    macs = description.macs(plan.graph)
    total = sum(macs.values())
    share = f" ({100 * macs['frozen'] / total:.0f} % frozen)" if macs["frozen"] else ""
    return (
        f"{len(plan.stages)} stages, {total:,} MACs{share}; {plan.lines} lines per image; "
        f"{plan.kept:,} B of kept rows, {plan.sums:,} B of running sums"
    )


def _text(blocks: Blocks, block: Block) -> list[str]:
    """Return the lines of text in a block."""
    graph = blocks.plan.graph
    if block.kind == "image":
        return [block.name, _size(graph.tensor(block.name).shape)]
    last, macs = block.stages[-1], sum(graph.macs_of(stage.operator) for stage in block.stages)
    size = _size(graph.tensor(last.operator.output).shape) + (f", {macs:,} MACs" if macs else "")
    lines = f"lines {last.first_line} to {last.last_line}"
    if block.kind == "stage":
        return [block.name, _operation(last.operator), f"{size}, {lines}"]
    if block.kind == "blend":
        return [block.name, lines]
    inside = blocks.kept(block, inside=True)
    kept, shuffle = [f"keeps {_kept(inside)}"] if inside else [], "core shuffle, " * (block.kind == "core shuffle")
    return [block.name, shuffle + size, *kept, lines]


def _label(blocks: Blocks, block: Block) -> str:
    """Return the text at the place where lines leave a block."""
    kept = blocks.kept(block, inside=False)
    return ", ".join([*([_kept(kept)] if kept else []), *(["output"] if blocks.outputs(block) else [])])


def _size(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape))


def _kept(buffers: list[Buffer]) -> str:
    return " + ".join(f"{buffer.rows} x {buffer.bytes // buffer.rows:,} B" for buffer in buffers)


def _operation(operator: Operator) -> str:
    """Return a stage's kind, and its window."""
    words = [type(operator).__name__]
    if isinstance(operator, Window):
        words.append(_size(operator.kernel))
        words += [f"stride {_size(operator.strides)}"] * (operator.strides != (1, 1))
        words += [f"dilation {_size(operator.dilations)}"] * (operator.dilations != (1, 1))
    return " ".join(words)


def _title(plan: LinePlan, stage: Stage) -> str:
    """Return a stage as one line of text, which a browser shows when the mouse is on its block."""
    buffer = plan.buffers[stage.operator.output]
    frozen = " frozen" if is_frozen(stage.operator) else ""
    kept = f", keeps {_kept([buffer])}" if buffer.rows else ""
    return (
        f"{stage.operator.name}:{frozen} {_operation(stage.operator)}, {_size(buffer.tensor.shape)}{kept}, "
        f"lines {stage.first_line} to {stage.last_line}"
    )


# --- Drawing ----------------------------------------------------------------------------------------------------------


def _draw_header(svg: Svg, plan: LinePlan, width: float, has_units: bool) -> None:
    svg.text(MARGIN, 34, fitted(f"Datapath of {plan.graph.name}", width - 2 * MARGIN, 18, True), 18, True)
    svg.text(MARGIN, 54, _summary(plan), SMALL + 1)
    y = TOP
    for colour, meaning in MEANINGS.items():
        svg.box(MARGIN, y, 22, 11, FILLS[colour], EDGES[colour], 2)
        svg.text(MARGIN + 30, y + 10, meaning, SMALL)
        y += LINE
    if has_units:
        svg.circle(MARGIN + 11, y + 6, 6, FILLS["configurable"], EDGES["configurable"])
        svg.text(MARGIN + 30, y + 10, BLEND, SMALL)
        y += LINE
    for note in NOTES:
        svg.text(MARGIN, y + 10, note, SMALL)
        y += LINE


def _draw_lanes(svg: Svg, grid: Grid, top: float) -> None:
    plan, width = grid.blocks.plan, BOX + LANE_GAP - 12
    for lane, core in enumerate(grid.blocks.lanes):
        x, blocks = grid.centre(lane), [block for block in grid.blocks.blocks.values() if block.core == core]
        tensors = [stage.operator.output for block in blocks if block.module != HEADS for stage in block.stages]
        macs = sum(plan.graph.macs_of(plan.graph.operator(name)) for name in tensors)
        kept = sum(plan.buffers[name].bytes for name in tensors)
        name = "frozen core" if core == FROZEN else f"trainable core {core.removeprefix('core')}"
        svg.box(x - width / 2, top, width, grid.bottom - top, LANE, radius=8)
        svg.text(x, top + 22, name, 14, True, "middle")
        svg.text(x, top + 38, f"{macs:,} MACs, {kept:,} B of kept rows", SMALL, anchor="middle", fill=FAINT)


def _draw_modules(svg: Svg, grid: Grid) -> None:
    """Draw a bracket at the left of each module, and its name."""
    rows: dict[Module, list[Block]] = {}
    for block in grid.blocks.blocks.values():
        rows.setdefault(block.module, []).append(block)
    for (number, repeat), blocks in rows.items():
        if (number, repeat) not in (STEMS, SWITCHES, HEADS):
            places = [grid.place(block) for block in blocks]
            top, bottom = min(top for _, top, _, _ in places), max(bottom for *_, bottom in places)
            svg.box(MARGIN + MODULES - 12, top, 3, bottom - top, BRACKET, radius=1.5)
            svg.text(MARGIN, top + 12, f"stage {number}", 13, True)
            if repeat > 1:
                svg.text(MARGIN, top + 28, f"pass {repeat}", SMALL)


def _draw_block(svg: Svg, grid: Grid, block: Block) -> None:
    left, top, right, bottom = grid.place(block)
    colour = "frozen" if block.is_frozen else "configurable" if block.is_configurable else "neither"
    colours, title = (FILLS[colour], EDGES[colour]), "\n".join(_title(grid.blocks.plan, each) for each in block.stages)
    if block.kind == "blend":
        svg.circle(grid.centre(block.lane), top + RADIUS, RADIUS, *colours, title, "block")
        _write_next_to_blend(svg, grid, block)
    else:
        svg.box(left, top, right - left, bottom - top, *colours, 5, title or block.name, "block")
        for i, line in enumerate(grid.text[block.name]):
            size, is_name = SMALL + (i == 0), i == 0
            shown = fitted(line, right - left - 2 * PADDING, size, is_name)
            svg.text(
                left + PADDING, top + PADDING + LINE * (i + 0.75), shown, size, is_name, fill=INK if is_name else FAINT
            )
    if grid.is_labelled_at_right(block):
        svg.text(right + 6, bottom - PADDING - 5, grid.labels[block.name], SMALL)
    elif grid.labels[block.name]:
        svg.text(grid.centre(block.lane) + 7, bottom + LEAVES + 11, grid.labels[block.name], SMALL)


def _write_next_to_blend(svg: Svg, grid: Grid, block: Block) -> None:
    """Write a blend's text on the side that the frozen core's line does not come from."""
    left, top, right, _ = grid.place(block)
    lanes, centre = grid.blocks.lanes, grid.centre(block.lane)
    is_left = FROZEN in lanes and block.lane < lanes.index(FROZEN)
    x, at_line, anchor = (left - 8, centre - 7, "end") if is_left else (right + 8, centre + 7, "start")
    name, lines = grid.text[block.name]
    svg.text(centre, top + RADIUS + 5, "α", 15, True, "middle")
    svg.text(x, top + RADIUS - 3, fitted(name, (BOX + LANE_GAP) / 2 - RADIUS - 14, SMALL), SMALL, anchor=anchor)
    svg.text(x, top + RADIUS + 11, lines, SMALL, anchor=anchor, fill=FAINT)
    if inside := grid.blocks.kept(block, inside=True):  # products with 1 - alpha, which wait for the frozen core
        svg.text(at_line, top - ENTERS + 4, _kept(inside), SMALL, anchor=anchor)
