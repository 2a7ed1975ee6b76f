"""The documentation: its commands run or are known to be long, its links lead somewhere, its sentences are short and plain."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.graph import graph_file, meaning
from export.graph.arithmetic import rounding
from export.graph.meaning import Meaning
from export.tflite.writing import writer
from sfkeras.training import recipe as recipes
from tests.support.networks.graphs import Builder

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "docs" / "results.md"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
WRITTEN = [page for page in PAGES if page != GENERATED]

# Commands that are not run here, with the time that they took on 2 cores, or why there is none.
LONG = {
    "make face": "13 min",
    "make setup": "a few minutes, once",
    "make quick": "under a minute",
    "make thorough": "minutes: more variants of what make test proves",
    "make test": "runs this test",
    "make installed": "a minute or more: builds a wheel, installs it",
    "make silicon": "4 min of a processor: synthesises 170 blocks",
    "make frames": "most of an hour: compiles and simulates two large designs",
    "sfkeras bench model_int8.tflite --on=m4": "0.7 min",
    "python -m tests.support.networks.speed_page m0,m3,m33,m4,m7,m55,rv32 --write": "half an hour: 14 networks, 7 cores",
    "sfkeras verify model_int8.tflite": "2.6 min",
    "sfkeras live runs/mine runs/other": "runs until it is stopped",
    "sfkeras verify runs/mine": "minutes: all backends on 100 images",
    "sfkeras verify runs/mine --on=verilator": "minutes: compiles a simulation",
    "sfkeras verify FOLDER --task=runs/other": "minutes: all backends",
    "sfkeras bench runs/face --on=host --size=480x640": "minutes: five rounds of five backends",
    "sfkeras compile model.keras out/ --pictures=PICTURES": "a minute: tests/export/tflite/test_convert.py does it",
    "sfkeras compare-experiments table3 tiny_imagenet=FOLDER lfw=FOLDER": "416 min in all",
    "sfkeras compare-experiments figure6 tiny_imagenet=FOLDER camvid=FOLDER": "79 min in all",
    "sfkeras compare-experiments repeats lfw=FOLDER": "48 min in all",
    "sfkeras compare-experiments ablations tiny_imagenet=FOLDER lfw=FOLDER": "137 min in all",
    "sfkeras compare-experiments schemes lfw=FOLDER": "54 min in all",
    "sfkeras compare-experiments three_tasks tiny_imagenet=FOLDER lfw=FOLDER camvid=FOLDER": "42 min in all",
    "sfkeras compare-experiments transfer fashion=FOLDER photos=FOLDER lfw=FOLDER camvid=FOLDER": "hours: 25 trainings",
    "sfkeras compare-experiments bits lfw=FOLDER camvid=FOLDER": "hours: 9 trainings",
    "sfkeras compare-experiments results": "draws docs/results.md; tests/sfkeras/experiments/test_page.py does",
    "sfkeras compare-experiments training_speed --rounds=8": "minutes: trains two networks",
}
NAMES = {"NETWORK", "FILE", "RUN"}  # a line with one of them is a form, not a command
BOARD = "--on=m4"  # commands with it need the Arm toolchain and QEMU
FORMATS = {"integer", "core", "results"}  # "sfkeras core 1" is the name of a format
COMMANDS = {
    "train",
    "compile",
    "package",
    "report",
    "live",
    "verify",
    "run",
    "bench",
    "image",
    "join",
    "predict",
    "tflm",
    "area",
    "hardware",
    "compare-experiments",
}

# Of the table of plain English: what to write instead is in CONTRIBUTING.md. Only what is never right is listed.
FORBIDDEN = [
    *(
        r"\bmend(s|ed)?\b",
        r"\bwanted\b",
        r"\bbeside\b",
        r", of them\b",
        r"\bcomes? to\b",
        r"\bwhoever\b",
        r"\bof whom\b",
    ),
    *(r"\bwho builds?\b", r"\btells? yours\b", r"\blies? (beside|in|as)\b", r"\bstands? (in|behind|beside)\b"),
    *(r"\b(instructions|images|frames|rows|bytes|scales?|words?) an? [a-z]", r"\bbehind (it|them|others)\b"),
]


def blocks(page: Path, language: str | None = None) -> list[str]:
    """The code blocks of a page, of one language or all."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [text for kind, text in found if language in (None, kind)]


def prose(page: Path) -> list[tuple[int, str]]:
    """Lines that are neither code nor tables, with their numbers."""
    lines, in_code = [], False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            in_code = not in_code
        elif not in_code and not line.startswith(("|", "    ")):
            lines.append((number, line))
    return lines


