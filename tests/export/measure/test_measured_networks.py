"""The networks of docs/speed-networks.md are of the sizes that it states, and a command writes them."""

from pathlib import Path

import export
from tests.support.networks import measured


def test_they_have_the_macs_of_the_networks_that_they_are_named_after(tmp_path):
    measured.main(tmp_path)
    macs = {path.stem: sum(export.open(path).graph.macs().values()) for path in tmp_path.glob("*.graph")}
    text = (Path(__file__).parents[3] / "docs" / "speed-networks.md").read_text()
    assert macs["resnet_8"] == 12_501_632 and macs["ds_cnn"] == 2_656_768  # as MLPerf Tiny's
    for name, count in macs.items():
        assert f"| {name} | {count:,} |" in text
