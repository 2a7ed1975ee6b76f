"""The page: self-contained, the same bytes again, and read in a browser as it is meant."""

import html
import json
import re
import subprocess

import numpy as np
import pytest
from PIL import Image

from export.report import contents, figures, page, sizes
from export.report.comparison import differences
from tests.export.report.conftest import make_run
from tests.support.browser import Browser

BROWSER = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]


@pytest.fixture(scope="module")
def made(classes, faces):
    """The contents of both runs, without a board: sizes are estimated."""
    return {"classes": contents.of(classes, []), "faces": contents.of(faces, [])}


@pytest.fixture(scope="module")
def pages(made):
    """The pages of both runs."""
    return {kind: page.html(each) for kind, each in made.items()}


def text_of(document: str) -> str:
    """What a reader reads, without styles and pictures."""
    document = re.sub(r"(?s)<(style|svg|script).*?</\1>", "", document)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", document)))


def test_the_same_run_gives_the_same_bytes(classes, made, pages):
    again = contents.of(classes, [])
    assert contents.to_json(again) == contents.to_json(made["classes"])
    assert page.html(again) == pages["classes"]
    assert json.loads(contents.to_json(again)) == again
    assert str(classes.parent) not in contents.to_json(again)


@pytest.mark.parametrize("kind", ["classes", "faces"])
def test_the_page_needs_nothing_else_and_is_small(kind, pages):
    document = pages[kind]
    assert len(document.encode()) < 3_000_000
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', document)
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", document)
    assert "cat" in document and "<b>" not in document  # names are escaped


@pytest.mark.parametrize("kind", ["classes", "faces"])
def test_pictures_and_tables_have_words(kind, pages):
    document = pages[kind]
    assert all('role="img" aria-label="' in tag for tag in re.findall(r"<svg[^>]*>", document))
    assert all(' alt="' in tag for tag in re.findall(r"<img[^>]*>", document))
    tables = re.findall(r"(?s)<table>.*?</table>", document)
    assert tables and all("<caption>" in table and 'scope="col"' in table for table in tables)
    anchors = re.findall(r'<a href="#([^"]+)"', document)
    assert all(f'id="{anchor}"' in document for anchor in anchors)
    ids = re.findall(r' id="([^"]+)"', re.sub(r"(?s)<svg.*?</svg>", "", document))
    assert len(ids) == len(set(ids))


def test_it_says_what_the_run_says(pages):
    told = text_of(pages["classes"])
    assert "tiny gives 50.0% of the test images the right class (50.0% by chance, 75.0% before it became int8)" in told
    assert "is NOT proven" not in told and "1 comparisons: all backends that ran gave the same bytes" in told
    assert "Channels that were nearly constant and got new weights: 1 in epoch 2." in told
    assert "does not fit" in told and "fits" in told
    assert "taken for" in told
    faces = text_of(pages["faces"])
    assert "which is best on the training images" in faces and "Two people, taken for one" in faces


def test_a_curve_says_whether_its_images_were_trained_on(pages):
    drawn = re.findall(r'(?s)<svg[^>]*aria-label="([\w ]+) by epoch".*?</svg>', pages["classes"])
    texts = re.findall(r'(?s)<svg[^>]*aria-label="[\w ]+ by epoch".*?</svg>', pages["classes"])
    labels = {name: set(re.findall(r">(training|test)<", text)) for name, text in zip(drawn, texts, strict=True)}
    assert labels == {"loss": {"training"}, "accuracy": {"training"}, "top1": {"test"}}


def test_a_failed_proof_is_in_the_first_sentence(classes, made):
    broken = {**made["classes"], "proof": [{**made["classes"]["proof"][0], "verdict": "different", "backend": "m4"}]}
    assert "is NOT proven: m4 gave other bytes or did not run" in contents.sentence(broken)


def test_a_foreign_network_has_a_page_too(tmp_path):
    from export.tflite.writing import writer
    from tests.support.networks.tiny import tiny

    (tmp_path / "model.tflite").write_bytes(writer.write(tiny()).content)
    told = text_of(page.html(contents.of(tmp_path / "model.tflite", [])))
    assert told.strip().startswith("model: report")
    assert "Accuracy" not in told and "Boards" in told and "about" in told


