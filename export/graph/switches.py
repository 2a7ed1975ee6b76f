"""What a task can switch: each head's pool (section 3.3), passes through the last module (Fig. 5).

A network of sfkeras is compiled, or taped out, with every way that its rows can take: with and
without the pool of each head, and from the last module to the heads after each of its passes. A
task image (export/datapath/task_image.py) holds a position for each switch. Stages on ways that are
not taken do not run. All ways together are one graph again:

    head.NAME.pointwise --> head.NAME.activation                                    position 0: maps
                       '--> head.NAME.pool --> head.NAME.pool.activation            position 1: a vector

    core1.stage4.blend --> core1.stage4.pass2.blend --> ... --> core1.passed        position n: input n - 1
                      '------------------------------------------^

It is a plain graph, which computes the task's numbers on the ways that are taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from export.graph.graph import Graph
from export.graph.operators import AveragePool, Operator, Wire
from export.graph.tensor import GraphError, Tensor

NAMED_BY_SFKERAS = {"named_by": "sfkeras"}  # in a graph's metadata: its operators have the names of sfkeras's layers
PASSES = "passes"
PASS = re.compile(r"(stage\d+)\.pass(\d+)")
POINTWISE = re.compile(r"head\.(.+)\.pointwise")
MAPS, VECTOR = range(0, 1), range(1, 2)  # positions of the switch of a head's pool


@dataclass(frozen=True)
class Switch:
    """A switch of a task image.

    Attributes:
        name: "passes" or "head.NAME.pooling".
        positions: all its positions.
        position: the one that the task sets.
        runs: the positions in which an operator runs, by its name. All other operators always run.
        gives: the positions in which an output is computed, by its name. All other outputs always
            are.
        chooses: names of Wires that copy one of their inputs, the one of the position.
    """

    name: str
    positions: range
    position: int
    runs: dict[str, range] = field(default_factory=dict)
    gives: dict[str, range] = field(default_factory=dict)
    chooses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ways:
    """A graph with all its ways, and the switches that choose between them.

    The switch of passes is the first.
    """

    graph: Graph
    switches: tuple[Switch, ...] = ()


def ways(graph: Graph) -> Ways:
    """Return all ways that a network's rows can take.

    A network that is not sfkeras's has one way and no switch.
    """
    if not NAMED_BY_SFKERAS.items() <= graph.metadata.items():
        return Ways(graph)
    return _with_heads(_with_passes(graph, _passes(graph)))


def ways_of_task(task: Graph, network: Ways) -> Ways:
    """Return the ways of a network with a task's numbers.

    The task has as many passes or fewer, and pools or not.

    Passes that the task does not have keep the network's numbers.

    Raises: GraphError if the task has more passes than the network.
    """
    if not network.switches:
        return Ways(task)
    passes, most = _passes(task), max(_pass(operator.name) for operator in network.graph.operators)
    if passes > most:
        raise GraphError(
            f"{task.name} passes through its last module {passes} times; {network.graph.name} allows at most {most}"
        )
    found = _with_heads(_with_passes(_with_resting_passes(task, network.graph, passes), passes))
    shared = [name for name in network.graph.outputs if name in found.graph.outputs]  # in the network's order
    rest = [name for name in found.graph.outputs if name not in shared]
    return replace(found, graph=replace(found.graph, outputs=(*shared, *rest)))


def name_in(network: Graph, tensor: Tensor) -> str:
    """Return the name that a tensor of a task's own graph has in a graph of all ways."""
    is_vector = tensor.name in network.outputs and network.tensor(tensor.name).shape[:2] != tensor.shape[:2]
    return _pooled(tensor.name) if is_vector else tensor.name


def tensors_of(task: Graph, network: Graph, maps: dict[str, npt.NDArray[np.int8]]) -> dict[str, npt.NDArray[np.int8]]:
    """Return the tensors of a task's own graph, of maps by the names of all ways.

    Channels that a head was filled up with are left out.
    """
    names = {tensor: name_in(network, tensor) for tensor in task.tensors}
    return {tensor.name: maps[name][..., : tensor.channels] for tensor, name in names.items() if name in maps}


# --- Passes through the last module -----------------------------------------------------------------------------------


def _pass(name: str) -> int:
    """Return the pass that an operator is in; 1 if its module is not repeated."""
    match = PASS.search(name)
    return int(match[2]) if match else 1


def _passes(graph: Graph) -> int:
    return max((_pass(operator.name) for operator in graph.operators), default=1)


def _in_passes(name: str, module: str, most: int) -> list[str]:
    """Return the names that an operator of the last module has in its passes."""
    passes = (module, *(f"{module}.pass{number}" for number in range(2, most + 1)))
    return [re.sub(rf"{module}(\.pass\d+)?(?=\.)", each, name) for each in passes]


