"""The size gate: it ends with 1 if a condition is met, with 2 if it cannot tell, and is never open by mistake."""

import pytest

from export import __main__
from export.graph import graph_file
from export.report import gate
from tests.support.networks.tiny import tiny

SIZES = {
    "ram": 65_536,
    "flash": 262_145,
    "task_image": 100,
    "macs": 2_000_000,
    "missing": ["needs gcc"],
    "how": "linked",
}
REPORT = {"sizes": {**SIZES, "boards": {"m4": {"instructions": 5_000_000}}}}


@pytest.mark.parametrize(
    "text, met",
    [
        ("ram>64k", []),
        ("ram>63k", ["ram is 65,536: ram>63k"]),
        ("flash>256k,ram>64K", ["flash is 262,145: flash>256k"]),
        ("macs>2m", []),
        ("macs > 1999k", ["macs is 2,000,000: macs > 1999k"]),
        (
            "instructions>4m,task_image<101",
            ["instructions is 5,000,000: instructions>4m", "task_image is 100: task_image<101"],
        ),
    ],
)
def test_conditions(text, met):
    assert gate.failures(REPORT, gate.parse(text)) == met


@pytest.mark.parametrize("text", ["ram", "ram>", "ram>64q", "cycles>3", "ram>64k,", ">64k", "ram>-1", "ram>=64k"])
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(ValueError, match="--fail-if has '.*'; expected MEASURE>NUMBER, such as ram>64k"):
        gate.parse(text)


@pytest.mark.parametrize("text", ["ram>1m", "flash>9m", "instructions>9m"])
def test_what_was_not_measured_is_not_judged(text):
    estimated = {"sizes": {**SIZES, "how": "estimated", "boards": {}}}
    with pytest.raises(ValueError, match="cannot be measured here: needs gcc"):
        gate.failures(estimated, gate.parse(text))


@pytest.mark.cross
def test_the_command_fails_a_build_that_has_grown(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(tiny()))
    with pytest.raises(SystemExit) as ended:
        __main__.main(["report", "net.graph", "--fail-if=ram>1k,flash>1m"])
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "ram is " in said.err and "flash is " not in said.err
    assert (tmp_path / "tiny_report.html").is_file() and (tmp_path / "tiny_report.json").is_file()


@pytest.mark.parametrize(
    "words, said",
    [
        (["net.graph", "--fail-if=speed>3"], "--fail-if has 'speed>3'"),
        (["net.graph", "--on=tflm"], "--on "),
        (["net.graph", "a", "b"], "report takes one network, or two to compare; got 3"),
        (["net.graph", "--out=page.pdf", "--on=m4"], "--out is page.pdf; it must end with .html"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(tiny()))
    assert __main__.main(["report", *words]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {said}") and told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["net.graph"]
