"""Readers of comparisons, and of what chooses by them.

A condition is a map of the graph whose codes are TRUE or FALSE, the largest and the smallest one. So the minimum of it
and a map is that map where it is true, and a choice of two maps is the maximum of two such minima.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from export.graph.operators import Constant, Lookup, Maximum, Minimum, Subtract
from export.graph.tensor import INT8_MAX, INT8_MIN, Shape, Tensor
from export.tflite.reading import tables
from export.tflite.reading.operators import floats
from export.tflite.reading.operators.pairs import constant_operand, repeated
from export.tflite.reading.operators.registry import reads

TRUE, FALSE = INT8_MAX, INT8_MIN
SAME = tables.CODES.astype(np.int8)


@reads("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")
def _compare(step):
    """Lookup with one constant, or of a difference; only before SELECT_V2, LOGICAL_AND, _NOT, _OR, or CAST and QUANTIZE"""
    constant, kind = constant_operand(step), step.operator.kind
    codings = [tables.Coding(*step.coding(step.input(n))) for n in (0, 1)]
    step.require(max(each.scale for each in codings) < 1, "a scale of its inputs is 1 or more, at which TFLM stops")
    if constant is not None:
        codes = step.constant(constant, "its constants", "INT8").ravel().astype(np.int64)
        step.require(codes.size == 1, f"it compares with {codes.size} constants; expected one")
        numbers = [
            tables.compared(tables.Operand(each.scale, each.zero_point, codes if n == constant else tables.CODES))
            for n, each in enumerate(codings)
        ]
        source = step.values(step.input(1 - constant))
        _keep(step, _where(step, source, tables.COMPARISONS[kind](*numbers)), step.shape(1 - constant))
        return
    shape = _broadcast(step, step.shape(0), step.shape(1))
    first, second = (repeated(step, n, shape, step.map_shape(shape)) for n in (0, 1))
    numbers = [tables.compared(tables.Operand(each.scale, each.zero_point, tables.CODES)) for each in codings]
    begins, ends = (np.searchsorted(*numbers, side=side) + INT8_MIN for side in ("left", "right"))
    if kind in ("GREATER_EQUAL", "LESS"):
        made = _at_least(step, first, second, begins)
    elif kind in ("GREATER", "LESS_EQUAL"):
        made = _at_least(step, first, second, ends)
    else:
        within = [_at_least(step, first, second, begins), _opposite(step, _at_least(step, first, second, ends))]
        made = _of_two(step, Minimum, within)
    _keep(step, _opposite(step, made) if kind in ("LESS", "LESS_EQUAL", "NOT_EQUAL") else made, shape)


def _at_least(step, first: Tensor, second: Tensor, limits: np.ndarray) -> Tensor:
    """Where the codes of a map are at least the limit for the code of another one; 128 is for never."""
    limit = replace(first, name=step.unique_name(f"{_name(step)}.limit"))
    table = np.minimum(limits, INT8_MAX).astype(np.int8)
    step.extra(Lookup(name=limit.name, inputs=(second.name,), table=table), [second], limit)
    above = replace(first, name=step.unique_name(f"{_name(step)}.above"), zero_point=0)
    step.extra(Subtract(name=above.name, inputs=(first.name, limit.name)), [first, limit], above)
    parts = [_where(step, above, tables.CODES >= 0)]
    if np.all(limits <= INT8_MAX):
        return parts[0]
    return _of_two(step, Minimum, [*parts, _where(step, second, limits <= INT8_MAX)])


def _where(step, source: Tensor, where: np.ndarray) -> Tensor:
    """A condition that is true at some of a map's codes, bool (256,)."""
    made = Tensor(step.unique_name(_name(step)), source.shape, 1.0, 0)
    table = np.where(where, TRUE, FALSE).astype(np.int8)
    return step.extra(Lookup(name=made.name, inputs=(source.name,), table=table), [source], made)


def _opposite(step, condition: Tensor) -> Tensor:
    return _where(step, condition, tables.CODES < 0)


def _of_two(step, kind, both: list[Tensor]) -> Tensor:
    made = replace(both[0], name=step.unique_name(_name(step)))
    return step.extra(kind(name=made.name, inputs=tuple(each.name for each in both)), both, made)


@reads("LOGICAL_AND", "LOGICAL_OR")
def _both_or_either(step):
    """Minimum or Maximum of two conditions"""
    kind = Minimum if step.operator.kind == "LOGICAL_AND" else Maximum
    shape = _broadcast(step, step.shape(0), step.shape(1))
    both = [step.expanded(_condition(step, n), step.map_shape(shape)) for n in (0, 1)]
    _keep(step, _of_two(step, kind, both), shape)


@reads("LOGICAL_NOT")
def _not(step):
    """Lookup of a condition"""
    _keep(step, _opposite(step, _condition(step, 0)), step.shape(0))


@reads("SELECT_V2")
def _select(step):
    """Maximum of two Minimum, of maps or constants and a condition"""
    step.require_equal_codings(step.input(1), step.input(2), step.output())
    shape = _broadcast(step, *(step.shape(n) for n in range(3)))
    target = step.map_shape(shape)
    condition = step.expanded(_condition(step, 0), target)
    parts = []
    for n, table in ((1, SAME), (2, SAME[::-1])):
        map = _operand(step, n, condition, shape, target)
        mask = replace(map, name=step.unique_name(f"{_name(step)}.mask{n}"))
        step.extra(Lookup(name=mask.name, inputs=(condition.name,), table=table), [condition], mask)
        part = replace(map, name=step.unique_name(f"{_name(step)}.part{n}"))
        parts.append(step.extra(Minimum(name=part.name, inputs=(map.name, mask.name)), [map, mask], part))
    step.emit(Maximum, parts, shapes=[shape])


def cast(step) -> None:
    """Make the output a function of a condition: 1 or 0."""
    _condition(step, 0)
    values = (tables.CODES == TRUE).astype(np.float32)
    step.reading.functions[step.output()] = floats.Function(step.input(0), values)


def _operand(step, n: int, like: Tensor, shape: tuple[int, ...], target: Shape) -> Tensor:
    """The n-th input as a map, also if it is a constant."""
    if not step.is_constant(n):
        return repeated(step, n, shape, target)
    name = step.unique_name(f"{_name(step)}.constant{n}")
    values = np.broadcast_to(step.constant(n, "its constants", "INT8"), shape).reshape(target)
    tensor = Tensor(name, target, *step.coding(step.input(n)))
    return step.extra(Constant(name=name, inputs=(like.name,), values=values), [like], tensor)


def _broadcast(step, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of several inputs, each repeated along the dimensions of which it has only one."""
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        step.refuse(
            f"its inputs have shapes {', '.join(map(str, shapes))}, of which none can be repeated to the others"
        )
    step.require_one_image(shape)
    return shape


def _condition(step, n: int) -> Tensor:
    """The map of the n-th input, a condition."""
    index = step.input(n)
    step.require(index in step.reading.conditions, f"its input {n} is no result of a comparison")
    return step.reading.conditions[index]


def _keep(step, condition: Tensor, shape: tuple[int, ...]) -> None:
    step.require_shape(step.output(), shape)
    step.require(step.output() not in step.reading.file.outputs, "its output, bool, is one of the model")
    if condition.shape != step.map_shape(shape):
        condition = step.rearranged(condition, np.arange(condition.size).reshape(shape))
    step.reading.conditions[step.output()] = condition


def _name(step) -> str:
    return step.reading.names[step.output()]
