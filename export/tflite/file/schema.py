"""The tables of a .tflite, from schema.fbs, TensorFlow's own description of the format (kept here as it is published).

Names are those of TensorFlow's generated Python: an enumeration such as TensorType is a class of numbers, and a table
such as Conv2DOptions is written from an object of the class Conv2DOptionsT, with fields in camelCase. The bytes written
are the same, too. Only flatbuffers and NumPy are needed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from flatbuffers import encode, number_types, packer
from flatbuffers.table import Table

SCALARS = {
    "bool": number_types.BoolFlags,
    "byte": number_types.Int8Flags,
    "ubyte": number_types.Uint8Flags,
    "short": number_types.Int16Flags,
    "ushort": number_types.Uint16Flags,
    "int": number_types.Int32Flags,
    "int32": number_types.Int32Flags,
    "uint": number_types.Uint32Flags,
    "long": number_types.Int64Flags,
    "ulong": number_types.Uint64Flags,
    "float": number_types.Float32Flags,
    "double": number_types.Float64Flags,
}


@dataclass(frozen=True)
class Field:
    """A field of a table.

    kind: scalar, string, table, or union; of a vector, that of its elements.
    type: name of the table or union; flags: flatbuffers' description of the number.
    slot: its place in the vtable; a union has the one before it too, for its type.
    """

    name: str
    kind: str
    slot: int
    type: str = ""
    flags: type | None = None
    default: object = None
    vector: bool = False
    deprecated: bool = False


def _parse(text: str) -> tuple[dict[str, type], dict[str, list[Field]], dict[str, list[str]]]:
    """Reads the schema language as far as schema.fbs uses it. Returns: (enumerations, tables, unions)."""
    text = re.sub(r"//[^\n]*", "", text)
    enumerations, stored_as, unions = {}, {}, {}
    for name, stored, body in re.findall(r"\benum\s+(\w+)\s*:\s*(\w+)\s*{([^}]*)}", text):
        values, number = {}, 0
        for member, given in re.findall(r"(\w+)\s*(?:=\s*(-?\d+))?\s*(?:\(\w+\))?\s*(?:,|$)", body.strip()):
            number = int(given) if given else number
            values[member], number = number, number + 1
        enumerations[name], stored_as[name] = type(name, (), values), SCALARS[stored]
    for name, body in re.findall(r"\bunion\s+(\w+)\s*{([^}]*)}", text):
        members = ["NONE", *re.findall(r"(\w+)\s*(?:\(\w+\))?\s*(?:,|$)", body.strip())]
        unions[name] = members
        enumerations[name] = type(name, (), {member: number for number, member in enumerate(members)})
    tables = {}
    for name, body in re.findall(r"\btable\s+(\w+)\s*(?:\(\w+\)\s*)?{([^}]*)}", text):
        slot, tables[name] = 0, []
        for key, bracket, kind, default, attributes in re.findall(
            r"(\w+)\s*:\s*(\[?)(\w+)\]?\s*(?:=\s*([\w.+-]+))?\s*(?:\(([^)]*)\))?\s*;", body
        ):
            field = {"name": _camel(key), "vector": bool(bracket), "deprecated": "deprecated" in attributes}
            if kind in unions:
                slot += 1
                field |= {"kind": "union", "type": kind}
            elif kind == "string":
                field |= {"kind": "string"}
            elif kind in SCALARS or kind in stored_as:
                flags = SCALARS.get(kind) or stored_as[kind]
                if default in ("true", "false"):
                    value = default == "true"
                elif kind in stored_as and default and not default.lstrip("-").isdigit():
                    value = getattr(enumerations[kind], default)
                else:
                    value = flags.py_type(float(default or 0))
                field |= {"kind": "scalar", "flags": flags, "default": None if bracket else value}
            else:
                field |= {"kind": "table", "type": kind}
            tables[name].append(Field(slot=slot, **field))
            slot += 1
    return enumerations, tables, unions


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other[:1].upper() + other[1:] for other in others)


def _live(table: str) -> list[Field]:
    """The fields of a table without those that are deprecated."""
    return [field for field in TABLES[table] if not field.deprecated]


class Packable:
    """A table that is to be written: attributes are the fields, None or a default where none is set."""

    TABLE = ""

    def __init__(self):
        for field in _live(self.TABLE):
            setattr(self, field.name, field.default)
            if field.kind == "union":
                setattr(self, f"{field.name}Type", 0)


ENUMERATIONS, TABLES, UNIONS = _parse(Path(__file__).with_name("schema.fbs").read_text(encoding="utf-8"))
globals().update(ENUMERATIONS)
globals().update({f"{name}T": type(f"{name}T", (Packable,), {"TABLE": name}) for name in TABLES})


def __getattr__(name: str):
    raise AttributeError(f"the schema of .tflite has no {name}")


# --- Reading ----------------------------------------------------------------------------------------------------------


def root(name: str, content: bytes) -> Reader:
    """The root table of a file."""
    return Reader(name, Table(content, encode.Get(packer.uoffset, content, 0)))


class Reader:
    """A table that is read field by field, when it is asked for.

    An attribute is a number, the bytes of a string, a NumPy array, a Reader, or a sequence of these; None where the file
    has none.
    """

    def __init__(self, name: str, table: Table):
        self._name, self._table = name, table
        self._fields = {field.name: field for field in TABLES[name]}

    def __getattr__(self, name: str):
        field, table = self._fields[name], self._table
        offset = table.Offset(4 + 2 * field.slot)
        if field.kind == "scalar" and not field.vector:
            return table.Get(field.flags, table.Pos + offset) if offset else field.default
        if not offset:
            return None
        if field.vector:
            count, start = table.VectorLen(offset), table.Vector(offset)
            if field.kind == "scalar":
                numbers = number_types.to_numpy_type(field.flags)
                return encode.GetVectorAsNumpy(numbers, table.Bytes, count, start)
            return Tables(field, table, count, start)
        if field.kind == "string":
            return table.String(table.Pos + offset)
        if field.kind == "table":
            return Reader(field.type, Table(table.Bytes, table.Indirect(table.Pos + offset)))
        return self._member(field, offset)

    def _member(self, field: Field, offset: int) -> Reader | None:
        """What a union holds; None if it is of a kind that the schema does not know."""
        table = self._table
        type_offset = table.Offset(4 + 2 * (field.slot - 1))
        type = table.Get(number_types.Uint8Flags, table.Pos + type_offset) if type_offset else 0
        members = UNIONS[field.type]
        if not 0 < type < len(members):
            return None
        inside = Table(bytearray(), 0)
        table.Union(inside, offset)
        return Reader(members[type], inside)

    def unpacked(self) -> Packable:
        """All of it, as what can be written."""
        made = globals()[f"{self._name}T"]()
        for field in _live(self._name):
            value = getattr(self, field.name)
            if isinstance(value, Reader):
                if field.kind == "union":
                    setattr(made, f"{field.name}Type", UNIONS[field.type].index(value._name))
                value = value.unpacked()
            elif isinstance(value, Tables):
                value = [each.unpacked() if isinstance(each, Reader) else each for each in value]
            setattr(made, field.name, value)
        return made


class Tables:
    """A vector of tables or strings, read one by one."""

    def __init__(self, field: Field, table: Table, count: int, start: int):
        self._field, self._table, self._count, self._start = field, table, count, start

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int):
        if not 0 <= index < self._count:
            raise IndexError(f"there are {self._count}")
        place = self._start + 4 * index
        if self._field.kind == "string":
            return self._table.String(place)
        return Reader(self._field.type, Table(self._table.Bytes, self._table.Indirect(place)))


# --- Writing ----------------------------------------------------------------------------------------------------------


def pack(builder, table: Packable) -> int:
    """Writes a table, in the order of TensorFlow's generated code. Returns: its offset."""
    fields = _live(table.TABLE)
    offsets = {field.name: _pack_value(builder, field, getattr(table, field.name)) for field in fields}
    builder.StartObject(max((field.slot for field in TABLES[table.TABLE]), default=-1) + 1)
    for field in fields:
        if field.kind == "scalar" and not field.vector:
            builder.PrependSlot(field.flags, field.slot, getattr(table, field.name), field.default)
            continue
        if field.kind == "union":
            type = getattr(table, f"{field.name}Type")
            builder.PrependSlot(number_types.Uint8Flags, field.slot - 1, type, 0)
        if offsets[field.name] is not None:
            builder.PrependUOffsetTRelativeSlot(field.slot, offsets[field.name], 0)
    return builder.EndObject()


def _pack_value(builder, field: Field, value) -> int | None:
    """Writes what a field points to. Returns: its offset, or None if it is a number or there is none."""
    if value is None or (field.kind == "scalar" and not field.vector):
        return None
    if field.vector and field.kind == "scalar":
        if isinstance(value, np.ndarray):
            return builder.CreateNumpyVector(value)
        size = field.flags.bytewidth
        builder.StartVector(size, len(value), size)
        for each in reversed(value):
            builder.Prepend(field.flags, each)
        return builder.EndVector()
    if field.vector:
        elements = [builder.CreateString(each) if field.kind == "string" else pack(builder, each) for each in value]
        builder.StartVector(4, len(elements), 4)
        for element in reversed(elements):
            builder.PrependUOffsetTRelative(element)
        return builder.EndVector()
    return builder.CreateString(value) if field.kind == "string" else pack(builder, value)