def commands() -> list[str]:
    """Every command of a code block, once, without its comment."""
    lines = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
    found = [re.sub(r"\s+#.*", "", line).strip() for line in lines]
    return list(dict.fromkeys(line for line in found if re.match(r"(sfkeras|python -m|make) ", line)))


FORMS = [line for line in commands() if NAMES & set(line.split())]
TRAININGS = [line for line in commands() if line.startswith("sfkeras train recipe")]
RUN = [line for line in commands() if line not in [*LONG, *FORMS, *TRAININGS]]


def marked(line: str):
    return pytest.param(line, marks=pytest.mark.cross) if BOARD in line else line


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with what the commands of the docs name: a model, two runs, a compiled folder, inputs."""
    folder = tmp_path_factory.mktemp("docs")
    for name in ("mine", "other"):
        export = folder / "runs" / name / "export"
        export.mkdir(parents=True)
        (export / f"{name}.graph").write_bytes(graph_file.to_bytes(tiny(name)))
    for name, known in {"pets": Meaning("classification", ("cat", "dog")), "face": Meaning("faces", (), 0.5)}.items():
        export = folder / "runs" / name / "export"
        export.mkdir(parents=True)
        graph = tiny(name)
        graph = meaning.attach(graph, {graph.outputs[0]: known})
        (export / f"{name}.graph").write_bytes(graph_file.to_bytes(graph))
    for name in "photo.jpg", "photo1.pgm", "photo2.pgm", "photo3.pgm":
        Image.new("L" if name.endswith("pgm") else "RGB", (20, 20)).save(folder / name)
    (folder / "model_int8.tflite").write_bytes(writer.write(tiny("model_int8")).content)
    np.save(folder / "in.npy", np.zeros((2, 16, 16, 3), np.int8))
    for out in ("out/", "FOLDER"):
        run("sfkeras compile model_int8.tflite " + out, folder)
    return folder


def tiny(name: str):
    net = Builder()
    maps = net.convolution("conv", net.input((16, 16, 3)), 8, 3, strides=(2, 2), padding="same")
    maps = net.depthwise("depthwise", maps, padding="same")
    return net.graph(net.convolution("head", maps, 2, relu=False), name=name)


def run(line: str, folder: Path) -> subprocess.CompletedProcess:
    words = shlex.split(line)
    modules = {"sfkeras": ["-m", "sfkeras"], "python": []}
    command = [sys.executable, *modules[words[0]], *words[1:]]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=environment())


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("line", map(marked, RUN))
def test_a_command_of_the_docs_works(line, workplace):
    run(line, workplace)


@pytest.mark.parametrize("line", FORMS)
def test_a_form_of_the_docs_has_options_that_there_are(line, tmp_path):
    words = shlex.split(line)
    end = words.index("export") + 2 if words[0] == "python" else 2
    shown = run(shlex.join([*words[:end], "--help"]), tmp_path).stdout
    assert not {word.partition("=")[0] for word in words if word.startswith("--")} - set(
        re.findall(r"--[a-z-]+", shown)
    )


def test_a_training_of_the_docs_has_keys_that_there_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "recipes" / "face.yaml", tmp_path / "PATH.yaml")
    for name in "cat", "dog":
        (tmp_path / "PICTURES" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (20, 20)).save(tmp_path / "PICTURES" / name / f"{number}.jpg")
    for line in TRAININGS:
        recipes.parse(shlex.split(line)[2:])


def test_long_commands_are_those_of_the_docs():
    assert not set(LONG) - set(commands())


def test_make_has_the_targets_of_the_docs():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {line.split()[1] for line in commands() if line.startswith("make ")} <= targets


def test_the_docs_name_commands_that_there_are():
    for page in WRITTEN:
        named = set(re.findall(r"`sfkeras ([a-z][a-z-]*)", page.read_text()))
        assert named - FORMATS <= COMMANDS, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        if anchor:
            assert anchor in anchors(place), target


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_prose_is_plain_and_wraps_at_100(page):
    for number, line in prose(page):
        assert len(line) <= 100, f"{page.name}:{number} has {len(line)} characters"
        for word in FORBIDDEN:
            assert not re.search(word, line, re.IGNORECASE), f"{page.name}:{number}: {line}"


def test_the_example_of_both_roundings():
    total, multiplier, shift = 242, 1987092631, -6
    once = (total * multiplier + (1 << (30 - shift))) >> (31 - shift)
    assert (rounding.requantise(total, multiplier, shift), once) == (4, 3)
    assert f"sum {total}, multiplier {multiplier}, shift {shift} " in (ROOT / "docs" / "faq.md").read_text()
