"""The blocks of a drawn datapath: the paper's units if names tell them, else the stages.

Blocks are on a grid. A lane is a core. A block is in a row below those of the blocks that it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import count, product

from export.graph.operators import ChannelScale, Convolution, Lookup, Operator, Wire, is_frozen
from export.streaming.line_plan import Buffer, LinePlan, Stage

Module = tuple[float, int]  # a row of Table 1, and which pass through it

UNIT = re.compile(r"((frozen|core\d+)\.(?:stem|rgb|stage\d+(?:\.pass\d+)?(?:\.unit\d+)?(\.blend)?))(?:\..+)?")
HEAD = re.compile(r"(head(?:\.[^.]+(?=\.))?)\..+")
MODULE = re.compile(r"stage(\d+)(?:\.pass(\d+))?")
PASSED = re.compile(r"(frozen|core\d+)\.passed")
STEMS, SWITCHES, HEADS = (0, 1), (float("inf"), 0), (float("inf"), 1)  # modules
FROZEN = "frozen"


@dataclass
class Block:
    """Stages that are drawn as one.

    Attributes:
        name: the beginning of their names.
        kind: "image", "unit", "blend", "core shuffle", "switch", "head" or "stage".
        core: "frozen", "core1", ..., or "" in a network without cores.
        module: the module of the network that it belongs to.
        stages: in the order in which they run.
        reads: names of the blocks that it reads.
        lane, row: its place on the grid.
    """

    name: str
    kind: str
    core: str
    module: Module = STEMS
    stages: list[Stage] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    lane: int = 0
    row: int = 0

    @property
    def is_frozen(self) -> bool:
        """Whether some of its codes are taped out."""
        return any(is_frozen(stage.operator) for stage in self.stages)

    @property
    def is_configurable(self) -> bool:
        """Whether a task sets codes of it, and none are taped out."""
        kinds = Convolution, ChannelScale, Lookup
        return not self.is_frozen and any(isinstance(stage.operator, kinds) for stage in self.stages)


@dataclass(frozen=True)
class Blocks:
    """A datapath in blocks.

    Attributes:
        plan: the line plan.
        blocks: by name, in the order of data flow. The first one is the image.
        lanes: the core of each lane.
    """

    plan: LinePlan
    blocks: dict[str, Block]
    lanes: list[str]

    @property
    def has_units(self) -> bool:
        """Whether blocks are the units of the paper."""
        return self.lanes != [""]

    def readers(self, block: Block) -> list[Block]:
        """Return the blocks that read a block."""
        return self._readers.get(block.name, [])

    @cached_property
    def _readers(self) -> dict[str, list[Block]]:
        readers: dict[str, list[Block]] = {}
        for block in self.blocks.values():
            for name in dict.fromkeys(block.reads):
                readers.setdefault(name, []).append(block)
        return readers

    def kept(self, block: Block, inside: bool) -> list[Buffer]:
        """Return a block's buffers with kept rows: of tensors read only inside, or of others."""
        made = [stage.operator.output for stage in block.stages] or [block.name]
        buffers = [self.plan.buffers[name] for name in made if (name not in self._given) == inside]
        return [buffer for buffer in buffers if buffer.rows]

    @cached_property
    def _given(self) -> set[str]:
        """Names of the tensors that leave a block, or the network."""
        home = {stage.operator.output: block.name for block in self.blocks.values() for stage in block.stages}
        read = {(name, block.name) for block in self.blocks.values() for name in _inputs(block)}
        return {name for name, reader in read if home.get(name) != reader} | set(self.plan.graph.outputs)

    def outputs(self, block: Block) -> list[str]:
        """Return the network's outputs that a block makes."""
        return [stage.operator.output for stage in block.stages if stage.operator.output in self._outputs]

    @cached_property
    def _outputs(self) -> set[str]:
        return set(self.plan.graph.outputs)

    def way(self, source: Block, reader: Block) -> str | None:
        """Return how a line gets from one block to another that reads it, without crossing a third.

        Returns: "down" in its own lane; "sideways" into a blend from another lane; "across" to
            another lane, above the reader's row; "around" the blocks between, at the right of its
            own lane; None if there is no way.
        """
        between = range(source.row + 1, reader.row)
        if source.lane == reader.lane:
            return "down" if self._is_free([source.lane], between) else "around"
        if not self._is_free([source.lane], between):
            return None
        low, high = sorted([source.lane, reader.lane])
        beside = [lane for lane in range(low, high + 1) if lane != reader.lane]
        return "sideways" if reader.kind == "blend" and self._is_free(beside, [reader.row]) else "across"

    def _is_free(self, lanes: Iterable[int], rows: Iterable[int]) -> bool:
        return self._taken.isdisjoint(product(lanes, rows))

    @cached_property
    def _taken(self) -> set[tuple[int, int]]:
        return {(block.lane, block.row) for block in self.blocks.values()}


