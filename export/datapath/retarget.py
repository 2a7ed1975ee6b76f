"""A task for a network that is compiled or taped out already: the same datapath, other numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from export.datapath import structure, weight_layout
from export.graph.graph import Graph, core_digest
from export.graph.operators import Conv2D, Operator
from export.graph.resize import resize
from export.graph.switches import Ways, ways_of_task
from export.graph.tensor import GraphError, Tensor
from export.streaming import line_plan
from export.streaming.line_plan import LinePlan


def fit(task: Graph, network: LinePlan) -> LinePlan:
    """Plans a task on the datapath of a network, whose task images it then shares.

    The task takes the network's image size, and its codes lie in flash as the network's do. A head with fewer outputs
    than the network's is filled up with outputs that are always 0. Where the task has no pool, or fewer passes through
    the last module, the network's switches say so.

    Args:
        task: the graph of the task; its stages are named as the network's.
        network: the plan of the network as it was compiled.
    Returns: the plan of the task; export.datapath.task_image.write gives the image that the network loads.
    Raises: GraphError that names the first stage of another structure, or the other core.
    """
    cores = [core_digest(graph) for graph in (task, network.graph)]
    if len(set(cores)) > 1:
        raise GraphError(f"{task.name} was trained on core {cores[0][:16]}, {network.graph.name} holds {cores[1][:16]}")
    task = weight_layout.for_flash(task, weight_layout.flash_of(network.graph))
    size = network.graph.tensor(network.graph.inputs[0]).shape[:2]
    ways = ways_of_task(resize(task, size), Ways(network.graph, network.switches))
    composed = line_plan.composed(ways.graph, ways.switches)
    fitted = line_plan.plan(_filled_up(composed, network.graph), ways.switches, in_order=True)
    for stage, wanted in zip(fitted.stages, network.stages):
        got, expected = structure.structure(fitted, stage), structure.structure(network, wanted)
        if got != expected:
            what = next(key for key in expected if got.get(key) != expected[key])
            raise GraphError(
                f"{stage.operator.name}: its {what} is {got.get(what)} in {task.name}, {expected[what]} in "
                f"{network.graph.name}"
            )
    if structure.digest(fitted) != structure.digest(network):
        raise GraphError(
            f"{task.name} gives {', '.join(fitted.graph.outputs)}; {network.graph.name} {', '.join(network.graph.outputs)}"
        )
    return fitted


def _filled_up(task: Graph, network: Graph) -> Graph:
    made = [{operator.name for operator in graph.operators} for graph in (task, network)]
    if strange := sorted(made[0] ^ made[1]):
        whose = task.name if strange[0] in made[0] else network.name
        raise GraphError(f"{strange[0]} is a stage of {whose} only; {task.name} and {network.name} differ in structure")
    tensors = [_widened(tensor, network) for tensor in task.tensors]
    channels = {tensor.name: tensor.channels for tensor in tensors}
    # Layers may have been built in another order; the stages run in the network's.
    operators = [task.operator(operator.name) for operator in network.operators]
    operators = [_with_outputs(operator, channels[operator.output]) for operator in operators]
    return replace(task, tensors=tensors, operators=operators)


def _widened(tensor: Tensor, network: Graph) -> Tensor:
    """The tensor with at least the channels that it has in the network. More than that, fit refuses."""
    wanted = next((each.channels for each in network.tensors if each.name == tensor.name), 0)
    return replace(tensor, shape=(*tensor.shape[:2], max(tensor.channels, wanted)))


def _with_outputs(operator: Operator, channels: int) -> Operator:
    """The operator; a convolution with outputs of 0 added."""
    if not isinstance(operator, Conv2D) or len(operator.codes) == channels:
        return operator
    more = channels - len(operator.codes)
    return replace(
        operator,
        codes=np.pad(operator.codes, ((0, more), (0, 0), (0, 0), (0, 0))),
        scales=np.pad(operator.scales, (0, more), constant_values=operator.scales.max()),
        bias=np.pad(operator.bias, (0, more)),
    )
