"""The line plan: how a graph runs on an image that arrives line by line, and its memory.

Time is counted in lines. In each line one row of the image arrives. Every stage, in the order of
data flow, then makes its next row if the rows that it reads are there. After the last row of the
image there are a few lines more, until all is made.

The newest row of a tensor is in a shared place while the stages of its line read it. Rows that a
later line reads are then kept in the tensor's buffer: the rows of a window that are still needed,
and the delay that keeps the paths of a graph in step where they meet again. A pool over the whole
map keeps a running sum instead of rows.

No buffer can be smaller in this order of events. Take the step that determined the number of kept
rows of a tensor. Before its line, that many rows had been made, from the oldest that the step reads
to the newest. In a ring of one row less, the newest would overwrite the oldest, which would have to
be made again. Here every row is made once (the factor of MACs is 1.000).

Another order could save a little. A stage that starts later than it can keeps more rows before it
and fewer after it: 2 % less in total for the network of Table 1, if the trainable stems wait four
lines. And a window that skips rows, because its stride and dilation have a common divisor, needs no
ring.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from export.graph.graph import Graph
from export.graph.memory_order import Step, small_memory_order
from export.graph.operators import Join, Operator, Rearrange, Recurrent, Reduce, Window, Wire
from export.graph.switches import Switch
from export.graph.tensor import GraphError, Tensor
from export.graph.wires import without_wires
from export.streaming.rows_read import Ints, rows_of_steps, steps, sums_rows

ALIGNMENT = 4  # bytes, of every row's place: kernels load words
SUM_BYTES = 4  # a running sum is an int32


@dataclass(frozen=True)
class Buffer:
    """Where the rows of one tensor are.

    Attributes:
        tensor: the tensor.
        rows: number of rows kept from one line to the next, as a ring: row y is in slot y modulo
            rows.
        place: offset in bytes of the newest row in the place that all stages share, during the line
            that makes it. None for the image, whose newest row is the caller's.
        reader: name of the operator for which most of them are kept; "" if none are.
    """

    tensor: Tensor
    rows: int
    place: int | None
    reader: str = ""

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.tensor.shape[1] * self.tensor.shape[2]

    @property
    def bytes(self) -> int:
        """Total bytes of the rows that are kept."""
        return self.rows * aligned(self.row_bytes)


@dataclass(frozen=True)
class State:
    """Bytes that are kept from one image to the next: rows of a map, or what a recurrent operator remembers.

    Attributes:
        operator, memory: names of a ReadState and "", or of a Recurrent and one of its memories.
        rows, row_bytes: each row takes whole words.
        initial: the value of every byte after a reset.
    """

    operator: str
    memory: str
    rows: int
    row_bytes: int
    initial: int

    @property
    def bytes(self) -> int:
        """Total bytes."""
        return self.rows * aligned(self.row_bytes)


@dataclass(frozen=True)
class When:
    """Positions of a switch, which is named by its index in the plan."""

    switch: int
    positions: range


@dataclass(frozen=True)
class Stage:
    """One operator in time.

    A Wire whose input a switch chooses is one stage per input. They make the same tensor, and one
    of them runs.

    Attributes:
        operator: what it computes, a row at a time.
        retires: tensors that no later stage of the line reads: their newest row now moves into
            their buffer.
        first_line, last_line: lines in which it makes its first and its last row; the first line is
            0. If switches choose the way before it, these are the lines of the longest way.
        when: the positions of a switch in which it runs; None if it always runs.
    """

    operator: Operator
    retires: tuple[str, ...]
    first_line: int
    last_line: int
    when: When | None = None


@dataclass(frozen=True)
class LinePlan:
    """A graph in time and memory.

    Attributes:
        graph: the graph, its operators in the order of the stages.
        stages: in the order in which they run in each line.
        buffers: by tensor name.
        lines: lines per image: its height, and those after its last row.
        shared: bytes of the place that the newest rows share.
        switches: what a task can switch. Buffers and lines are enough for every position.
    """

    graph: Graph
    stages: tuple[Stage, ...]
    buffers: dict[str, Buffer]
    lines: int
    shared: int
    switches: tuple[Switch, ...] = ()

    def runs(self, stage: Stage) -> bool:
        """Return whether a stage runs in the current positions of the switches."""
        return stage.when is None or self.switches[stage.when.switch].position in stage.when.positions

    def when_given(self, output: str) -> When | None:
        """Return the positions of a switch in which an output is computed; None if it always is."""
        found = ((i, switch.gives[output]) for i, switch in enumerate(self.switches) if output in switch.gives)
        return next((When(i, positions) for i, positions in found), None)

    @property
    def macs(self) -> int:
        """Total MACs of the stages that run in the current positions of the switches."""
        macs = self.graph.macs()
        return sum(macs[stage.operator.name] for stage in self.stages if self.runs(stage))

    @property
    def given(self) -> tuple[str, ...]:
        """Outputs that are computed in the current positions of the switches."""
        whens = {name: self.when_given(name) for name in self.graph.outputs}
        return tuple(
            name for name, when in whens.items() if not when or self.switches[when.switch].position in when.positions
        )

    @cached_property
    def tensor_numbers(self) -> dict[str, int]:
        """Number of each tensor, by name: 0 is the image; the others in the order of the stages."""
        made = [*self.graph.inputs, *(stage.operator.output for stage in self.stages)]
        return {name: i for i, name in enumerate(dict.fromkeys(made))}

    @cached_property
    def stage_numbers(self) -> dict[int, int]:
        """Number of each stage, from 1, by the id of its operator."""
        return {id(stage.operator): i for i, stage in enumerate(self.stages, 1)}

    @cached_property
    def kept(self) -> int:
        """Total bytes of the rows that are kept."""
        return sum(buffer.bytes for buffer in self.buffers.values())

    @cached_property
    def sums(self) -> int:
        """Total bytes of the running sums, and of those of one row."""
        return sum(SUM_BYTES * self.sums_of(stage.operator) for stage in self.stages)

    def sums_of(self, operator: Operator) -> int:
        """Return how many sums a stage keeps, of several rows or of one."""
        has = isinstance(operator, Reduce) or self.sums_up(operator)
        _, width, channels = self.graph.tensor(operator.output).shape
        return width * channels if has else 0

    def sums_up(self, operator: Operator) -> bool:
        """Return whether a stage keeps running sums."""
        return sums_rows(operator, self.graph.tensor(operator.inputs[0]).shape)

    @cached_property
    def kept_states(self) -> tuple[State, ...]:
        """What is kept from one image to the next."""
        maps = [
            State(each.name, "", each.shape[0], each.shape[1] * each.shape[2], each.initial)
            for each in self.graph.states
        ]
        memories = [
            State(operator.name, name, 1, memory.count * memory.bytes, memory.initial)
            for operator in self.graph.operators
            if isinstance(operator, Recurrent)
            for name, memory in operator.memories(self.graph.tensor(operator.output)).items()
        ]
        return (*maps, *memories)

    @cached_property
    def states(self) -> int:
        """Total bytes that are kept from one image to the next."""
        return sum(state.bytes for state in self.kept_states)

    @property
    def bytes(self) -> int:
        """Total buffer memory in bytes."""
        return self.kept + self.shared + self.sums + self.states

    def __str__(self) -> str:
        height, width, channels = self.graph.tensor(self.graph.inputs[0]).shape
        rows = [
            f"{self.graph.name}: {height}x{width}x{channels}, {len(self.stages)} stages, {self.macs:,} MACs, factor 1.000"
        ]
        rows.append(f"{'stage':44} {'map':>12} {'kept rows':>9} {'bytes':>8} {'first line':>10} {'last':>5}")
        for stage in self.stages:
            buffer = self.buffers[stage.operator.output]
            size = "x".join(map(str, buffer.tensor.shape))
            rows.append(
                f"{stage.operator.name:44} {size:>12} {buffer.rows:9} {buffer.bytes:8,} {stage.first_line:10} "
                f"{stage.last_line:5}{self._written(stage.when)}{self._why_whole(buffer)}"
            )
        image = self.buffers[self.graph.inputs[0]]
        rows.append(f"{self.graph.inputs[0]}: {image.rows} rows kept, {image.bytes:,} bytes{self._why_whole(image)}")
        rows.append(
            f"{self.lines} lines per image, {self.lines - height} of which run after its last row; {self.bytes:,} bytes: "
            f"{self.kept:,} in kept rows, {self.shared:,} shared by the newest rows, {self.sums:,} in running sums"
        )
        if self.states:
            rows[-1] += f", {self.states:,} in states, which stay from one image to the next"
        for switch in self.switches:
            rows.append(f"switch {switch.name}: {switch.position}, of {' '.join(map(str, switch.positions))}")
        return "\n".join(rows)

    def _why_whole(self, buffer: Buffer) -> str:
        """Return why all rows of a map are kept, the newest one too, if it is not for a window."""
        height = buffer.tensor.shape[0]
        newest = int(height > 2)  # of two rows, one that waits is an ordinary delay
        if not buffer.reader or not buffer.rows + newest >= height > 1:
            return ""
        match self.graph.operator(buffer.reader):
            case Window():
                return ""
            case Rearrange():
                return f"  whole: {buffer.reader} puts its values into other rows"
            case Join():
                return f"  whole: {buffer.reader} takes other maps before it"
            case reader if len(reader.inputs) > 1:
                return f"  whole: {buffer.reader} waits for what else it reads"
        return f"  whole, for {buffer.reader}"

    def _written(self, when: When | None) -> str:
        return f"  {self.switches[when.switch].name} {' '.join(map(str, when.positions))}" if when else ""


def plan(graph: Graph, switches: tuple[Switch, ...] = (), in_order: bool = False) -> LinePlan:
    """Plan a graph of one input.

    Args:
        graph: the graph, with all ways that its rows can take.
        switches: that choose between the ways; see export.graph.switches.
        in_order: keep the order of the graph's operators. If False, they are put into an order of
            little memory.
    Raises: GraphError if the graph has more than one input.
    """
    if len(graph.inputs) != 1:
        raise GraphError(
            f"{graph.name}: it has {len(graph.inputs)} inputs ({', '.join(graph.inputs)}); a network that reads an image "
            "line by line must have one"
        )
    if not in_order:
        graph = _in_small_memory_order(composed(graph, switches), _chosen(switches))
    steps_of_a_line = _steps_of_a_line(graph, switches)
    operators = [operator for operator, _ in steps_of_a_line]
    last_use = _last_use(operators)
    longest: dict[int, Ints] = {}  # of each step: the lines in which its rows are made
    kept, lives = dict.fromkeys((tensor.name for tensor in graph.tensors), 0), []
    readers: dict[str, str] = {}
    for running in _running(steps_of_a_line, switches):
        times = _Times(graph, [operators[i] for i in running])
        longest |= {i: times.made[operators[i].output] for i in running}
        kept = {name: max(rows, times.kept(name)) for name, rows in kept.items()}
        readers |= times.readers
        lives.append({operators[i].output: (i, last_use[operators[i].output]) for i in running})
    places, shared = _places(graph, lives)
    buffers = {
        tensor.name: Buffer(tensor, kept[tensor.name], places.get(tensor.name), readers.get(tensor.name, ""))
        for tensor in graph.tensors
    }
    retires: dict[int, list[str]] = {}
    for name, last in last_use.items():
        if buffers[name].rows:
            retires.setdefault(last, []).append(name)
    stages = [
        Stage(operator, tuple(retires.get(i, ())), int(longest[i][0]), int(longest[i][-1]), when)
        for i, (operator, when) in enumerate(steps_of_a_line)
    ]
    height = graph.tensor(graph.inputs[0]).shape[0]
    lines = max([height, *(1 + int(made[-1]) for made in longest.values())])
    return LinePlan(graph, tuple(stages), buffers, lines, shared, switches)


def composed(graph: Graph, switches: tuple[Switch, ...] = ()) -> Graph:
    """Return the same graph without the Wires that only Wires read, within one line.

    Channels that are split, concatenated and shuffled in one line then move once.
    """
    steps = _steps_of_a_line(graph, switches)
    times = [_Times(graph, [steps[i][0] for i in running]) for running in _running(steps, switches)]
    switched = _chosen(switches) | {operator.name for operator in graph.operators if _is_core_shuffle(operator)}
    wires = {operator.name for operator in graph.operators if isinstance(operator, Wire)} - switched
    kept = {name for name in wires if any(each.kept(name) for each in times)}
    read = {name for operator in graph.operators if operator.name not in wires for name in operator.inputs}
    return without_wires(graph, wires - kept - read - set(graph.outputs))


def _chosen(switches: tuple[Switch, ...]) -> set[str]:
    return {name for switch in switches for name in switch.chooses}


def _is_core_shuffle(operator: Operator) -> bool:
    return isinstance(operator, Wire) and operator.core_shuffle


def _steps_of_a_line(graph: Graph, switches: tuple[Switch, ...]) -> list[tuple[Operator, When | None]]:
    """Return the operators in the order in which they run in each line, and when they do.

    A Wire that copies one of its inputs, as a switch chooses, becomes one operator per input. Each
    is directly after the operator that makes its input, so that the input's row is in use no longer
    than without it.
    """
    runs = {name: When(i, at) for i, switch in enumerate(switches) for name, at in switch.runs.items()}
    chosen = {name: (i, switch.positions) for i, switch in enumerate(switches) for name in switch.chooses}
    copies: dict[str, list[tuple[Operator, When | None]]] = {}  # by the tensor that they copy
    for wire in graph.operators:
        if isinstance(wire, Wire) and wire.name in chosen:
            i, positions = chosen[wire.name]
            for position, input in zip(positions, wire.inputs, strict=True):
                copy = replace(wire, inputs=(input,), sources=wire.sources * (0, 1))
                copies.setdefault(input, []).append((copy, When(i, range(position, position + 1))))
    own = [(operator, runs.get(operator.name)) for operator in graph.operators if operator.name not in chosen]
    return [each for step in own for each in (step, *copies.get(step[0].output, []))]


def _running(steps_of_a_line: list[tuple[Operator, When | None]], switches: tuple[Switch, ...]) -> list[list[int]]:
    """Return the steps that run, from the shortest way to the longest.

    Ways that begin at one tensor and do not meet again all run at once: each finds the rows that it
    needs.
    """
    choosing = next((i for i, switch in enumerate(switches) if switch.chooses), None)
    if choosing is None:
        return [list(range(len(steps_of_a_line)))]
    whens = [when if when and when.switch == choosing else None for _, when in steps_of_a_line]
    return [
        [i for i, when in enumerate(whens) if when is None or position in when.positions]
        for position in switches[choosing].positions
    ]


def aligned(size: int) -> int:
    """Return a number of bytes, rounded up to whole words."""
    return -(-size // ALIGNMENT) * ALIGNMENT


# --- Time -------------------------------------------------------------------------------------------------------------


class _Times:
    """The lines in which all rows are made and read, and so how many rows wait in between.

    Attributes:
        made: the line in which each row is made, by tensor.
        most: the most rows of each tensor that were made before a line and are read in it or later.
        readers: the operator that reads them, by tensor.
    """

    def __init__(self, graph: Graph, running: list[Operator]):
        self.graph = graph
        image = graph.tensor(graph.inputs[0])
        self.made: dict[str, Ints] = {image.name: np.arange(image.shape[0])}
        self.most: dict[str, int] = {}
        self.readers: dict[str, str] = {}
        for operator in running:
            self._run(operator)

    def _run(self, operator: Operator) -> None:
        """Run each step of an operator in the first line in which the rows that it reads are there."""
        numbers = np.arange(steps(operator, self.graph))
        reads = rows_of_steps(operator, numbers, self.graph)
        there = numbers.copy()  # each step one line after the one before it at least
        for name, (_, end) in reads.items():
            there = np.maximum(there, np.where(end > 0, self.made[name][np.maximum(end, 1) - 1], 0))
        lines = np.maximum.accumulate(there - numbers) + numbers
        for name, (begin, _) in reads.items():
            waiting = np.searchsorted(self.made[name], lines) - begin
            if waiting.max() > self.most.get(name, 0):
                self.most[name], self.readers[name] = int(waiting.max()), operator.name
        # A running sum makes its one row in its last step.
        self.made[operator.output] = lines[-self.graph.tensor(operator.output).shape[0] :]

    def kept(self, name: str) -> int:
        """Return how many rows of a tensor stay from one line to the next."""
        # An output that is a vector stays after the image.
        stays = name in self.outputs and self.graph.tensor(name).shape[0] == 1
        return max(int(stays), self.most.get(name, 0))

    @cached_property
    def outputs(self) -> set[str]:
        """The names of the graph's outputs."""
        return set(self.graph.outputs)


