"""Readers of operators that keep a tensor from one call to the next."""

from __future__ import annotations

import numpy as np

from export.tflite.reading.operators.registry import reads

READS = ("VAR_HANDLE", "ASSIGN_VARIABLE")  # what the subgraph of a CALL_ONCE may have


@reads("CALL_ONCE")
def _call_once(step):
    """the initial codes of states, which are all one number in each"""
    states = step.reading.states
    step.require(not states.views and not states.read, "it comes after an operator that reads or keeps a state")
    graph = step.reading.file.others[step.options("CallOnceOptionsT").initSubgraphIndex - 1]
    handles = {}
    for operator in graph.operators:
        step.require(operator.kind in READS, f"its subgraph has {operator.kind}; expected {' and '.join(READS)}")
        if operator.kind == "VAR_HANDLE":
            step.require(bool(operator.outputs and operator.options), "its subgraph has a VAR_HANDLE without a name")
            handles[operator.outputs[0]] = _key(operator.options)
            continue
        fits = len(operator.inputs) == 2 and operator.inputs[0] in handles and operator.inputs[1] != -1
        step.require(fits, "its subgraph assigns something else than a constant to a handle")
        handle, assigned = operator.inputs
        tensor = graph.tensors[assigned]
        step.require(
            tensor.type == "INT8" and tensor.data is not None, f"a state begins as {tensor.type.lower()}; expected int8"
        )
        codes = np.unique(tensor.data)
        step.require(len(codes) == 1, f"the state {tensor.name} begins with {len(codes)} different codes; expected one")
        states.initial[handles[handle]] = int(codes[0])


@reads("VAR_HANDLE")
def _var_handle(step):
    """the name of a state"""
    step.reading.states.handles[step.output()] = _key(step.options("VarHandleOptionsT"))


@reads("READ_VARIABLE")
def _read_variable(step):
    """ReadState, which gives back what ASSIGN_VARIABLE kept in the call before"""
    states, key = step.reading.states, _handle(step)
    if key not in states.views:
        step.require_one_image(step.file_tensor(step.output()).shape)
        states.begin(step, key)
    view = states.views[key]
    step.require_equal_codings(step.output(), states.indices[key])
    step.require_shape(step.output(), view.shape)
    step.reading.views[step.output()] = view


@reads("ASSIGN_VARIABLE")
def _assign_variable(step):
    """WriteState, which keeps a map for the next call"""
    states, key, index = step.reading.states, _handle(step), step.input(1)
    view = step.view(index)
    if key in states.read:
        state = states.read[key]
        step.require_equal_codings(index, states.indices[key])
        step.require(
            view.shape == states.shapes[key],
            f"it keeps a map of shape {view.shape}; READ_VARIABLE gives {states.shapes[key]}",
        )
        states.kept[key] = step.map(index, state.shape)
    states.views[key], states.indices[key] = view, index


def _handle(step) -> tuple[str, str]:
    """The state that the operator reads or keeps."""
    index = step.input(0)
    step.require(index in step.reading.states.handles, "its input 0 is no handle of a VAR_HANDLE")
    return step.reading.states.handles[index]


def _key(options) -> tuple[str, str]:
    return options.container, options.sharedName
