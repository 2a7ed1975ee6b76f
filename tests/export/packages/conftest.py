"""Packages of every form, of a network with all kinds of stages."""

from dataclasses import replace

import pytest

from export.network import Network
from export.packages import folder, package
from tests.support.networks.tasks import every_operator

GRAPH = replace(every_operator(), name="net")


@pytest.fixture(scope="session")
def parts():
    return package.of_network(Network(GRAPH), "1.2.3")


@pytest.fixture(scope="session")
def packages(parts, tmp_path_factory):
    """A folder with a package of each form, by its name."""
    place = tmp_path_factory.mktemp("packages")
    for form in folder.FORMS:
        folder.write(parts, form, place / form)
    return place
