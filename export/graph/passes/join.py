"""Several tasks on one frozen core as one network, each with its own bytes (section 3.2)."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import numpy as np

from export.graph import golden, meaning
from export.graph.golden import random_inputs
from export.graph.graph import Graph, core_digest
from export.graph.operators import Operator
from export.graph.tensor import GraphError


def join(tasks: Sequence[Graph], name: str) -> Graph:
    """Join networks that have the same frozen core to one network, with all their outputs.

    The joined network has the frozen core once. Its trainable cores have new numbers, through all
    tasks. Heads are named after their tasks: head.faces.pointwise. Nothing flows between the cores
    of two tasks.

    Args:
        tasks: two or more, each with one image as input, with different names.
        name: of the joined network.
    Raises: GraphError if names, inputs or cores do not fit, or if the frozen cores do not compute
        the same bytes.
    """
    check(tasks)
    parts = renamed(tasks)
    tensors = {image: parts[0].tensor(image) for image in parts[0].inputs}
    operators: dict[str, Operator] = {}
    for part in parts:
        for operator in part.operators:
            tensor, known = part.tensor(operator.output), operators.get(operator.name)
            if known is not None and not (same(operator, known) and tensor == tensors[operator.output]):
                raise GraphError(
                    f"{operator.name} is not the same in {part.name} as in {parts[0].name}: batch-norm or exponents differ. "
                    f"Train {part.name} with what {parts[0].name} left: network.train_batch_norm=false "
                    f"network.core=runs/{parts[0].name}/export/{parts[0].name}.npz"
                )
            operators[operator.name], tensors[operator.output] = operator, tensor
    outputs = tuple(output for part in parts for output in part.outputs)
    made = tuple(operators.values())
    joined = Graph(name, parts[0].inputs, outputs, tuple(tensors.values()), made, parts[0].metadata)
    meanings: dict[str, meaning.Meaning] = {}
    for task, part in zip(tasks, parts):
        known_of = meaning.meanings_of(task)
        meanings |= {new: known_of[old] for old, new in zip(task.outputs, part.outputs) if old in known_of}
    return meaning.attach(joined, meanings)


def prove(joined: Graph, tasks: Sequence[Graph], images: int = 4) -> None:
    """Compare each output of a joined network with that of its task alone, on random images.

    Raises: GraphError that names the first that differs in a byte.
    """
    inputs = random_inputs(joined, images)
    together, outputs = golden.run(joined, inputs, joined.outputs), iter(joined.outputs)
    for task in tasks:
        alone = golden.run(task, inputs, task.outputs)
        for own in task.outputs:
            output = next(outputs)
            if not np.array_equal(together[output], alone[own]):
                raise GraphError(f"{output} of {joined.name} differs from {own} of {task.name} alone")


def check(tasks: Sequence[Graph]) -> None:
    """Raise GraphError for tasks that cannot be one network."""
    if len(tasks) < 2:
        raise GraphError(f"got {len(tasks)} task; expected two or more to join")
    first, names = tasks[0], [task.name for task in tasks]
    for task in tasks:
        if names.count(task.name) > 1:
            raise GraphError(f"{names.count(task.name)} tasks are called {task.name}; train each under its own name=")
        if task.metadata.get("core") is None:
            raise GraphError(f"{task.name} has no frozen core that it could share; train it with network.core=FILE")
        cores = [core_digest(each)[:16] for each in (task, first)]
        if cores[0] != cores[1]:
            raise GraphError(
                f"{task.name} was trained on core {cores[0]}, {first.name} on {cores[1]}; expected one core"
            )
        shapes = ["x".join(map(str, each.tensor(each.inputs[0]).shape)) for each in (task, first)]
        if shapes[0] != shapes[1]:
            raise GraphError(
                f"{task.name} reads images of {shapes[0]}, {first.name} of {shapes[1]}; expected one shape. Train them "
                "with one network.input, or join them at --size=HEIGHTxWIDTH if both are grey or both coloured"
            )


def renamed(tasks: Sequence[Graph]) -> list[Graph]:
    """Return the tasks with new names, which they share only in the frozen core."""
    parts, cores = [], 0
    for task in tasks:
        names = [operator.name for operator in task.operators]
        own = sorted({int(number) for name in names for number in CORE.findall(name)})
        numbers = {str(number): str(new) for new, number in enumerate(own, cores + 1)}
        heads = {name.split(".")[1] for name in names if name.startswith("head.")}
        head = f"head.{task.name}" if len(heads) == 1 else rf"head.{task.name}.\1"
        parts.append(with_names(task, functools.partial(rename, numbers=numbers, head=head)))
        cores += len(own)
    return parts


CORE = re.compile(r"(?<=\bcore)\d+\b")  # core2.stage1.blend, stage1.core_shuffle.core2
HEAD = re.compile(r"^head\.([^.]+)")


def rename(name: str, numbers: dict[str, str], head: str) -> str:
    """Return the name of an operator in the joined network."""
    return HEAD.sub(head, CORE.sub(lambda number: numbers[number[0]], name))


def with_names(graph: Graph, rename: Callable[[str], str]) -> Graph:
    """Return the graph with other names."""
    return replace(
        graph,
        inputs=tuple(map(rename, graph.inputs)),
        outputs=tuple(map(rename, graph.outputs)),
        tensors=tuple(replace(tensor, name=rename(tensor.name)) for tensor in graph.tensors),
        operators=tuple(
            replace(operator, name=rename(operator.name), inputs=tuple(map(rename, operator.inputs)))
            for operator in graph.operators
        ),
    )


def same(one: Operator, other: Operator) -> bool:
    """Whether two operators compute the same from tensors of the same names."""
    return type(one) is type(other) and all(
        np.array_equal(getattr(one, each.name), getattr(other, each.name)) for each in fields(one)
    )
