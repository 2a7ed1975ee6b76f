"""Where the blocks of a drawing lie, and the lines between them, in pixels.

Lines leave a block at its lower edge and enter the next at its upper one. Across to another lane they run in the gap
above the row of their reader, around a block at the right of their lane, each in a track of its own.
"""

from __future__ import annotations

from export.drawing.blocks import Block, Blocks
from export.drawing.svg import Point

Place = tuple[float, float, float, float]  # left, top, right, bottom

LINE = 15  # height of a line of text
PADDING = 8  # around the text in a box
RADIUS = 15  # of a blend
LANE_GAP = 72

# Of the gap between two rows, from above: what leaves a block, what is written there, a track, what is written at what
# enters a block, what enters.
LEAVES, WRITTEN, TRACK, ENTERS = 8, 16, 12, 22
# At the right of a lane: what is written there, a track; and the height of what enters a box from there.
WRITTEN_BESIDE, TRACK_BESIDE, ENTERS_BESIDE = 104, 14, 10


class Grid:
    """The places of blocks and lines.

    Args:
        blocks: the blocks.
        text: the lines of text in each block, by name.
        labels: what is written where lines leave a block, or "".
        left, top: of the first lane and row.
        box: width of a box.

    Attributes:
        right, bottom: of the last lane and row, with what leaves them.
    """

    def __init__(self, blocks: Blocks, text: dict[str, list[str]], labels: dict[str, str], left, top, box):
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
        self.lefts, self.beside = [], []
        for lane, ends in enumerate(self.ends):
            here = [block for block in self.blocks.blocks.values() if block.lane == lane]
            self.beside.append(WRITTEN_BESIDE if any(map(self.is_labelled_beside, here)) else TRACK_BESIDE)
            self.lefts.append(x)
            x += self.box + (self.beside[lane] + TRACK_BESIDE * len(ends) if ends else 0) + LANE_GAP
        self.right = x - LANE_GAP

    def _lay_rows(self, y: float) -> None:
        self.tops, self.first_tracks = {}, {}
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
        entries = ENTERS_BESIDE * len(self.sources(block, "around"))
        return 2 * PADDING + max(LINE * len(self.text[block.name]), entries + LINE + WRITTEN)

    # --- Places

    def place(self, block: Block) -> Place:
        x, y = self.centre(block.lane), self.tops[block.row]
        half = RADIUS if block.kind == "blend" else self.box / 2
        return x - half, y, x + half, y + self._height(block)

    def centre(self, lane: int) -> float:
        return self.lefts[lane] + self.box / 2

    def is_labelled_beside(self, block: Block) -> bool:
        """Whether what is written where lines leave a block is at its right: nothing leaves its lower edge."""
        ways = {self.blocks.way(block, reader) for reader in self.blocks.readers(block)}
        return bool(self.labels[block.name]) and ways == {"around"} and not self.blocks.outputs(block)

    def readers(self, source: Block, way: str) -> list[Block]:
        return [reader for reader in self.blocks.readers(source) if self.blocks.way(source, reader) == way]

    def sources(self, reader: Block, way: str) -> list[Block]:
        sources = [self.blocks.blocks[name] for name in reader.reads]
        return [source for source in sources if self.blocks.way(source, reader) == way]

    # --- Lines

    def lines(self, source: Block) -> list[list[Point]]:
        """The lines from a block to its readers, and out of the network."""
        ways = {"down": self._down, "sideways": self._sideways, "across": self._across, "around": self._around}
        paths = [ways[self.blocks.way(source, reader)](source, reader) for reader in self.blocks.readers(source)]
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
        """Where a line across comes down to its reader: beside the one from above, the nearest lane's first."""
        if len(reader.reads) == 1:
            return self.centre(reader.lane)
        is_left = source.lane < reader.lane
        lanes = [other.lane for other in self.sources(reader, "across") if (other.lane < reader.lane) == is_left]
        nearer = sum(abs(lane - reader.lane) < abs(source.lane - reader.lane) for lane in lanes)
        distance = 2 * RADIUS + 18 * nearer
        return self.centre(reader.lane) + (-distance if is_left else distance)

    def _around(self, source: Block, reader: Block) -> list[Point]:
        _, _, right, bottom = self.place(source)
        x = right + self.beside[source.lane] + TRACK_BESIDE * (self.around[source.name] + 0.5)
        entry = self.sources(reader, "around").index(source)
        leaves, enters = bottom - PADDING, self.place(reader)[1] + PADDING + ENTERS_BESIDE * (entry + 0.5)
        return [(right, leaves), (x, leaves), (x, enters), (right, enters)]


def junctions(paths: list[list[Point]]) -> list[Point]:
    """Where lines of one source part: points from which they go on in three directions."""
    corners = {point for path in paths for point in path}
    segments = [segment for path in paths for segment in zip(path, path[1:])]
    return sorted(point for point in corners if len(_directions(point, segments)) > 2)


def _directions(point: Point, segments: list[tuple[Point, Point]]) -> set[tuple[int, int]]:
    """The directions in which segments, all level or upright, leave a point."""
    x, y = point
    found = set()
    for ends in segments:
        xs, ys = zip(*ends)
        if min(xs) <= x <= max(xs) and min(ys) <= y <= max(ys):
            found |= {(_sign(end_x - x), _sign(end_y - y)) for end_x, end_y in ends}
    return found - {(0, 0)}


def _sign(n: float) -> int:
    return (n > 0) - (n < 0)
