"""Generated text is what git has of it. `UPDATE=1 pytest tests/export/test_expected.py` writes it anew."""

import os
from difflib import unified_diff
from pathlib import Path

import pytest

from export.c import project
from export.network import Network
from export.tflite.reading import operators
from tests.support.networks.tiny import tiny

ROOT = Path(__file__).parents[2]
EXPECTED = ROOT / "tests" / "expected"
OPERATORS = ROOT / "docs" / "operators.md"
FILES = "tiny_stream.c", "tiny_stream.h", "datapath.json", "datapath.svg"


def generated() -> dict[Path, str]:
    """The text of each file that git keeps."""
    plan = Network(tiny()).plan
    files = project.files(plan)
    prose = OPERATORS.read_text().partition("\n| operator of the .tflite")[0]
    return {
        **{EXPECTED / name: files[name] for name in FILES},
        EXPECTED / "line_plan.txt": f"{plan}\n",
        OPERATORS: f"{prose}\n{operators.table()}",
    }


def test_generated_text_is_as_expected():
    texts = generated()
    if os.environ.get("UPDATE"):
        EXPECTED.mkdir(exist_ok=True)
        for path, text in texts.items():
            path.write_text(text)
    for path, text in texts.items():
        lines = (each.splitlines() for each in (path.read_text(), text))
        if difference := "\n".join(unified_diff(*lines, "expected", "generated", lineterm="", n=1)):
            name = path.relative_to(ROOT)
            pytest.fail(f"{name} differs; after a change on purpose, run with UPDATE=1\n{difference}", pytrace=False)