# --- Places of the newest rows ----------------------------------------------------------------------------------------


def _in_small_memory_order(graph: Graph, chosen: set[str]) -> Graph:
    """Return the same graph, its operators ordered so that few newest rows are in use at one time.

    Of a chosen Wire, which copies one of its inputs, only the last input is ordered: the others are
    made before it.
    """
    reads = [operator.inputs[-1:] if operator.name in chosen else operator.inputs for operator in graph.operators]
    order = small_memory_order(
        [Step(read, (operator.output,)) for read, operator in zip(reads, graph.operators)],
        {name: size for name, size in _row_sizes(graph).items() if name not in graph.inputs},
        (),
    )
    return replace(graph, operators=tuple(graph.operators[i] for i in order))


def _row_sizes(graph: Graph) -> dict[str, int]:
    return {tensor.name: aligned(tensor.shape[1] * tensor.shape[2]) for tensor in graph.tensors}


def _last_use(operators: list[Operator]) -> dict[str, int]:
    """Return the index of the last operator that makes or reads each tensor."""
    return {name: i for i, operator in enumerate(operators) for name in (operator.output, *operator.inputs)}


def _places(graph: Graph, lives: list[dict[str, tuple[int, int]]]) -> tuple[dict[str, int], int]:
    """Return an offset of each newest row, and their total bytes.

    Rows that are in use at one time do not overlap.

    Larger rows are placed first, each into the lowest gap that it fits into.

    Args:
        graph: the graph.
        lives: for each choice of ways, the first and the last step of a line in which a tensor's
            newest row is in use.
    """
    sizes = _row_sizes(graph)
    made = {name: life[name][0] for life in reversed(lives) for name in life}
    in_use: list[dict[int, list[str]]] = [{} for _ in lives]  # the placed tensors in use at each step
    places: dict[str, int] = {}
    for name in sorted(made, key=lambda name: (-sizes[name], made[name])):
        own = [(used, range(life[name][0], life[name][1] + 1)) for used, life in zip(in_use, lives) if name in life]
        meets = {other for used, steps in own for step in steps for other in used.get(step, ())}
        place = 0
        for begin, end in sorted((places[other], places[other] + sizes[other]) for other in meets):
            if place + sizes[name] <= begin:
                break
            place = max(place, end)
        places[name] = place
        for used, life in own:
            for step in life:
                used.setdefault(step, []).append(name)
    return places, max((places[name] + sizes[name] for name in places), default=0)