def blocks_of(plan: LinePlan) -> Blocks:
    """Return the units of the paper, one lane per core.

    If the names tell none, return one block per stage in one lane.
    """
    units = _units(plan)
    return units if units and _is_drawable(units) else _stages(plan)


def _is_drawable(blocks: Blocks) -> bool:
    return all(blocks.way(source, reader) for source in blocks.blocks.values() for reader in blocks.readers(source))


def _inputs(block: Block) -> set[str]:
    return {name for stage in block.stages for name in stage.operator.inputs}


def _image(plan: LinePlan, core: str = "") -> Block:
    return Block(plan.graph.inputs[0], "image", core)


def _stages(plan: LinePlan) -> Blocks:
    image = _image(plan)
    blocks = {image.name: image}
    for stage in plan.stages:
        name = stage.operator.name
        block = blocks.setdefault(name, Block(name, "stage", "", row=len(blocks)))
        block.stages.append(stage)
        block.reads = sorted(_inputs(block))
    return Blocks(plan, blocks, [""])


# --- The units of the paper -------------------------------------------------------------------------------------------


def _units(plan: LinePlan) -> Blocks | None:
    """Return the units, or None if a stage is in none or if they read in a circle."""
    cores = {match[2] for stage in plan.stages if (match := UNIT.fullmatch(stage.operator.name))}
    if not cores:
        return None
    lanes = _lanes(cores)
    centre = FROZEN if FROZEN in lanes else lanes[len(lanes) // 2]
    image = _image(plan, centre)
    blocks, home = {image.name: image}, {image.name: image}  # by block, and by tensor
    for stage in plan.stages:
        found = _unit(stage.operator, [home[name] for name in stage.operator.inputs], centre)
        if found is None:
            return None
        block = blocks.setdefault(found.name, found)
        block.stages.append(stage)
        home[stage.operator.output] = block
    for block in blocks.values():
        block.reads = sorted({home[name].name for name in _inputs(block)} - {block.name})
        block.lane = lanes.index(block.core)
    try:
        order = TopologicalSorter({name: block.reads for name, block in blocks.items()}).static_order()
        ordered = {name: blocks[name] for name in order}
    except CycleError:
        return None
    _put_into_rows(ordered)
    return Blocks(plan, ordered, lanes)


def _lanes(cores: set[str]) -> list[str]:
    """Return the trainable cores with the frozen one in their middle."""
    trainable = sorted(cores - {FROZEN}, key=lambda core: int(core.removeprefix("core")))
    half = (len(trainable) + 1) // 2
    return [*trainable[:half], *(cores & {FROZEN}), *trainable[half:]]


def _unit(operator: Operator, sources: list[Block], centre: str) -> Block | None:
    """Return a new block like that of an operator, or None if its name does not tell."""
    cores = {source.core for source in sources}
    if match := HEAD.fullmatch(operator.name):
        return Block(match[1], "head", cores.pop() if len(cores) == 1 else centre, module=HEADS)
    if isinstance(operator, Wire) and len(cores) > 1:
        return Block(operator.name, "core shuffle", sources[0].core, module=_module(operator.name))
    if match := PASSED.fullmatch(operator.name):
        return Block(operator.name, "switch", match[1], module=SWITCHES)
    if match := UNIT.fullmatch(operator.name):
        return Block(match[1], "blend" if match[3] else "unit", match[2], module=_module(operator.name))
    return None


def _module(name: str) -> Module:
    match = MODULE.search(name)
    return (int(match[1]), int(match[2] or 1)) if match else STEMS


def _put_into_rows(blocks: dict[str, Block]) -> None:
    """Put blocks below those that they read, and modules below each other."""
    taken: set[tuple[int, int]] = set()
    for module in sorted({block.module for block in blocks.values()}):
        top = 1 + max((row for _, row in taken), default=-1)
        members = [block for block in blocks.values() if block.module == module]
        if module == HEADS:  # heads read no other head: first that of many cores, whose lines then pass no other head
            members.sort(key=lambda block: -len(block.reads))
        for block in members:
            row = max([top, *(1 + blocks[name].row for name in block.reads)])
            block.row = next(row for row in count(row) if (block.lane, row) not in taken)
            taken.add((block.lane, block.row))
