"""docs/silicon.md, written from results/silicon.json."""

from __future__ import annotations

import re
from typing import Any

from export.hardware.estimate import cells
from export.hardware.estimate.cells import LIBRARIES, Logic
from export.hardware.synthesis.measured import ratios

PAPER = {"frozen": 1.32, "trainable": 1.34}  # mm2, Table 3
TITLES = {
    "unrolled": "unrolled",
    "least area": "least area",
    "folded, 1 per pixel": "1 clock per pixel",
    "folded, 4 per pixel": "4 clocks per pixel",
}
POWER = (("activity", 3), ("fj_per_mac", 0), ("fj_per_mac_at_0.2", 0), ("ns", 1))  # columns and their digits
SIZES = {"osu018": "osu018, 180 nm", "sky130": "sky130, 130 nm", "asap7": "ASAP7, 7 nm"}

HEAD = """# Silicon

How large the datapath of [hardware](hardware.md) is: estimated, synthesised, and compared with the
paper's Table 3. `make silicon` writes this page and `results/silicon.json`. Nothing here is from a
chip, and nothing is placed and routed.

The network is the frozen core that comes with the project with two trainable cores, at 640x480 and
200 frames per second.
"""

NARROW = """## Cheap and exact

A [narrow network](hardware.md#narrow-networks) has factors of few significant bits, and blends with
a clamp at 0. golden, the .tflite and the C have the same numbers.

"""

ASSUMPTIONS = """## Assumptions

| what | value and source | kind |
| --- | --- | --- |
| placed NAND2 in 16 nm | {nand} um2. No open library of 16 nm exists | assumed |
| flip-flop, full adder | {register} NAND2 each, as in sky130 | measured cell areas |
| gates of each block | formulas of `export/hardware/estimate/area.py`, compared with synthesis below | measured |
| products | rows of Booth's digits; clocks gated from 8 bits on | as synthesised |
| adder bits of hardwired matrices | signed digits times 6.8 at 32x32, 0.7 less per doubling; within 5 % of da4ml | measured |
| memories in 16 nm | {cell} um2 x (columns + {columns}) x (words + {rows}), fitted on ten real macros | scaled |
| memories with two ports | counted like those with one | assumed |
| energy, leakage | ASAP7, no wires, no memories: of MACs and weights alone | scaled |
| clock tree, test logic, routing | left out: add 15 to 25 % to logic | left out |
| head | left out, as in the paper's Table 3 | left out |
"""


def of(results: dict[str, Any]) -> str:
    """Return the page."""
    parts = [HEAD, _areas(results), _narrow(results), _assumptions(), _frozen(results), _energy(results)]
    synthesis = results["synthesis"]
    if synthesis:
        parts += [_power(synthesis), _compared(synthesis), _hardwired(synthesis)]
    parts.append(_short(results))
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _areas(results: dict[str, Any]) -> str:
    mm2 = results["mm2"]
    rows = [
        [what, *(f"{mm2[name][key]:.2f}" for name in TITLES), f"{PAPER[key]:.2f}"]
        for what, key in (("frozen core", "frozen"), ("one trainable core", "trainable"))
    ]
    totals = [each["image"] + each["frozen"] + 2 * each["trainable"] for each in (mm2[name] for name in TITLES)]
    rows.append(["one frozen, two trainable", *(f"**{total:.2f}**" for total in totals), "4.00"])
    parts = [results["frozen_mm2"][name] for name in TITLES]
    for what, key in (("logic", "logic"), ("line buffers", "rows")):
        rows.append([f"frozen core: {what}", *(f"{part[key]:.2f}" for part in parts), ""])
    text = """
## Areas

Estimated mm2 in 16 nm. *Unrolled*: every weight has its own multiplier. *Least area*: the smaller
of unrolled and folded, stage by stage, at one clock per pixel. *1* and *4 clocks per pixel*: as the
generator builds it, for 61.75 and 247 MHz.
"""
    return text.lstrip("\n") + "\n" + _table(["mm2", *TITLES.values(), "the paper"], rows)


def _narrow(results: dict[str, Any]) -> str:
    rates = list(results["narrow"]["12"])
    designs = {
        "factors of 24 bits, blends kept in 8": {name: results["mm2"][name] for name in rates},
        "blends kept in 7 bits (`--factor-bits=24`)": results["narrow"]["24"],
        "and factors of 12 bits (`--factor-bits=12`)": results["narrow"]["12"],
        "and factors of 8 bits (`--factor-bits=8`)": results["narrow"]["8"],
    }
    rows = []
    for title, made in designs.items():
        columns = [[each["frozen"], each["image"] + each["frozen"] + 2 * each["trainable"]] for each in made.values()]
        rows.append([title, *(f"{value:.2f}" for column in columns for value in column)])
    head = ["mm2", *(f"{what}, {TITLES[name]}" for name in rates for what in ("frozen core", "all three"))]
    return NARROW + _table(head, rows)


def _assumptions() -> str:
    library = LIBRARIES["16nm"]
    return ASSUMPTIONS.format(
        nand=library.nand,
        register=library.register,
        cell=cells.SRAM_CELL,
        columns=cells.SRAM_COLUMNS,
        rows=cells.SRAM_ROWS,
    )


