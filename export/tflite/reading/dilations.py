"""A convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND is one with a dilation.

TensorFlow writes a dilated convolution so, and its converter puts the three together again only if the
batch is fixed. If it is not, the file says that its batch is 1 in between too, and TFLM would compute
nonsense. TFLM also pads with an undefined code before batches, if the zero point is not 0. So the file is
changed: it has the dilated convolution, and every interpreter computes the same.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np

from export.tflite.file import schema
from export.tflite.file.flatbuffer import FileOperator, FileTensor, Model

CONVOLUTIONS = {"CONV_2D": "Conv2DOptionsT", "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptionsT"}
RESHAPING = ("RESHAPE", "EXPAND_DIMS", "SQUEEZE")
Sides = tuple[tuple[int, int], ...]


def with_dilations(file: Model) -> Model:
    """Return the file with dilated convolutions; the same file, if none was written with batches."""
    readers: dict[int, list[FileOperator]] = {}
    for operator in file.operators:
        for index in set(operator.inputs):
            readers.setdefault(index, []).append(operator)
    tensors, changed = list(file.tensors), {}
    for operator in file.operators:
        if operator.kind == "SPACE_TO_BATCH_ND":
            chain = _chain(operator, readers, file.outputs)
            made = _dilated(chain, tensors) if chain else None
            if made:
                changed |= {id(each): () for each in chain} | {id(chain[-1]): made}
    if not changed:
        return file
    operators = [each for operator in file.operators for each in changed.get(id(operator), (operator,))]
    return replace(file, tensors=tuple(tensors), operators=tuple(operators))


def _chain(
    operator: FileOperator, readers: dict[int, list[FileOperator]], outputs: tuple[int, ...]
) -> list[FileOperator]:
    """Return the operators from a SPACE_TO_BATCH_ND to its BATCH_TO_SPACE_ND; [] if others are between them."""
    chain, convolutions = [operator], 0
    if not operator.inputs:
        return []
    while chain[-1].kind != "BATCH_TO_SPACE_ND":
        (output, *more), found = chain[-1].outputs, readers.get(chain[-1].outputs[0], [])
        if more or output in outputs or len(found) != 1 or found[0].inputs[0] != output:
            return []
        convolutions += found[0].kind in CONVOLUTIONS
        if found[0].kind not in (*CONVOLUTIONS, *RESHAPING, "BATCH_TO_SPACE_ND"):
            return []
        chain.append(found[0])
    return chain if convolutions == 1 else []


def _dilated(chain: list[FileOperator], tensors: list[FileTensor]) -> tuple[FileOperator, ...]:
    """Return the operators that compute the same with a dilation; () if none do. Add the tensors that they need."""
    first, last = chain[0], chain[-1]
    (convolution,) = (operator for operator in chain if operator.kind in CONVOLUTIONS)
    input, output = tensors[first.inputs[0]], tensors[last.outputs[0]]
    blocks, pads = _block_and_sides(first, tensors)
    again, crops = _block_and_sides(last, tensors)
    options: Any = convolution.options
    weights = tensors[convolution.inputs[1]].shape if len(convolution.inputs) > 1 else ()
    known = blocks is not None and blocks == again and len(weights) == 4
    known = known and type(options).__name__ == CONVOLUTIONS[convolution.kind]
    known = known and len(input.shape) == len(output.shape) == len(blocks) + 2 and len(blocks) in (1, 2)
    known = known and (len(chain) == 3 or len(blocks) == 1)  # a row is reshaped for its convolution
    if not known or (options.strideH, options.strideW) != (1, 1) or options.padding != schema.Padding.VALID:
        return ()
    if (options.dilationHFactor, options.dilationWFactor) != (1, 1):
        return ()
    if len(blocks) == 1:  # a Conv1D: its one row lies in the columns of a map
        blocks, pads, crops = (1, *blocks), ((0, 0), *pads), ((0, 0), *crops)
    sizes = [(1, *shape[1:-1])[-2:] for shape in (input.shape, output.shape)]
    padding = tuple((before - crop, after - cut) for (before, after), (crop, cut) in zip(pads, crops))
    extents = [(taps - 1) * block + 1 for taps, block in zip(weights[1:3], blocks)]
    fits = all(min(side) >= 0 for side in padding) and all(
        size + sum(side) - extent + 1 == made for size, made, side, extent in zip(*sizes, padding, extents)
    )
    codings = [
        (each.type, each.quantization and (each.quantization.scales.tolist(), each.quantization.zero_points.tolist()))
        for each in (input, tensors[convolution.inputs[0]], tensors[convolution.outputs[0]], output)
    ]
    if not fits or codings[0] != codings[1] or codings[2] != codings[3]:
        return ()
    options = copy.copy(options)
    options.dilationHFactor, options.dilationWFactor = blocks
    # TensorFlow's "same" has the larger half of an odd padding after the map.
    halves = tuple(((extent - 1) // 2, extent // 2) for extent in extents)
    options.padding = schema.Padding.SAME if padding == halves else schema.Padding.VALID
    return tuple(_operators(first, convolution, last, options, padding if padding != halves else (), sizes, tensors))


def _block_and_sides(operator: FileOperator, tensors: list[FileTensor]) -> tuple[tuple[int, ...] | None, Sides]:
    """Return the block of a SPACE_TO_BATCH_ND or BATCH_TO_SPACE_ND, and its paddings or crops."""
    if len(operator.inputs) != 3 or -1 in operator.inputs:
        return None, ()
    block, sides = (tensors[index].data for index in operator.inputs[1:])
    if block is None or sides is None or block.ndim != 1 or sides.shape != (len(block), 2):
        return None, ()
    return tuple(block.tolist()), tuple((int(before), int(after)) for before, after in sides)


def _operators(first, convolution, last, options, padding: Sides, sizes, tensors: list[FileTensor]):
    """Yield the operators: what pads the map, the convolution, and what reshapes a row to a map and back."""
    source, target = first.inputs[0], last.outputs[0]
    row = len(tensors[source].shape) == 3

    def add(like: int, what: str, shape: tuple[int, ...]) -> int:
        tensors.append(FileTensor(f"{tensors[target].name}/{what}", shape, "INT8", tensors[like].quantization))
        return len(tensors) - 1

    def constant(what: str, values: object) -> int:
        array = np.array(values, np.int32)
        tensors.append(FileTensor(f"{tensors[target].name}/{what}", array.shape, "INT32", data=array))
        return len(tensors) - 1

    def reshape(index: int, made: int) -> FileOperator:
        shape, options = tensors[made].shape, schema.ReshapeOptionsT()
        options.newShape = list(shape)
        return FileOperator("RESHAPE", (index, constant("shape", shape)), (made,), options, 1, convolution.number)

    if row:
        map = add(source, "row", (1, *sizes[0], tensors[source].shape[-1]))
        yield reshape(source, map)
        source = map
    if np.any(padding):
        shape = tensors[source].shape
        padded = (1, *(size + sum(side) for size, side in zip(sizes[0], padding)), shape[-1])
        sides = constant("padding", ((0, 0), *padding, (0, 0)))
        map = add(source, "padded", padded)
        yield FileOperator("PAD", (source, sides), (map,), schema.PadOptionsT(), 2, first.number)
        source = map
    made = add(target, "map", (1, *sizes[1], tensors[target].shape[-1])) if row else target
    yield replace(convolution, inputs=(source, *convolution.inputs[1:]), outputs=(made,), options=options)
    if row:
        yield reshape(made, target)
