"""Mutated .tflite and .graph files are compiled or refused in one line; `make fuzz` runs 20,000 of each."""

import copy
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from export.graph import graph_file
from export.graph.operators import OPERATORS
from export.tflite.file.flatbuffer import parse, to_bytes
from export.tflite.reading.operators.registry import READERS
from export.tflite.reading.reader import read
from export.tflite.writing.writer import write
from tests.export.tflite.reading.test_reader import EVERY_OPERATOR, assert_equal_to_tflm
from tests.support.fuzz import compile_network, mutated, try_mutations
from tests.support.networks.graphs import semifreddo
from tests.support.networks.tasks import every_operator
from tests.support.tflite import small_files

FEW = 100
SEMIFREDDO = semifreddo((32, 32), (8, 8, 16, 16, 32))
SOUND = (0, 1, 2, 0.5, 2.0**-4, "image")  # somewhere
ABSURD = (None, True, -1, 2**31, 2**70, 1e400, "", "a\nb" * 200, [], [1], [[1, 2], [3, 4]], {}, {"a": 1})


SMALL = {name: getattr(small_files, name)() for name in ("functions", "moves", "shapes", "newer", "choices")}


def tflites():
    """Mostly small ones, of which a change often hits something that matters."""
    small, large = (write(graph).content for graph in (every_operator(), SEMIFREDDO))
    return [*[EVERY_OPERATOR, small, *SMALL.values()] * 2, large]


def graphs():
    small, large = (graph_file.to_bytes(graph) for graph in (every_operator(), SEMIFREDDO))
    read_ones = [graph_file.to_bytes(read(content)[0]) for content in SMALL.values()]
    return [*[small] * 6, *read_ones, large]


def mutated_tflite(content, random):
    """Bytes, or the parts of operators and tensors: half of the files are well-formed flatbuffers."""
    if random.integers(2):
        return mutated(content, random)
    model = parse(content)
    tensors, operators = list(model.tensors), list(model.operators)
    for _ in range(1 + int(random.integers(3))):
        at = int(random.integers(len(operators)))
        if random.integers(2):
            operators[at] = mutated_operator(operators, at, len(tensors), random)
        else:
            index = int(random.choice([*operators[at].inputs, *operators[at].outputs, 0]))
            tensors[index] = mutated_tensor(tensors[index], random)
    try:
        return to_bytes(replace(model, tensors=tuple(tensors), operators=tuple(operators)))
    except TypeError:  # a number that no field of its kind can hold
        return mutated(content, random)


def mutated_operator(operators, at, tensors, random):
    operator, other = operators[at], operators[int(random.integers(len(operators)))]
    what = int(random.integers(6))
    if what == 0:
        return replace(operator, options=random.choice([None, other.options]))
    if what == 1:
        return replace(operator, kind=other.kind)
    if what == 2:
        return replace(operator, options=mutated_options(operator.options, random))
    side = "inputs" if what < 5 else "outputs"
    indices = list(getattr(operator, side))
    place = int(random.integers(len(indices) + 1))
    indices[place : place + int(random.integers(2))] = random.integers(-1, tensors, int(random.integers(2))).tolist()
    return replace(operator, **{side: tuple(indices)})


def mutated_options(options, random):
    """One number of a copy."""
    options = copy.copy(options)
    numbers = [name for name, value in vars(options or ()).items() if isinstance(value, int)] if options else []
    if numbers:
        setattr(options, str(random.choice(numbers)), int(random.choice([0, 1, 2, 3, 5, 100])))
    return options


def mutated_tensor(tensor, random):
    what = int(random.integers(4))
    if what == 0:
        return replace(tensor, quantization=None)
    if what == 1:
        return replace(tensor, data=None)
    if what == 2 and tensor.data is None:
        return replace(tensor, type=str(random.choice(["INT8", "UINT8", "INT16", "INT32", "INT64", "FLOAT32", "BOOL"])))
    shape = list(tensor.shape)
    place = int(random.integers(len(shape) + 1))
    shape[place : place + int(random.integers(2))] = random.choice(
        [0, 1, 2, 3, 7, 255, 4096, 1 << 20], int(random.integers(2))
    )
    data = tensor.data
    if data is not None:
        shape, data = [int(random.integers(2 * data.size + 1))], np.resize(data, random.integers(2 * data.size + 1))
    return replace(tensor, shape=tuple(map(int, shape)), data=data)


def mutated_graph(content, random):
    """Bytes, or one value of the description: in three of four cases the file is whole otherwise."""
    if random.integers(4) == 0:
        return mutated(content, random)
    with np.load(io.BytesIO(content)) as entries:
        arrays = dict(entries)
    description = json.loads(arrays.pop("graph").tobytes())
    place, key = description, None
    while key is None or isinstance(place[key], (dict, list)) and place[key] and random.integers(5):
        place = place if key is None else place[key]
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = keys[int(random.integers(len(keys)))]
    if random.integers(8) == 0:
        del place[key]
    else:
        values = SOUND if random.integers(2) else ABSURD
        place[key] = values[int(random.integers(len(values)))]
    for name in list(arrays):
        if random.integers(200) == 0:
            arrays[name] = arrays[name].astype(random.choice(["i1", "i4", "f4", "f8", "?"]))
        if random.integers(200) == 0:
            arrays[name] = arrays[name].ravel()[: int(random.integers(arrays[name].size + 1))]
    file = io.BytesIO()
    np.savez(file, graph=np.frombuffer(json.dumps(description).encode(), np.uint8), **arrays)
    return file.getvalue()


FILES = {"tflite": (tflites, mutated_tflite), "graph": (graphs, mutated_graph)}


@pytest.mark.parametrize("name", SMALL)
def test_small_files_are_whole(name):
    assert_equal_to_tflm(SMALL[name])


def test_the_files_have_every_operator():
    kinds = {operator.kind for content in tflites() for operator in parse(content).operators}
    assert kinds >= READERS.keys()
    graphs = every_operator(), *(read(content)[0] for content in SMALL.values())
    assert {type(operator) for graph in graphs for operator in graph.operators} == set(OPERATORS.values())


@pytest.mark.parametrize("kind", FILES)
def test_mutations_are_compiled_or_refused_in_one_line(kind):
    contents, mutate = FILES[kind]
    found = try_mutations(contents(), f".{kind}", compile_network, FEW, mutate=mutate)
    assert found["refused"] > FEW // 10 and found["used"] > FEW // 50, found