def _with_passes(graph: Graph, position: int) -> Ways:
    """Let heads read the last module's result after any pass; after `position`, as the task is."""
    most = _passes(graph)
    heads = [operator for operator in graph.operators if _is_of_head(operator)]
    modules = [operator for operator in graph.operators if not _is_of_head(operator)]
    made = {operator.name for operator in modules}
    read = list(dict.fromkeys(name for head in heads for name in head.inputs if name in made))
    module = next((match[1] for each in modules if (match := PASS.search(each.name))), "")
    in_every_pass = made.issuperset(each for name in read for each in _in_passes(name, module, most))
    if most == 1 or made & set(graph.outputs) or not in_every_pass:  # joined tasks may have different passes
        return Ways(graph)
    wires, tensors = {}, []
    for name in read:
        if not (core := re.search("frozen|core[0-9]+", name)):
            raise GraphError(f"{name}: a head reads it, but its name has no core, such as frozen or core1")
        passed = f"{core[0]}.passed"
        after = [graph.tensor(each) for each in _in_passes(name, module, most)]
        sources = np.array([(position - 1, channel) for channel in range(after[0].channels)])
        wires[name] = Wire(name=passed, inputs=tuple(tensor.name for tensor in after), sources=sources)
        tensors.append(replace(after[position - 1], name=passed))
    heads = [
        replace(head, inputs=tuple(wires[name].name if name in wires else name for name in head.inputs))
        for head in heads
    ]
    switch = Switch(
        PASSES,
        range(1, most + 1),
        position,
        runs={each.name: range(_pass(each.name), most + 1) for each in modules if _pass(each.name) > 1},
        chooses=tuple(wire.name for wire in wires.values()),
    )
    operators = (*modules, *wires.values(), *heads)
    return Ways(replace(graph, operators=operators, tensors=(*graph.tensors, *tensors)), (switch,))


def _is_of_head(operator: Operator) -> bool:
    return operator.name.startswith("head.")


def _with_resting_passes(task: Graph, network: Graph, passes: int) -> Graph:
    """Return the task with the passes that only the network has. Nothing reads them yet."""
    tensors = {tensor.name: tensor for tensor in task.tensors}
    resting = [operator for operator in network.operators if _pass(operator.name) > passes]
    for operator in resting:
        tensor = network.tensor(operator.output)
        # The first wires of a pass copy the result of the task's last one. Convolutions after them
        # have their own scales.
        scale = tensors[operator.inputs[0]].scale if isinstance(operator, Wire) else tensor.scale
        tensors[operator.output] = replace(tensor, scale=scale)
    return replace(task, operators=(*task.operators, *resting), tensors=tuple(tensors.values()))


# --- Pools of heads ---------------------------------------------------------------------------------------------------


def _with_heads(found: Ways) -> Ways:
    names = [operator.name for operator in found.graph.operators]
    for head in sorted(match[1] for name in names if (match := POINTWISE.fullmatch(name))):
        found = _with_both_ways(found, head)
    return found


def _with_both_ways(found: Ways, head: str) -> Ways:
    """Let a head compute its maps or, pooled, a vector.

    The one that it computes by itself stays at its output's place.
    """
    graph = found.graph
    pointwise, pool, activation = (f"head.{head}.{part}" for part in ("pointwise", "pool", "activation"))
    names = {operator.name for operator in graph.operators}
    maps, scale = graph.tensor(pointwise), graph.tensor(pointwise).scale
    own = activation if activation in names else pool if pool in names else pointwise
    if own not in graph.outputs:
        return found
    after: list[Operator] = [AveragePool(name=pool, inputs=(pointwise,), window=maps.shape[:2])]
    tensors = [Tensor(pool, (1, 1, maps.channels), scale, maps.zero_point)]
    gives = {pointwise: MAPS, pool: VECTOR}
    if activation in names:
        table, tensor = graph.operator(activation), graph.tensor(activation)
        pooled = _pooled(activation)
        after += [_reading(table, activation, pointwise), _reading(table, pooled, pool)]
        tensors += [replace(tensor, shape=maps.shape), replace(tensor, name=pooled, shape=(1, 1, maps.channels))]
        gives = {activation: MAPS, pooled: VECTOR}
    position = int(pool in names)
    given = list(gives)
    outputs = (*(given[position] if name == own else name for name in graph.outputs), given[1 - position])
    ended = {pool, activation}
    whole = replace(
        graph,
        outputs=outputs,
        operators=(*(each for each in graph.operators if each.name not in ended), *after),
        tensors=(*(each for each in graph.tensors if each.name not in ended), *tensors),
    )
    runs = {pool: VECTOR, **{name: positions for name, positions in gives.items() if name != pointwise}}
    switch = Switch(f"head.{head}.pooling", range(0, 2), position, runs, gives)
    return Ways(whole, (*found.switches, switch))


def _pooled(activation: str) -> str:
    """Return the name of a head's activation after its pool; there is one without the pool too."""
    return activation.removesuffix(".activation") + ".pool.activation"


def _reading(operator: Operator, name: str, source: str) -> Operator:
    return replace(operator, name=name, inputs=(source,))
