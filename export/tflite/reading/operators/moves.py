"""Readers of operators that only move bytes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from export.graph.operators import Join, Lookup, Operator, Wire
from export.graph.tensor import Tensor
from export.tflite.reading.known_values import strided
from export.tflite.reading.operators import choices
from export.tflite.reading.operators.registry import one_number, reads, require_no_clamp

CODES = np.arange(-128, 128).astype(np.int8)


@reads("CONCATENATION")
def _concatenation(step):
    """Wire, along the channels; Join, along any other axis; if all its tensors share one scale"""
    options = step.options("ConcatenationOptionsT")
    require_no_clamp(step, options)
    _join(step, [step.shape(n) for n in range(len(step.operator.inputs))], options.axis)


@reads("PACK")
def _pack(step):
    """Wire or Join of maps; nothing, where it is computed from shapes and constants alone"""
    if step.file_tensor(step.output()).type != "INT8":
        _known_values(step)
    options, indices = step.options("PackOptionsT"), step.operator.inputs
    rank = len(step.shape(0)) + 1
    step.require(-rank <= options.axis < rank, f"it joins along axis {options.axis} of {rank}")
    axis = options.axis % rank
    shapes = [step.shape(n) for n in range(len(indices))]
    _join(step, [(*shape[:axis], 1, *shape[axis:]) for shape in shapes], axis)


def _join(step, shapes: list[tuple[int, ...]], axis: int) -> None:
    """Join the inputs, read in these shapes, along an axis."""
    step.input(0)  # there is one
    indices, rank = step.operator.inputs, len(shapes[0])
    step.require_equal_codings(*indices, step.output())
    step.require(-rank <= axis < rank, f"it joins along axis {axis} of {rank} dimensions")
    axis = axis % rank
    others = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
    expected = f"they must differ along axis {axis} only"
    step.require(len(others) == 1, f"its inputs have shapes {', '.join(map(str, shapes))}; {expected}")
    made = (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])
    if axis == rank - 1:
        _join_channels(step, shapes, made)
        return
    of_rows = rank == 4 and axis == 1
    before, after = (math.prod(sizes) for sizes in (shapes[0][:axis], shapes[0][axis + 1 :]))
    targets = [shape[1:] if of_rows else (before, shape[axis], after) for shape in shapes]
    inputs: list[Tensor] = []
    for index, target in zip(indices, targets):
        input = step.map(index, target)
        inputs.append(step.copied(input) if input in inputs else input)
    step.emit(Join, inputs, shapes=[made], axis=0 if of_rows else 1)


def _join_channels(step, shapes: list[tuple[int, ...]], made: tuple[int, ...]) -> None:
    indices = step.operator.inputs
    views = [step.view(index) for index in indices]
    parts = [view.source for view in views]
    alike = len({part.shape[:2] for part in parts}) == 1
    if not alike or any(v.places is not None or v.source.channels != shape[-1] for v, shape in zip(views, shapes)):
        parts = [step.map(index, step.map_shape(shape)) for index, shape in zip(indices, shapes)]
    inputs = list({part.name: part for part in parts}.values())
    sources = [(inputs.index(part), channel) for part in parts for channel in range(part.channels)]
    step.emit(Wire, inputs, shapes=[made], sources=np.array(sources))


@reads("UNPACK")
def _unpack(step):
    """Wire or Rearrange"""
    options, count = step.options("UnpackOptionsT"), len(step.operator.outputs)
    axis, shape = options.axis, step.shape(0)
    step.require(-len(shape) <= axis < len(shape) and shape[axis] == count, f"it takes apart axis {axis} of {shape}")
    step.rearrange(step.input(0), lambda places: [places.take(i, axis) for i in range(count)])


@reads("DEPTH_TO_SPACE")
def _depth_to_space(step):
    """Rearrange"""
    block = step.options("DepthToSpaceOptionsT").blockSize
    _, height, width, channels = step.require_map(0)
    step.require(block > 0 and channels % block**2 == 0, f"its block is {block}; its input has {channels} channels")
    apart = (height, width, block, block, channels // block**2)
    made = (1, height * block, width * block, channels // block**2)
    step.rearrange(step.input(0), lambda places: [places.reshape(apart).transpose(0, 2, 1, 3, 4).reshape(made)])


@reads("SPACE_TO_DEPTH")
def _space_to_depth(step):
    """Rearrange"""
    block = step.options("SpaceToDepthOptionsT").blockSize
    _, height, width, channels = step.require_map(0)
    step.require(
        block > 0 and height % block == width % block == 0, f"its block is {block}; its input {height}x{width}"
    )
    apart = (height // block, block, width // block, block, channels)
    made = (1, height // block, width // block, channels * block**2)
    step.rearrange(step.input(0), lambda places: [places.reshape(apart).transpose(0, 2, 1, 3, 4).reshape(made)])


@reads("REVERSE_V2")
def _reverse(step):
    """Wire or Rearrange"""
    axes = step.constant(1, "its axes", "INT32").ravel().tolist()
    step.rearrange(step.input(0), lambda places: [np.flip(places, axes)])


@reads("EXPAND_DIMS", "RESHAPE", "SQUEEZE")
def _reshape(step):
    """nothing, where what reads it sees the same map, or all of it flattened; else Rearrange"""
    step.reshape()


@reads("TRANSPOSE")
def _transpose(step):
    """Wire, if with the RESHAPEs around it it moves channels only; Rearrange; nothing before a FULLY_CONNECTED"""
    order = step.constant(1, "its axes", "INT32").ravel()
    step.require(order.size == 0 or order.min() >= 0, f"its axes are {order.tolist()}; they must be numbers from 0")
    step.rearrange(step.input(0), lambda places: [places.transpose(order)])


@reads("CAST")
def _cast(step):
    """the first part of a Lookup: CAST to int32, ADD of 128, GATHER from a table; or of a condition, CAST and QUANTIZE"""
    types = [step.file_tensor(index).type for index in (step.input(0), step.output())]
    if types == ["BOOL", "FLOAT32"]:
        choices.cast(step)
        return
    step.require(
        types == ["INT8", "INT32"], f"it casts {types[0].lower()} to {types[1].lower()}; expected int8 to int32"
    )
    step.add_to_codes(step.input(0), 0)


@reads("GATHER")
def _gather(step):
    """Wire, along the channels; Rearrange of other axes, at regular distances; Lookup, from a table"""
    if step.is_constant(0):
        table, index = step.constant(0, "its values", "INT8"), step.codes_before(step.input(1))
        step.require(table.shape == (len(CODES),), f"its table has shape {table.shape}; expected (256,)")
        step.emit(Lookup, [step.values(index)], shapes=[step.shape(1)], table=table)
        return
    options, channels = step.options("GatherOptionsT"), step.constant(1, "its indices", "INT32", "INT64")
    step.require(options.batchDims == 0, f"batch_dims is {options.batchDims}; expected 0")
    step.require(channels.size > 0 and channels.min() >= 0, "its indices must be numbers from 0")
    step.rearrange(step.input(0), lambda places: [places.take(channels, options.axis)])


@reads("GATHER_ND")
def _gather_at_places(step):
    """Wire, along the channels; Rearrange, at regular distances"""
    indices, shape = step.constant(1, "its indices", "INT32", "INT64"), step.shape(0)
    fits = indices.ndim > 0 and 0 < indices.shape[-1] <= len(shape) and indices.size > 0 and indices.min() >= 0
    step.require(fits, f"its indices have shape {indices.shape}; expected numbers from 0 into {shape}")
    step.rearrange(step.input(0), lambda places: [places[tuple(np.moveaxis(indices, -1, 0))]])


@reads("MIRROR_PAD")
def _mirror_pad(step):
    """Join of a map and its mirrored edges; Wire, along the channels"""
    number = step.options("MirrorPadOptionsT").mode
    step.require(number in (0, 1), f"its mode is {number}; expected 0, reflect, or 1, symmetric")
    mode = ("reflect", "symmetric")[number]
    index, sides, shape = step.input(0), step.constant(1, "its paddings", "INT32", "INT64"), step.shape(0)
    step.require_equal_codings(index, step.output())
    step.require(len(shape) in (3, 4), f"its input has shape {shape}; expected 3 or 4 dimensions")
    most = [size - (mode == "reflect") for size in shape]
    fits = sides.shape == (len(shape), 2) and not np.any(sides[0]) and sides.min() >= 0
    fits = fits and all(max(side) <= size for side, size in zip(sides.tolist(), most))
    step.require(fits, f"its paddings are {sides.tolist()}; expected pairs from 0, up to {most}, and none of the batch")
    map = step.map(index)
    of_map = np.concatenate([np.zeros((4 - len(shape), 2), int), sides[1:]])
    padded = [axis for axis in range(3) if np.any(of_map[axis])]
    step.require(bool(padded), "it puts nothing around its input")
    made = (1, *(size + int(side.sum()) for size, side in zip(shape[1:], sides[1:])))
    for axis in padded:
        order = np.pad(np.arange(map.shape[axis]), of_map[axis], mode=mode)
        last = [made] if axis == padded[-1] else None
        map = _mirrored(step, map, axis, order, int(of_map[axis][0]), last)


def _mirrored(step, map: Tensor, axis: int, order: np.ndarray, before: int, last: list | None) -> Tensor:
    """Return a map with its edges around it along an axis; `last` are the shapes of the step's output, if it is that."""
    kind: type[Operator]
    fields: dict[str, Any]
    if axis == 2:
        fields = {"sources": np.stack([np.zeros_like(order), order], axis=1)}
        kind, parts = Wire, [map]
    else:
        size, places = map.shape[axis], np.arange(map.size).reshape(map.shape)
        edges = [order[:before], order[before + size :]]
        first, second = ([step.rearranged(map, places.take(edge, axis))] if len(edge) else [] for edge in edges)
        kind, parts, fields = Join, [*first, map, *second], {"axis": axis}
    if last is not None:
        step.emit(kind, parts, shapes=last, **fields)
        return map
    made = replace(map, name=step.unique_name(f"{step.reading.names[step.output()]}.{axis}"))
    return step.extra(kind(name=made.name, inputs=tuple(part.name for part in parts), **fields), parts, made)


