"""The tables of docs/speed-networks.md: what each network of measured.py costs on each core.

    python -m tests.support.networks.speed_page m4,m55 [NETWORK,..] [--write]

prints them, or with --write puts them into the page. Needs the compilers and QEMU of the boards (docs/backends.md).
"""

import sys
from pathlib import Path

import numpy as np

from export.backends import registry
from export.backends.backend import Backend
from export.c.test_vector import vector_image
from export.graph import golden
from export.network import Network
from tests.support.networks.measured import NETWORKS

PAGE = Path(__file__).parents[3] / "docs" / "speed-networks.md"
HEAD = """| network | MACs | instructions | per MAC | cycles | RAM with stack | flash |
| --- | --- | --- | --- | --- | --- | --- |"""


def row(network: Network, backend: Backend) -> str:
    """The line of a network. Cycles are the expected ones, or their range; none where there is no model of the core."""
    image = {network.graph.inputs[0]: vector_image(network.compiled.graph)}
    (made, cost), macs = backend.prepare(network, False)(image), sum(network.compiled.graph.macs().values())
    for name, expected in golden.run(network.graph, image, network.graph.outputs).items():
        np.testing.assert_array_equal(made[name], expected)
    cycles = backend.cycles(network, image) if backend.cycles else None
    if cycles is None:
        counted = ""
    elif cycles.expected is not None:
        counted = f"{cycles.expected:,}"
    else:
        counted = f"{cycles.least:,} to {cycles.most:,}"
    instructions, ram, flash = (cost[name] for name in ("instructions", "ram", "flash"))
    figures = f"{macs:,}", f"{instructions:,}", f"{instructions / macs:.2f}", counted, f"{ram:,}", f"{flash:,}"
    return f"| {' | '.join((network.graph.name, *figures))} |".replace("|  |", "| |")


def table(core: str, networks=NETWORKS) -> str:
    """The section of a core: a line per network."""
    (backend,) = registry.select(core, registry.benchable())
    lines = [f"## {core}", "", f"{backend.about[0].upper()}{backend.about[1:]}.", "", HEAD]
    for make in networks:
        lines.append(row(Network(make()), backend))
        print(core, lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def replaced(page: str, section: str) -> str:
    """The page with the section of a core in place of the one that it has, or at its end."""
    title = section.splitlines()[0]
    before, found, after = page.partition(f"{title}\n")
    _, following, rest = after.partition("\n## ")
    return f"{before if found else page.rstrip() + chr(10) * 2}{section}\n" + (f"\n## {rest}" if following else "")


def main(cores: str, *words: str) -> None:
    """Measure, and print or write."""
    chosen = next((word.split(",") for word in words if not word.startswith("--")), None)
    networks = [make for make in NETWORKS if chosen is None or make.__name__ in chosen]
    for core in cores.split(","):
        section = table(core, networks)
        if "--write" in words:
            PAGE.write_text(replaced(PAGE.read_text(), section))
        else:
            print(section + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
