"""A task for a network that is compiled or taped out already: the same datapath, other numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from export.datapath import structure, weight_layout
from export.graph.graph import Graph, core_digest
from export.graph.operators import Conv2D, Operator
from export.graph.passes import narrow
from export.graph.passes.resize import resize
from export.graph.switches import Ways, ways_of_task
from export.graph.tensor import GraphError, Tensor
from export.streaming import line_plan
from export.streaming.line_plan import LinePlan


def fit(task: Graph, network: LinePlan) -> LinePlan:
    """Plan a task on the datapath of a network, so that the network can load the task's image.

    The task has the network's image size, and stores its codes in flash as the network does. A head
    with fewer outputs than the network's is filled up with outputs that are always 0. If the task
    has no pool, or fewer passes through the last module, the network's switches are set
    accordingly.

    Args:
        task: the graph of the task; its operators have the names of the network's.
        network: the plan of the network as it was compiled.
    Returns: the plan of the task; export.datapath.task_image.write makes the image that the network
        loads.
    Raises: GraphError that names the first stage of another structure, or the other core.
    """
    cores = [core_digest(graph) for graph in (task, network.graph)]
    if len(set(cores)) > 1:
        raise GraphError(f"{task.name} was trained on core {cores[0][:16]}, {network.graph.name} holds {cores[1][:16]}")
    channels = [graph.tensor(graph.inputs[0]).channels for graph in (task, network.graph)]
    if len(set(channels)) > 1:
        raise GraphError(
            f"{task.name} reads images of {channels[0]} channels, {network.graph.name} of {channels[1]}; grey and coloured "
            "images are different datapaths. Train the task on images like the network's"
        )
    task = narrow.like(weight_layout.for_flash(task, weight_layout.flash_of(network.graph)), network.graph)
    size = network.graph.tensor(network.graph.inputs[0]).shape[:2]
    ways = ways_of_task(resize(task, size), Ways(network.graph, network.switches))
    composed = line_plan.composed(ways.graph, ways.switches)
    fitted = line_plan.plan(_filled_up(composed, network.graph), ways.switches, in_order=True)
    for stage, its_model in zip(fitted.stages, network.stages):
        got, expected = structure.stage_structure(fitted, stage), structure.stage_structure(network, its_model)
        if got != expected:
            what = next(key for key in expected if got.get(key) != expected[key])
            raise GraphError(
                f"{stage.operator.name}: its {what} is {got.get(what)} in {task.name}, {expected[what]} in "
                f"{network.graph.name}"
            )
    if structure.digest(fitted) != structure.digest(network):
        raise GraphError(
            f"{task.name} has the outputs {', '.join(fitted.graph.outputs)}; {network.graph.name} has "
            f"{', '.join(network.graph.outputs)}"
        )
    return fitted


def _filled_up(task: Graph, network: Graph) -> Graph:
    """Return the task with the network's order of operators and number of outputs."""
    made = [{operator.name for operator in graph.operators} for graph in (task, network)]
    if strange := sorted(made[0] ^ made[1]):
        whose = task.name if strange[0] in made[0] else network.name
        raise GraphError(f"{strange[0]} is a stage of {whose} only; {task.name} and {network.name} differ in structure")
    tensors = tuple(_with_channels(tensor, network) for tensor in task.tensors)
    channels = {tensor.name: tensor.channels for tensor in tensors}
    # Layers may have been built in another order; the stages run in the network's.
    operators = (task.operator(operator.name) for operator in network.operators)
    filled = tuple(_with_outputs(operator, channels[operator.output]) for operator in operators)
    return replace(task, tensors=tensors, operators=filled)


def _with_channels(tensor: Tensor, network: Graph) -> Tensor:
    """Return the tensor with at least the channels that it has in the network.

    `fit` refuses more than these.
    """
    channels = next((each.channels for each in network.tensors if each.name == tensor.name), 0)
    return replace(tensor, shape=(*tensor.shape[:2], max(tensor.channels, channels)))


def _with_outputs(operator: Operator, channels: int) -> Operator:
    """Return the operator. A convolution has outputs of 0 added, up to this number of channels."""
    if not isinstance(operator, Conv2D) or len(operator.codes) == channels:
        return operator
    more = channels - len(operator.codes)
    return replace(
        operator,
        codes=np.pad(operator.codes, ((0, more), (0, 0), (0, 0), (0, 0))),
        scales=np.pad(operator.scales, (0, more), constant_values=operator.scales.max()),
        bias=np.pad(operator.bias, (0, more)),
    )
