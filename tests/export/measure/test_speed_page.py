"""docs/speed-networks.md has a line for each network on each board, as the command writes it."""

import re

import pytest

from export.backends import boards
from tests.support.networks import measured, speed_page

CORES = [backend.name for backend in boards.BACKENDS]


@pytest.mark.parametrize("core", CORES)
def test_each_network_is_measured_on_each_core(core):
    section = re.search(rf"^## {core}\n(.*?)(?=^## |\Z)", speed_page.PAGE.read_text(), re.DOTALL | re.MULTILINE)
    names = re.findall(r"^\| (\w+) \| [\d,]+ \| [\d,]+ \|", section[1], re.MULTILINE)
    assert names == [make().name for make in measured.NETWORKS]


def test_a_section_takes_the_place_of_that_of_before():
    page = "# Page\n\ntext\n"
    for core, text in (("m4", "old"), ("m7", "other"), ("m4", "new")):
        page = speed_page.replaced(page, f"## {core}\n\n{text}")
    assert page == "# Page\n\ntext\n\n## m4\n\nnew\n\n## m7\n\nother\n"
