"""Readers of operators that only move bytes."""

from __future__ import annotations

import numpy as np

from export.graph.operators import (
    Lookup,
    Wire,
)
from export.tflite.known_values import strided
from export.tflite.operators.registry import one_number, reads, require_no_clamp

CODES = np.arange(-128, 128).astype(np.int8)


@reads("CONCATENATION")
def _concatenation(step):
    """Wire, along the channels, if all its tensors share one scale"""
    options, indices = step.options("ConcatenationOptionsT"), step.operator.inputs
    shapes = [step.shape(n) for n in range(len(indices))]
    alike = len({shape[:-1] for shape in shapes}) == 1 and len(shapes[0]) > 0
    step.require(alike, f"its inputs have shapes {', '.join(map(str, shapes))}; they must differ in channels only")
    rank = len(shapes[0])
    step.require(options.axis in (-1, rank - 1), f"it joins along axis {options.axis} of {rank}; expected the channels")
    require_no_clamp(step, options)
    parts = [step.channels(step.input(n)) for n in range(len(indices))]
    step.require_equal_codings(*indices, step.output())
    inputs = list({part.name: part for part in parts}.values())
    sources = [(inputs.index(part), channel) for part in parts for channel in range(part.channels)]
    step.emit(Wire, inputs, shapes=[(*shapes[0][:-1], len(sources))], sources=np.array(sources))


@reads("EXPAND_DIMS", "RESHAPE", "SQUEEZE")
def _reshape(step):
    """nothing, where what reads it sees the same map, or all of it flattened"""
    step.reshape()


@reads("TRANSPOSE")
def _transpose(step):
    """Wire, if with the RESHAPEs around it it moves channels only; nothing before a FULLY_CONNECTED"""
    order = step.constant(1, "its axes", "INT32").ravel()
    step.require(order.size == 0 or order.min() >= 0, f"its axes are {order.tolist()}; they must be numbers from 0")
    step.rearrange(step.input(0), lambda places: [places.transpose(order)])


@reads("CAST")
def _cast(step):
    """the first part of a Lookup: CAST to int32, ADD of 128, GATHER from a table"""
    types = [step.file_tensor(index).type for index in (step.input(0), step.output())]
    step.require(
        types == ["INT8", "INT32"], f"it casts {types[0].lower()} to {types[1].lower()}; expected int8 to int32"
    )
    step.add_to_codes(step.input(0), 0)


@reads("GATHER")
def _gather(step):
    """Wire, along the channels; Lookup, from a table"""
    if step.is_constant(0):
        table, index = step.constant(0, "its values", "INT8"), step.codes_before(step.input(1))
        step.require(table.shape == (len(CODES),), f"its table has shape {table.shape}; expected (256,)")
        step.emit(Lookup, [step.values(index)], shapes=[step.shape(1)], table=table)
        return
    options, channels = step.options("GatherOptionsT"), step.constant(1, "its indices", "INT32", "INT64")
    step.require(options.batchDims == 0, f"batch_dims is {options.batchDims}; expected 0")
    step.require(channels.size > 0 and channels.min() >= 0, "its indices must be numbers from 0")
    step.rearrange(step.input(0), lambda places: [places.take(channels, options.axis)])


@reads("BROADCAST_TO", "FILL", "PACK", "SHAPE")
def _known_values(step):
    """nothing, where it is computed from shapes and constants alone"""
    step.refuse("its values are not known before it runs; expected that it is computed from shapes and constants alone")


@reads("SPLIT")
def _split(step):
    """Wire, along the channels"""
    axis, count = one_number(step, 0, "its axis"), len(step.operator.outputs)
    step.rearrange(step.input(1), lambda places: np.split(places, count, axis))


@reads("SPLIT_V")
def _split_in_lengths(step):
    """Wire, along the channels"""
    lengths, axis = step.constant(1, "its lengths", "INT32", "INT64").ravel(), one_number(step, 2, "its axis")

    def split(places):
        known = lengths[lengths >= 0].sum()
        ends = np.cumsum(np.where(lengths < 0, places.shape[axis] - known, lengths))
        return np.split(places, ends[:-1], axis)

    step.rearrange(step.input(0), split)


@reads("SLICE")
def _slice(step):
    """Wire, along the channels"""
    begins, sizes = (step.constant(n, "its bounds", "INT32", "INT64").ravel() for n in (1, 2))
    shape = step.shape(0)
    fits = len(begins) == len(sizes) == len(shape)
    ends = [length if size == -1 else begin + size for begin, size, length in zip(begins, sizes, shape)]
    fits = fits and all(0 <= begin <= end <= length for begin, end, length in zip(begins, ends, shape))
    step.require(fits, f"it begins at {begins.tolist()} and takes {sizes.tolist()}; its input has shape {shape}")
    step.rearrange(step.input(0), lambda places: [places[tuple(map(slice, begins, ends))]])


@reads("STRIDED_SLICE")
def _strided_slice(step):
    """Wire, along the channels; any step"""
    options = step.options("StridedSliceOptionsT")
    plain = not (options.ellipsisMask or options.newAxisMask or options.offset)
    step.require(plain, "it has an ellipsis, a new axis or an offset; expected plain bounds")
    bounds = [step.constant(n, "its bounds", "INT32").ravel() for n in (1, 2, 3)]
    counts, rank = [len(each) for each in bounds], len(step.shape(0))
    step.require(counts == [rank] * 3, f"it has {counts} bounds; expected one of each for {rank} dimensions")
    single = [stride for axis, stride in enumerate(bounds[2].tolist()) if options.shrinkAxisMask >> axis & 1]
    step.require(all(stride > 0 for stride in single), "it takes one place of a dimension with a step below 1")

    step.rearrange(step.input(0), lambda places: [places[strided(options, *bounds)]])
