"""Areas of the core that comes with the project, estimated and synthesised: results/silicon.json and docs/silicon.md.

    python -m export.hardware.synthesis.silicon  # estimates again; keeps what was synthesised of this core
    python -m export.hardware.synthesis.silicon osu018 sky130              # synthesises first, 2 minutes per process
    python -m export.hardware.synthesis.silicon asap7 --liberty=FOLDER     # with liberty files that you have; 4 minutes

All is for two trainable cores at the paper's 640x480. The tables of docs/results.md read the areas.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from export.graph.operators import Convolution
from export.hardware import layout
from export.hardware.estimate import report
from export.hardware.estimate.area import FOLDED, Report
from export.hardware.estimate.core_network import network_of
from export.hardware.schedule import Schedule, schedule
from export.hardware.synthesis import measured, page, power, processes
from export.network import Network
from sfkeras import atomic_file, places
from sfkeras.nn.freezing.core import Core

NAME, SIZE, CORES = "tiny_imagenet", (480, 640), 2
OF_FEWER_BITS = ("tiny_imagenet_5bit", "tiny_imagenet_4bit")
RATES = (1, 4)  # clocks per pixel
FACTOR_BITS = (24, 12, 8)  # of narrow networks
RESULT, PAGE = Path("results", "silicon.json"), Path("docs", "silicon.md")


@cache
def _core() -> Core:
    return Core.load(NAME)  # type: ignore[no-any-return, no-untyped-call]


@cache
def _network() -> Network:
    return Network(network_of(_core().codes, SIZE, CORES, NAME))


def _planned(rate: int) -> Schedule:
    return schedule(layout.design(_network().graph, _network().plan, rate))


def areas() -> dict[str, Any]:
    """Return what is estimated: mm2, energy and leakage of each design; and how much trainable codes cost."""
    made = {rate: report.area_report(_network().graph, _network().plan, rate) for rate in RATES}
    designs = {f"{FOLDED}, {rate} per pixel": each.designs[1] for rate, each in made.items()}
    unrolled, _, least = made[1].designs
    designs |= {least.name: least, unrolled.name: unrolled}
    return {
        "core": NAME,
        "size": list(SIZE),
        "library": unrolled.library.source,
        "mm2": {
            name: {
                "image": _total(design, "image"),
                "frozen": _total(design, "frozen"),
                "trainable": _total(design, "core1"),
            }
            for name, design in designs.items()
        },
        "frozen_mm2": {
            name: {what: round(mm2, 4) for what, mm2 in design.mm2(design.of("frozen")).items()}
            for name, design in designs.items()
        },
        "energy": {
            name: {"nj_per_frame": round(design.energy()[0], 1), "leakage_uw": round(design.energy()[1], 1)}
            for name, design in designs.items()
        },
        "as_trainable": _as_trainable(),
        "narrow": {str(bits): _narrow(bits) for bits in FACTOR_BITS},
        "cores": {name: _frozen_core(name) for name in (NAME, *OF_FEWER_BITS)},
    }


def _frozen_core(name: str) -> dict[str, float]:
    """Return mm2 of a core that comes with the project, by design, at one clock per pixel."""
    network = Network(network_of(Core.load(name).codes, SIZE, CORES, name))  # type: ignore[no-untyped-call]
    designs = report.area_report(network.graph, network.plan, RATES[0]).designs
    return {design.name: _total(design, "frozen") for design in designs}


def _narrow(bits: int) -> dict[str, dict[str, float]]:
    """Return mm2 at each rate with factors of at most so many bits, and blends that memories keep in seven bits."""
    network = _network().narrowed(bits)
    made = {
        f"{FOLDED}, {rate} per pixel": report.area_report(network.graph, network.plan, rate).designs[1]
        for rate in RATES
    }
    return {
        name: {"image": _total(each, "image"), "frozen": _total(each, "frozen"), "trainable": _total(each, "core1")}
        for name, each in made.items()
    }


def _total(design: Report, core: str) -> float:
    return round(design.mm2(design.of(core))["total"], 4)


def _as_trainable() -> dict[str, dict[str, float]]:
    """Return mm2 of the frozen core, and of the same core at the same folding if its codes were trainable."""
    graph = _network().graph
    operators = tuple(replace(o, frozen=False) if isinstance(o, Convolution) else o for o in graph.operators)
    network = Network(replace(graph, operators=operators))
    found = {}
    for rate in RATES:
        both = [report.area_report(each.graph, each.plan, rate).designs for each in (_network(), network)]
        for name, index in ((f"{FOLDED}, {rate} per pixel", 1), ("unrolled", 0)):
            if name not in found:
                (frozen, trainable) = (each[index].mm2(each[index].of("frozen")) for each in both)
                found[name] = {
                    "frozen": round(frozen["total"], 4),
                    "trainable": round(trainable["total"], 4),
                    "rows": round(frozen["rows"], 4),
                }
    return found


def synthesised(names: list[str], liberty: Path | None) -> dict[str, Any]:
    """Synthesise the groups of blocks of one clock per pixel, and a hardwired matrix, for some processes."""
    core = _core()
    codes = core.codes[measured.MATRIX]
    matrix = codes.reshape(-1, codes.shape[-1]).T
    found = {}
    for name in names:
        process = _process(name, liberty)
        groups = list(measured.measure(_planned(1), process, lambda text: print(text, flush=True)))
        hardwired = measured.matrix_and_multipliers(matrix, process)
        found[name] = {"core": core.digest, "groups": groups, "hardwired": hardwired}
        if liberty is not None and process.whole_cells:
            found[name]["power"] = list(
                power.measure(core.codes, process, liberty, lambda text: print(text, flush=True))
            )
    return found


def _process(name: str, liberty: Path | None) -> processes.Process:
    if name == "asap7":
        if liberty is None:
            raise SystemExit("asap7 needs --liberty=FOLDER, which has its *_RVT_TT_*.lib")
        return processes.asap7(liberty)
    return {"osu018": processes.osu018, "sky130": processes.sky130}[name]()


def refreshed(synthesis: dict[str, Any]) -> dict[str, Any]:
    """Return what was synthesised of this core, with estimates of now. What was synthesised of another core is left out."""
    groups = {(group.kind, group.place): group for group in measured.groups(_planned(1))}

    def row(old: dict[str, Any]) -> dict[str, Any]:
        group = groups[old["kind"], old["place"]]
        return old | {"estimated": measured.counts(group.estimated), "all": measured.counts(group.logic)}

    return {
        name: made | {"groups": [row(old) for old in made["groups"]]}
        for name, made in synthesis.items()
        if made.get("core") == _core().digest
    }


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description="Estimates and synthesises the core that comes with the project.")
    parser.add_argument("processes", nargs="*", choices=["osu018", "sky130", "asap7", []])
    parser.add_argument("--liberty", type=Path, help="folder with liberty files of ASAP7")
    chosen = parser.parse_args()
    result = places.workplace() / RESULT
    old = json.loads(result.read_text()).get("synthesis", {}) if result.exists() else {}
    made = areas() | {"synthesis": refreshed(old | synthesised(chosen.processes, chosen.liberty))}
    text = json.dumps(made, indent=1)
    atomic_file.write(result, page.compact(text) + "\n")
    atomic_file.write(places.workplace() / PAGE, page.of(json.loads(text)))


if __name__ == "__main__":
    main()
