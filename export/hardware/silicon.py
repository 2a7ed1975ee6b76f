"""The areas that the experiments' tables show: `python -m export.hardware.silicon results/silicon.json`.

They are estimates for the core that comes with the project, with two trainable cores, at the paper's 640x480.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from export.hardware import report
from export.hardware.area import FOLDED, UNROLLED
from export.hardware.core_network import network_of
from export.network import Network
from sfkeras import atomic_file
from sfkeras.nn.core import Core

NAME, SIZE = "tiny_imagenet", (480, 640)
RATES = (1, 4)  # clocks per pixel


def areas() -> dict[str, Any]:
    """Return mm2 of each design: of the image's rows, of the frozen core, and of one trainable core."""
    core = Core.load(NAME)  # type: ignore[no-untyped-call]
    network = Network(network_of(core.codes, SIZE, 2, NAME))
    made = {rate: report.area_report(network.graph, network.plan, rate) for rate in RATES}
    designs = {f"{FOLDED}, {rate} per pixel": each.designs[1] for rate, each in made.items()}
    designs[UNROLLED] = made[1].designs[0]
    return {
        "core": NAME,
        "size": list(SIZE),
        "library": made[1].designs[0].library.source,
        "mm2": {
            name: {
                "image": round(design.mm2(design.of("image"))["total"], 4),
                "frozen": round(design.mm2(design.of("frozen"))["total"], 4),
                "trainable": round(design.mm2(design.of("core1"))["total"], 4),
            }
            for name, design in designs.items()
        },
    }


def main(path: str) -> None:
    """Write them to a file."""
    atomic_file.write(Path(path), json.dumps(areas(), indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