@reads("FILL", "SHAPE", "ZEROS_LIKE")
def _known_values(step):
    """nothing, where it is computed from shapes and constants alone"""
    step.refuse("its values are not known before it runs; expected that it is computed from shapes and constants alone")


@reads("BROADCAST_TO")
def _broadcast(step):
    """Resize and Wire, which repeat; nothing, where it is computed from shapes and constants alone"""
    if step.file_tensor(step.output()).type != "INT8" or step.is_constant(0):
        _known_values(step)
    shape, own = step.file_tensor(step.output()).shape, step.shape(0)
    step.require_equal_codings(step.input(0), step.output())
    step.require(len(own) <= len(shape) <= 4, f"it repeats {own} to {shape}; expected up to 4 dimensions")
    step.require_one_image(shape)
    map = step.map(step.input(0), step.map_shape((1,) * (len(shape) - len(own)) + own))
    step.become(step.expanded(map, step.map_shape(shape)))


@reads("SPLIT")
def _split(step):
    """Wire, along the channels; Rearrange, along any other axis"""
    axis, count = one_number(step, 0, "its axis"), len(step.operator.outputs)
    step.rearrange(step.input(1), lambda places: np.split(places, count, axis))


@reads("SPLIT_V")
def _split_in_lengths(step):
    """Wire, along the channels; Rearrange, along any other axis"""
    lengths, axis = step.constant(1, "its lengths", "INT32", "INT64").ravel(), one_number(step, 2, "its axis")

    def split(places):
        known = lengths[lengths >= 0].sum()
        ends = np.cumsum(np.where(lengths < 0, places.shape[axis] - known, lengths))
        return np.split(places, ends[:-1], axis)

    step.rearrange(step.input(0), split)


