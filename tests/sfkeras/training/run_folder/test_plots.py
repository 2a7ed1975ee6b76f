"""The pictures: whole, the same bytes for the same numbers, and with everything in them that they were given."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from sfkeras.training.run_folder import plots

ROWS = [
    {"phase": "float", "epoch": 1, "loss": 1.0, "val_loss": 1.2, "accuracy": 0.5},
    {"phase": "float", "epoch": 2, "loss": 0.5, "val_loss": 0.9, "accuracy": 0.7, "rank1": 0.25},
    {"phase": "qat", "epoch": 1, "loss": 0.6, "accuracy": 0.6},
]
BLENDS = {f"core{core}.stage{stage}": np.linspace(0.1, 0.2 * core * stage, 8) for core in (1, 2) for stage in (1, 2)}
FIXED = {"core1.stage1": 0.5, "core1.stage4.pass2": np.float32(1)}


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draws, and gives back the figure's panels that show something."""

    def draw(function, *given):
        figures = []
        save = plots.save
        monkeypatch.setattr(plots, "save", lambda figure, path: (figures.append(figure), save(figure, path)))
        function(tmp_path / "picture.png", *given)
        return [panel for panel in figures[0].axes if panel.axison]

    return draw


@pytest.mark.parametrize(("function", "numbers"), [(plots.curves, ROWS), (plots.alphas, BLENDS), (plots.alphas, FIXED)])
def test_same_numbers_give_the_same_png_and_leave_nothing_else(tmp_path, function, numbers):
    path, again = tmp_path / "a.png", tmp_path / "b.png"
    function(path, numbers)
    function(again, numbers)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")
    assert path.read_bytes() == again.read_bytes()
    assert sorted(tmp_path.iterdir()) == [path, again]


def test_an_interrupted_picture_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", interrupted)
    with pytest.raises(KeyboardInterrupt):
        plots.alphas(path, BLENDS)
    assert path.read_bytes() == b"old"


def test_curves_have_a_panel_for_each_number_and_validation_joins_its_own(drawn):
    panels = drawn(plots.curves, ROWS)
    assert [panel.get_title(loc="left") for panel in panels] == ["loss", "accuracy", "rank1"]
    assert [line.get_label() for line in panels[0].lines[:2]] == ["training", "validation"]
    np.testing.assert_array_equal(panels[0].lines[0].get_xydata(), [[1, 1.0], [2, 0.5], [3, 0.6]])
    np.testing.assert_array_equal(panels[2].lines[0].get_ydata(), [np.nan, 0.25, np.nan])


def test_the_loss_comes_first(drawn):
    assert drawn(plots.curves, [{"accuracy": 0.5, "loss": 1}])[0].get_title(loc="left") == "loss"


def test_later_phases_are_tinted_and_named(drawn):
    (tint,) = drawn(plots.curves, ROWS)[0].patches
    assert (tint.get_x(), tint.get_width()) == (2.5, 1)
    assert "qat" in {text.get_text().strip() for text in drawn(plots.curves, ROWS)[0].texts}
    assert not drawn(plots.curves, ROWS[:2])[0].patches


def test_alphas_have_a_panel_a_stage_and_a_line_a_core(drawn):
    panels = drawn(plots.alphas, BLENDS)
    assert [panel.get_title(loc="left") for panel in panels] == ["stage1", "stage2"]
    for panel, stage in zip(panels, (1, 2), strict=True):
        for line, core in zip(panel.lines[::2], (1, 2), strict=True):
            values = BLENDS[f"core{core}.stage{stage}"]
            assert line.get_label() == f"core{core}: mean {values.mean():.2f}"
            assert (np.diff(line.get_ydata()) <= 0).all()
            np.testing.assert_array_equal(line.get_ydata()[1:-1], np.sort(values)[::-1])


def test_a_fixed_alpha_is_a_flat_line(drawn):
    panels = drawn(plots.alphas, FIXED)
    assert [panel.get_title(loc="left") for panel in panels] == ["stage1", "stage4.pass2"]
    assert set(panels[0].lines[0].get_ydata()) == {0.5}


def test_nothing_to_draw_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="the rows have no loss and no metric to plot"):
        plots.curves(tmp_path / "a.png", [{"epoch": 1, "phase": "float"}])
    with pytest.raises(ValueError, match="there are no alphas to plot"):
        plots.alphas(tmp_path / "a.png", {})
