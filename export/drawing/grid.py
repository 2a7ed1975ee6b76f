"""The places of a drawing's blocks and of the lines between them, in pixels.

A line leaves a block at its lower edge and enters the next at its upper one. A line to another lane
runs in the gap above the row of its reader. A line around a block runs at the right of its lane.
Each has a track of its own.
"""

from __future__ import annotations

from bisect import bisect_right

from export.drawing.blocks import Block, Blocks
from export.drawing.svg import Point

Place = tuple[float, float, float, float]  # left, top, right, bottom

LINE = 15  # height of a line of text
PADDING = 8  # around the text in a box
RADIUS = 15  # of a blend
LANE_GAP = 72

# Heights in the gap between two rows, from above: lines that leave a block, their label, one track,
# lines that enter.
LEAVES, WRITTEN, TRACK, ENTERS = 8, 16, 12, 22
# At the right of a lane: width of a label and of one track; and height per line that enters a box
# from there.
WRITTEN_RIGHT, TRACK_RIGHT, ENTERS_RIGHT = 104, 14, 10


class Grid:
    """The places of blocks and lines.

    Args:
        blocks: the blocks.
        text: the lines of text in each block, by name.
        labels: the text at the place where lines leave a block, or "".
        left, top: edges of the first lane and row.
        box: width of a box.

    Attributes:
        right, bottom: edges of the last lane and row, with the lines that leave them.
    """

    def __init__(
        self, blocks: Blocks, text: dict[str, list[str]], labels: dict[str, str], left: float, top: float, box: float
    ):
        self.blocks, self.text, self.labels, self.box = blocks, text, labels, box
        self.rows: dict[int, list[Block]] = {}
        for block in blocks.blocks.values():
            self.rows.setdefault(block.row, []).append(block)
        self._lay_tracks()
        self._lay_lanes(left)
        self._lay_rows(top)

    # --- Laying out

    def _lay_tracks(self) -> None:
        self.across: dict[int, list[str]] = {row: [] for row in self.rows}  # sources by track in the gap above a row
        self.around: dict[str, int] = {}  # track of a source
        self.ends: list[list[int]] = [[] for _ in self.blocks.lanes]  # row in which each track is free again
        for source in self.blocks.blocks.values():
            if passed := [reader.row for reader in self.readers(source, "around")]:
                ends = self.ends[source.lane]
                track = next((track for track, end in enumerate(ends) if end <= source.row), len(ends))
                ends[track : track + 1] = [max(passed)]
                self.around[source.name] = track
            for row in {reader.row for reader in self.readers(source, "across")}:
                self.across[row].append(source.name)

    def _lay_lanes(self, x: float) -> None:
        self.lefts: list[float] = []  # of each lane
        self.label_widths: list[float] = []  # of the labels at the right of each lane
        for lane, ends in enumerate(self.ends):
            here = [block for block in self.blocks.blocks.values() if block.lane == lane]
            self.label_widths.append(WRITTEN_RIGHT if any(map(self.is_labelled_at_right, here)) else TRACK_RIGHT)
            self.lefts.append(x)
            x += self.box + (self.label_widths[lane] + TRACK_RIGHT * len(ends) if ends else 0) + LANE_GAP
        self.right = x - LANE_GAP

    def _lay_rows(self, y: float) -> None:
        self.tops: dict[int, float] = {}  # of each row
        self.first_tracks: dict[int, float] = {}  # in the gap above each row
        for row, blocks in sorted(self.rows.items()):
            if row:
                y += LEAVES + WRITTEN * any(self.labels[block.name] for block in self.rows[row - 1])
                self.first_tracks[row] = y + TRACK / 2
                waits = any(block.kind == "blend" and self.blocks.kept(block, inside=True) for block in blocks)
                y += TRACK * len(self.across[row]) + WRITTEN * waits + ENTERS
            self.tops[row] = y
            y += max(map(self._height, blocks))
        self.bottom = y + LEAVES + WRITTEN + ENTERS

    def _height(self, block: Block) -> float:
        if block.kind == "blend":
            return 2 * RADIUS
        entries = ENTERS_RIGHT * len(self.sources(block, "around"))
        return 2 * PADDING + max(LINE * len(self.text[block.name]), entries + LINE + WRITTEN)

    # --- Places

    def place(self, block: Block) -> Place:
        """Return the edges of a block."""
        x, y = self.centre(block.lane), self.tops[block.row]
        half = RADIUS if block.kind == "blend" else self.box / 2
        return x - half, y, x + half, y + self._height(block)

    def centre(self, lane: int) -> float:
        """Return the middle of a lane."""
        return self.lefts[lane] + self.box / 2

    def is_labelled_at_right(self, block: Block) -> bool:
        """Return whether a block's label is at its right, because no line leaves its lower edge."""
        ways = {self.blocks.way(block, reader) for reader in self.blocks.readers(block)}
        return bool(self.labels[block.name]) and ways == {"around"} and not self.blocks.outputs(block)

    def readers(self, source: Block, way: str) -> list[Block]:
        """Return the blocks that a block's lines reach in one way; see Blocks.way."""
        return [reader for reader in self.blocks.readers(source) if self.blocks.way(source, reader) == way]

    def sources(self, reader: Block, way: str) -> list[Block]:
        """Return the blocks whose lines reach a block in one way."""
        sources = [self.blocks.blocks[name] for name in reader.reads]
        return [source for source in sources if self.blocks.way(source, reader) == way]

    # --- Lines

    def lines(self, source: Block) -> list[list[Point]]:
        """Return the lines from a block to its readers, and out of the network."""
        ways = {"down": self._down, "sideways": self._sideways, "across": self._across, "around": self._around}
        readers = [(reader, self.blocks.way(source, reader)) for reader in self.blocks.readers(source)]
        paths = [ways[way](source, reader) for reader, way in readers if way]
        if self.blocks.outputs(source) and not self.readers(source, "down"):
            x, y = self._start(source)
            paths.append([(x, y), (x, y + LEAVES + WRITTEN + 6)])
        return paths

    def _start(self, source: Block) -> Point:
        return self.centre(source.lane), self.place(source)[3]

    def _down(self, source: Block, reader: Block) -> list[Point]:
        return [self._start(source), (self.centre(reader.lane), self.place(reader)[1])]

    def _sideways(self, source: Block, reader: Block) -> list[Point]:
        left, top, right, _ = self.place(reader)
        x, y = self.centre(source.lane), top + RADIUS
        return [self._start(source), (x, y), (left if x < left else right, y)]

    def _across(self, source: Block, reader: Block) -> list[Point]:
        left, top, right, _ = self.place(reader)
        y = self.first_tracks[reader.row] + TRACK * self.across[reader.row].index(source.name)
        entry = self._entry(source, reader)
        path = [self._start(source), (self.centre(source.lane), y), (entry, y)]
        if reader.kind == "blend":
            return [*path, (entry, top + RADIUS), (left if entry < left else right, top + RADIUS)]
        return [*path, (entry, top)]

    def _entry(self, source: Block, reader: Block) -> float:
        """Return where a line across enters its reader: the nearest lane's next to its centre."""
        if len(reader.reads) == 1:
            return self.centre(reader.lane)
        is_left = source.lane < reader.lane
        lanes = [other.lane for other in self.sources(reader, "across") if (other.lane < reader.lane) == is_left]
        nearer = sum(abs(lane - reader.lane) < abs(source.lane - reader.lane) for lane in lanes)
        distance = 2 * RADIUS + 18 * nearer
        return self.centre(reader.lane) + (-distance if is_left else distance)

    def _around(self, source: Block, reader: Block) -> list[Point]:
        _, _, right, bottom = self.place(source)
        x = right + self.label_widths[source.lane] + TRACK_RIGHT * (self.around[source.name] + 0.5)
        entry = self.sources(reader, "around").index(source)
        leaves, enters = bottom - PADDING, self.place(reader)[1] + PADDING + ENTERS_RIGHT * (entry + 0.5)
        return [(right, leaves), (x, leaves), (x, enters), (right, enters)]


def junctions(paths: list[list[Point]]) -> list[Point]:
    """Return the points where lines of one source part: where they continue in three directions."""
    along: dict[tuple[int, float], list[Span]] = {}  # segments by axis, and where the other coordinate is
    for path in paths:
        for start, end in zip(path, path[1:]):
            axis = int(start[0] == end[0])
            along.setdefault((axis, start[1 - axis]), []).append(
                (min(start[axis], end[axis]), max(start[axis], end[axis]))
            )
    merged = {line: _merged(spans) for line, spans in along.items()}
    corners = {point for path in paths for point in path}
    return sorted(
        point
        for point in corners
        if sum(_directions(merged.get((axis, point[1 - axis]), []), point[axis]) for axis in (0, 1)) > 2
    )


Span = tuple[float, float]


def _merged(spans: list[Span]) -> list[Span]:
    """Return the same spans, those that touch as one, in order."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def _directions(spans: list[Span], place: float) -> int:
    """Return in how many directions spans go on from a place on them."""
    i = bisect_right(spans, (place, float("inf"))) - 1
    begin, end = spans[i] if i >= 0 else (place, place)
    return int(begin < place <= end) + int(begin <= place < end)
