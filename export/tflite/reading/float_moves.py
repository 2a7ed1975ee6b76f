"""A float operator that only moves values, between a DEQUANTIZE and a QUANTIZE of one scale, moves codes.

The converter surrounds some operators so (tf.split into parts of different size), although they have an int8 kernel.
The file is changed: the operator is int8. No value is another one.
"""

from __future__ import annotations

from dataclasses import replace

from export.tflite.file.flatbuffer import FileOperator, FileTensor, Model

MOVES = (
    *("CONCATENATION", "DEPTH_TO_SPACE", "GATHER", "MIRROR_PAD", "PACK", "REVERSE_V2", "SLICE", "SPACE_TO_DEPTH"),
    *("SPLIT", "SPLIT_V", "STRIDED_SLICE", "TRANSPOSE", "UNPACK"),
)


def with_moves_of_codes(file: Model) -> Model:
    """Return the file with such operators in int8; the same file, if there are none."""
    made_by = {index: operator for operator in file.operators for index in operator.outputs}
    readers: dict[int, list[FileOperator]] = {}
    for operator in file.operators:
        for index in set(operator.inputs):
            readers.setdefault(index, []).append(operator)
    tensors = list(file.tensors)
    changed: dict[int, tuple[FileOperator, ...]] = {}
    for operator in file.operators:
        if operator.kind in MOVES and (source := _coding(operator, file, made_by, readers)):
            inputs = [made_by[index].inputs[0] if _is_float(file, index) else index for index in operator.inputs]
            outputs = []
            for index in operator.outputs:
                after = readers.get(index, [])
                if len(after) == 1:  # the tensor that the QUANTIZE made
                    changed[id(after[0])] = ()
                    index = after[0].outputs[0]
                else:
                    tensors[index] = replace(tensors[index], type="INT8", quantization=source.quantization)
                outputs.append(index)
            changed[id(operator)] = (replace(operator, inputs=tuple(inputs), outputs=tuple(outputs)),)
    if not changed:
        return file
    operators = [each for operator in file.operators for each in changed.get(id(operator), (operator,))]
    read = {index for operator in operators for index in operator.inputs} | set(file.outputs)
    operators = [each for each in operators if each.kind != "DEQUANTIZE" or read & set(each.outputs)]
    return replace(file, tensors=tuple(tensors), operators=tuple(operators))


def _coding(
    operator: FileOperator,
    file: Model,
    made_by: dict[int, FileOperator],
    readers: dict[int, list[FileOperator]],
) -> FileTensor | None:
    """Return an int8 tensor of the one scale around an operator; None if it has others, or is between other operators."""
    sources = [made_by.get(index) for index in operator.inputs if _is_float(file, index)]
    after = [reader for index in operator.outputs for reader in readers.get(index, [])]
    if not sources or not after or set(operator.outputs) & set(file.outputs):
        return None
    if not all(each and each.kind == "DEQUANTIZE" and each.inputs for each in sources):
        return None
    if not all(each.kind == "QUANTIZE" and each.outputs for each in after):
        return None
    around = [file.tensors[each.inputs[0]] for each in sources if each] + [
        file.tensors[each.outputs[0]] for each in after
    ]
    codings = {
        (each.type, *each.quantization.scales.tolist(), *each.quantization.zero_points.tolist())
        for each in around
        if each.quantization is not None
    }
    all_int8 = all(each.type == "INT8" and each.quantization is not None for each in around)
    return around[0] if all_int8 and len(codings) == 1 else None


def _is_float(file: Model, index: int) -> bool:
    return index != -1 and file.tensors[index].type == "FLOAT32"