@reads("SLICE")
def _slice(step):
    """Wire, along the channels; Rearrange, along any other axis"""
    begins, sizes = (step.constant(n, "its bounds", "INT32", "INT64").ravel() for n in (1, 2))
    shape = step.shape(0)
    fits = len(begins) == len(sizes) == len(shape)
    ends = [length if size == -1 else begin + size for begin, size, length in zip(begins, sizes, shape)]
    fits = fits and all(0 <= begin <= end <= length for begin, end, length in zip(begins, ends, shape))
    step.require(fits, f"it begins at {begins.tolist()} and takes {sizes.tolist()}; its input has shape {shape}")
    step.rearrange(step.input(0), lambda places: [places[tuple(map(slice, begins, ends))]])


@reads("STRIDED_SLICE")
def _strided_slice(step):
    """Wire, along the channels; Rearrange, along any other axis; any step"""
    options = step.options("StridedSliceOptionsT")
    plain = not (options.ellipsisMask or options.newAxisMask or options.offset)
    step.require(plain, "it has an ellipsis, a new axis or an offset; expected plain bounds")
    bounds = [step.constant(n, "its bounds", "INT32").ravel() for n in (1, 2, 3)]
    counts, rank = [len(each) for each in bounds], len(step.shape(0))
    step.require(counts == [rank] * 3, f"it has {counts} bounds; expected one of each for {rank} dimensions")
    single = [stride for axis, stride in enumerate(bounds[2].tolist()) if options.shrinkAxisMask >> axis & 1]
    step.require(all(stride > 0 for stride in single), "it takes one place of a dimension with a step below 1")

    step.rearrange(step.input(0), lambda places: [places[strided(options, *bounds)]])