def _frozen(results: dict[str, Any]) -> str:
    rows = []
    for name, each in results["as_trainable"].items():
        without = (each["trainable"] - each["rows"]) / (each["frozen"] - each["rows"])
        values = [f"{each['frozen']:.2f}", f"{each['trainable']:.2f}"]
        rows.append([TITLES[name], *values, f"{each['trainable'] / each['frozen']:.2f}", f"{without:.2f}"])
    return """## What freezing is worth

The frozen core, and the same core at the same folding if its codes could be loaded. In the paper,
the areas per parameter differ by a factor of 2.37.

""" + _table(["mm2", "frozen", "trainable", "ratio", "ratio without line buffers"], rows)


def _energy(results: dict[str, Any]) -> str:
    rows = []
    for name, title in TITLES.items():
        energy = results["energy"][name]
        nj, uw = energy["nj_per_frame"], energy["leakage_uw"]
        rows.append([title, f"{nj / 1e3:.1f}", f"{uw / 1e3:.2f}", f"{(nj * 200 / 1e6) + uw / 1e3:.1f}"])
    return """## Energy

Of multiplications and weights alone, scaled from ASAP7. Unrolled logic is the largest and spends
the least per frame.

""" + _table(["", "uJ per frame", "leakage, mW", "mW at 200 frames per second"], rows)


def _power(synthesis: dict[str, Any]) -> str:
    rows = [
        [f"`{each['block']}`", *(f"{each[key]:.{digits}f}" for key, digits in POWER)]
        for made in synthesis.values()
        for each in made.get("power", [])
    ]
    folded = [each["fj_per_mac"] for made in synthesis.values() for each in made.get("power", [])]
    if not folded:
        return ""
    mean = sum(folded) / len(folded)
    head = ["block", "activity", "fJ per MAC", "fJ per MAC at 0.2", "longest path, ns"]
    return f"""One pointwise convolution of each stage, folded at one clock per pixel: its netlist in ASAP7 is fed
with maps of a photo. *Activity* is toggles per net and clock. OpenSTA adds up the energy of the
cells and of their clocks. This is a lower bound, because the simulation has no delays and so no
glitches. *At 0.2* is the energy if every net had this activity. The table above takes {cells.FOLDED_FJ:.0f} fJ
for every folded multiplication; the mean here is {mean:.0f}. A deep fold spends more, because more sums
wait in registers, whose clock runs. *Longest path*: from register to register, with the smallest
cells. At 61.75 MHz there are 16.2 ns.

""" + _table(head, rows)


def _compared(synthesis: dict[str, Any]) -> str:
    parts = [
        """## The estimate against synthesis

NAND2 that are estimated, divided by those that yosys makes: one block of each kind and stage, as
the generator connects it. Arrays are synthesised with few of their units and lanes. Memories are
left out on both sides. The last column is the NAND2 of all blocks in the first library.
"""
    ]
    for by, title in (("kind", "block"), ("place", "core and stage")):
        columns = {name: ratios(made["groups"], name, by) for name, made in synthesis.items()}
        first = next(iter(columns.values()))
        rows = [
            [key, *(f"{column[key][0] / column[key][1]:.2f}" for column in columns.values()), f"{first[key][1]:,.0f}"]
            for key in first
        ]
        parts.append(_table([title, *(SIZES[name] for name in columns), "NAND2"], rows))
    return "\n".join(parts)


def _hardwired(synthesis: dict[str, Any]) -> str:
    rows = []
    for name, made in synthesis.items():
        outputs, inputs = made["hardwired"]["shape"]
        weights = {"matrix": outputs * inputs, "booth of 1": inputs, "booth of 2": 2 * inputs}
        nands = {key: LIBRARIES[name].nands(Logic(*made["hardwired"][key])) / count for key, count in weights.items()}
        matrix, one, two = nands.values()
        values = [f"{each:.1f}" for each in nands.values()]
        rows.append([SIZES[name], *values, f"**{one / matrix:.2f}**", f"{two / matrix:.2f}"])
    some = next(iter(synthesis.values()))["hardwired"]
    text = f"""## Hardwired weights

`{some["layer"]}` of the frozen core, {some["shape"][0]}x{some["shape"][1]}: NAND2 per weight of its
adders, and of a multiplier by Booth's digits per weight with the adders of its sum. Logic only. Two
outputs share the digits of their inputs.
"""
    head = ["", "hardwired", "multiplier, one output", "multiplier, two outputs", "ratio", "ratio, shared digits"]
    return text + "\n" + _table(head, rows)


def _short(results: dict[str, Any]) -> str:
    mm2, rows = results["mm2"]["folded, 4 per pixel"], results["frozen_mm2"]["folded, 4 per pixel"]["rows"]
    frozen = results["as_trainable"]["folded, 1 per pixel"]
    ratio = (frozen["trainable"] - frozen["rows"]) / (frozen["frozen"] - frozen["rows"])
    return f"""## What falls short

- Line buffers do not shrink with folding: at four clocks per pixel, those of the frozen core are
  {rows:.2f} of its {mm2["frozen"]:.2f} mm2.
- Frozen against trainable, without line buffers: {ratio:.2f}, where 1.8 to 1.9 was expected. An array of
  multipliers with its ROM is as large as one without its memory, so freezing saves the memory.
- Not done: timing and energy of whole chips with their wires and memories.
"""


def compact(text: str) -> str:
    """Return JSON with each list of numbers in one line."""
    return re.sub(
        r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s+", " ", found[0]).replace("[ ", "[").replace(" ]", "]"), text
    )
