"""Readers of functions of the channels of a pixel, and of whole rows, columns or maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from export.graph.operators import ArgMax, LogSoftmax, Lookup, Mean, Normalize, Reduce, Softmax
from export.tflite.reading.operators.registry import one_number, reads, require_no_clamp


@reads("SOFTMAX")
def _softmax(step):
    """Softmax over the channels"""
    options = step.options("SoftmaxOptionsT")
    step.emit(Softmax, [step.channels(step.input(0))], shapes=[step.shape(0)], beta=float(options.beta))


@reads("LOG_SOFTMAX")
def _log_softmax(step):
    """LogSoftmax over the channels"""
    step.emit(LogSoftmax, [step.channels(step.input(0))], shapes=[step.shape(0)])


@reads("L2_NORMALIZATION")
def _normalise(step):
    """Normalize, over the channels"""
    require_no_clamp(step, step.options("L2NormOptionsT"))
    step.emit(Normalize, [step.channels(step.input(0))], shapes=[step.shape(0)])


@reads("ARG_MAX")
def _arg_max(step):
    """ArgMax over up to 256 channels, at the output of a model"""
    step.choose(ArgMax, _choice(step), step.shape(0)[:-1])


@reads("ARG_MIN")
def _arg_min(step):
    """Lookup, which turns the codes around, and ArgMax over up to 256 channels, at the output of a model"""
    input = _choice(step)
    made = replace(input, name=step.unique_name(f"{input.name}.turned"), zero_point=-1 - input.zero_point)
    turn = Lookup(name=made.name, inputs=(input.name,), table=np.arange(127, -129, -1).astype(np.int8))
    step.choose(ArgMax, step.extra(turn, [input], made), step.shape(0)[:-1])


def _choice(step):
    """The map of whose channels one is chosen."""
    axis, rank = one_number(step, 1, "its axis"), len(step.shape(0))
    step.require(axis in (-1, rank - 1), f"it chooses along axis {axis} of {rank}; expected the channels")
    return step.channels(step.input(0))


@reads("MEAN")
def _mean(step):
    """Mean, over all rows and columns; Reduce, over others"""
    axes, rank = _axes(step), len(step.shape(0))
    if rank > 2 and axes == set(range(1, rank - 1)):
        input = step.channels(step.input(0))
        step.emit(Mean, [input], shapes=[(1, *[1] * (rank - 2), input.channels), (1, input.channels)])
    else:
        _reduce(step, "mean", axes)


@reads("SUM")
def _sum(step):
    """Reduce, over any rows, columns and channels"""
    _reduce(step, "sum", _axes(step))


@reads("REDUCE_MAX")
def _largest(step):
    """Reduce, over any rows, columns and channels"""
    _reduce(step, "max", _axes(step))


@reads("REDUCE_MIN")
def _smallest(step):
    """Reduce, over any rows, columns and channels"""
    _reduce(step, "min", _axes(step))


def _axes(step) -> set[int]:
    axes, rank = step.constant(1, "its axes", "INT32"), len(step.shape(0))
    known = axes.size > 0 and all(-rank <= axis < rank for axis in axes.ravel())
    step.require(known, f"its axes are {axes.tolist()}; its input has {rank} dimensions")
    return {int(axis) % rank for axis in axes.ravel()}


def _reduce(step, what: str, axes: set[int]) -> None:
    shape, rank = step.shape(0), len(step.shape(0))
    step.require_one_image(shape)
    of_map = tuple(sorted(axis - rank + 3 for axis in axes if axis - rank + 3 >= 0))
    step.require(
        len(of_map) > 0, f"it computes over axes {sorted(axes)} of {shape}; expected rows, columns or channels"
    )
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    left = tuple(size for axis, size in enumerate(shape) if axis not in axes)
    input = step.channels(step.input(0)) if of_map == (2,) else step.map(step.input(0))
    step.emit(Reduce, [input], shapes=[kept, left], what=what, axes=of_map)