def test_two_runs_are_compared(tmp_path, made, classes):
    other = contents.of(make_run(tmp_path, "classification", "second"), [])
    other["accuracy"]["TFLM"]["top1"] = 0.625
    changed = {what: (before, after) for what, before, after in differences(made["classes"], other)}
    assert changed["TFLM: top1"] == (0.5, 0.625)
    assert changed["recipe name"] == ("tiny", "second")
    assert not any(what.startswith("mm2") for what in changed)
    told = text_of(page.html(made["classes"], other))
    assert "TFLM: top1 50.00 % 62.50 % +12.50 points" in told
    assert not list(differences(other, other))


@pytest.mark.cross
def test_ram_and_flash_are_those_of_the_linkers_map(faces, tmp_path):
    from export.backends import registry
    from export.backends.programs.machines import build
    from export.c import project
    from export.opening import open_network

    network = open_network(faces)
    measured = sizes.measure(network, ["m4"])
    project.write_folder(network.plan, tmp_path / "c")
    memory = build(registry.BACKENDS["m4"].machine, tmp_path / "c", tmp_path / "built").memory()
    assert (measured["flash"], measured["ram"]) == (memory.flash, memory.ram + measured["stack"])


def test_alphas_are_drawn_as_deployed_and_as_float_training_left_them():
    blends = {"core1": {"float": [0.1, 0.9], "deployed": [0.25, 0.75]}, "core2": {"float": None, "deployed": [0.5]}}
    drawn = figures.alphas("stage1", blends)
    assert "core1, deployed: mean 0.50" in drawn and "core1, float" in drawn
    assert "core2, deployed: mean 0.50" in drawn and "core2, float" not in drawn
    assert not re.search("#0[1-6]0[1-6]0[1-6]", drawn)  # colours are the page's


# --- In a browser -----------------------------------------------------------------------------------------------------


def rendered(document: str, folder) -> str:
    """The document as the browser has understood it."""
    (folder / "page.html").write_text(document)
    command = [*BROWSER, "--dump-dom", f"file://{folder / 'page.html'}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.browser
def test_a_browser_reads_its_numbers(pages, made, tmp_path):
    seen, sizes_ = text_of(rendered(pages["faces"], tmp_path)), made["faces"]["sizes"]
    assert f"{sizes_['ram']:,} bytes of RAM" in seen and f"{sizes_['flash']:,} bytes of flash" in seen
    assert (
        f"fits on {sum(board['fits'] for board in made['faces']['boards'])} of {len(made['faces']['boards'])}" in seen
    )
    assert seen.count("by chance") == 1


@pytest.mark.browser
@pytest.mark.parametrize("width", [400, 1400])
def test_it_does_not_scroll_sideways(width, pages, tmp_path):
    """In a frame, because the browser's own window is never narrower than 500 pixels."""
    widths = "parent.document.title = document.documentElement.scrollWidth + ' of ' + innerWidth"
    inner = pages["faces"].replace("</body>", f"<script>{widths}</script></body>")
    frame = f'<title></title><iframe style="width: {width}px; border: 0" srcdoc="{html.escape(inner)}"></iframe>'
    assert f"<title>{width} of {width}</title>" in rendered(f"<!doctype html>{frame}", tmp_path)


@pytest.mark.browser
@pytest.mark.parametrize("theme, setting, dark", [("light", 1, False), ("dark", 0, True)])
def test_it_has_a_light_and_a_dark_theme(theme, setting, dark, pages, tmp_path):
    (tmp_path / "page.html").write_text(pages["faces"])
    target = tmp_path / f"{theme}.png"
    command = [*BROWSER, f"--blink-settings=preferredColorScheme={setting}", "--window-size=400,1600"]
    subprocess.run(
        [*command, f"--screenshot={target}", f"file://{tmp_path / 'page.html'}"], check=True, capture_output=True
    )
    pixels = np.asarray(Image.open(target).convert("L")).astype(int)
    assert (np.median(pixels) < 60) == dark and (np.median(pixels) > 200) != dark
    ink = np.abs(pixels - np.median(pixels)) > 60  # text and curves are seen on it
    assert 0.01 < ink.mean() < 0.5


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["classes", "faces"])
def test_a_screen_reader_has_a_name_for_all_it_meets_and_the_keyboard_reaches_what_moves(kind, pages, tmp_path):
    (tmp_path / "page.html").write_text(pages[kind])
    with Browser(f"file://{tmp_path / 'page.html'}") as page:
        assert page.without_a_name() == []
        assert page.reached_by_tab() == page.for_the_keyboard()
