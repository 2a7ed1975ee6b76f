"""The registry: what each backend says about itself is so."""

from pathlib import Path

import numpy as np
import pytest

from export.backends.backend import MapsUpTo
from export.backends.registry import ALIASES, BACKENDS, ENTRIES, benchable, find, provable, select, table
from export.graph import golden
from export.graph.golden import random_inputs
from export.network import Network
from tests.support.networks.tasks import every_operator
from tests.support.targets import EVERY_BACKEND, thorough_if_same

PAGE = Path(__file__).parents[3] / "docs" / "backends.md"
EXACT = [each for each in EVERY_BACKEND if each.values[0].exact and each.values[0].shows_every_tensor]


@pytest.mark.parametrize("backend", thorough_if_same(EXACT))
def test_every_exact_backend_gives_goldens_bytes_at_every_tensor(backend):
    network = Network(every_operator())
    inputs = random_inputs(network.graph, 2)
    expected = golden.run(network.graph, inputs)
    maps, _ = backend.prepare(network, True)(inputs)
    computed = {operator.output for operator in network.graph.operators if hasattr(operator, "codes")}
    needed = computed | set(network.graph.outputs)
    if backend.name == "tflite-ref":  # whose LSTM is not TFLM's, so that it proves nothing behind one
        assert isinstance(maps, MapsUpTo) and "LSTM" in maps.why and not needed <= set(maps.rest)
        needed -= set(maps.rest)
    else:
        assert not isinstance(maps, MapsUpTo)
    assert needed <= maps.keys() <= expected.keys()
    for name, values in maps.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


def test_names_and_aliases_are_unique():
    names = [name for backend in ENTRIES for name in (backend.name, *backend.aliases)]
    assert len(names) == len(set(names))
    assert len(BACKENDS) + len(ALIASES) == len(names)


@pytest.mark.parametrize(
    "alias, name",
    [("tflite", "tflite-ref"), ("builtin_ref", "tflite-ref"), ("c", "c-gcc-O3"), ("native", "c-native")]
    + [(f"{compiler}-{how}", f"c-{compiler}-{how}") for compiler in ("gcc", "clang") for how in ("O0", "sanitizers")],
)
def test_earlier_names_stay(alias, name):
    assert find(alias).name == name


def test_several_are_selected_once_each_in_the_order_of_the_registry():
    for words in ("m4,c,gcc-O3,golden", ["m4", "c", "gcc-O3", "golden"]):
        assert [backend.name for backend in select(words, BACKENDS)] == ["golden", "c-gcc-O3", "m4"]
    timed = ["tflite-ref", "tflm", "xnnpack", "c-gcc-O3", "c-clang-O3", "c-native"]
    assert [backend.name for backend in select("host,m7", benchable())] == [*timed, "m7"]
    always = [backend.name for backend in select(None, provable())]
    assert always == [name for name in provable() if name not in ("m0", "m3", "m33", "verilator")]
    assert [backend.name for backend in select("rtl", provable())] == ["verilator"]


@pytest.mark.parametrize("word", ["m85", "xnnpack", ""])
def test_one_that_cannot_be_chosen_is_told_in_one_line(word):
    with pytest.raises(ValueError) as told:
        select(f"tflm,{word}", provable())
    assert str(told.value) == f"--on is {word!r}; it must be one of {', '.join(provable())}"


def test_the_page_lists_every_backend():
    assert table() in PAGE.read_text(), f"the table of {PAGE.name} must be:\n{table()}"
