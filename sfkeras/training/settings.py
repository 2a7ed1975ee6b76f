"""Typed keys: a tree of texts becomes dataclasses, and what does not fit is named with its mend.

A field made by `key` says all that there is to know of a key: its type, its default, its limits and one line on what it
is for. Reading, checking, the errors and the help are the same few functions over the fields of any dataclass.
"""

import difflib
import math
from collections.abc import Iterator
from dataclasses import MISSING, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin

import yaml

from sfkeras.errors import RecipeError


def key(doc: str, default=MISSING, at_least: float = -math.inf, at_most: float = math.inf):
    """A field: its one-line doc, its default and the limits of a number.

    A field's type is int, float, bool, str, a Literal of texts, a list or tuple, a class with `parse(text)`,
    `nearest()` and `WANTED`, or several of these joined by |.
    """
    return field(default=default, metadata={"doc": doc, "at_least": at_least, "at_most": at_most})


def all_keys(kind, section: str = "") -> Iterator[tuple[str, object]]:
    """Every dotted key of a dataclass with its field; a section comes before its keys.

    Where the user chooses a section's name (a dict of dataclasses), the key has NAME.
    """
    for entry in fields(kind):
        name = join(section, entry.name)
        yield name, entry
        if get_origin(entry.type) is dict:
            yield from all_keys(get_args(entry.type)[1], join(name, "NAME"))
        elif is_dataclass(entry.type):
            yield from all_keys(entry.type, name)


def join(section: str, part: str) -> str:
    return f"{section}.{part}" if section else part


# ---- from text to typed values


class TextLoader(yaml.BaseLoader):
    """Reads every scalar as text, so that the keys decide the types; refuses a key that stands twice."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for name, _ in node.value:
            if str(name.value) in seen:
                raise yaml.MarkedYAMLError(problem=f"{name.value} stands twice", problem_mark=name.start_mark)
            seen.add(str(name.value))
        return super().construct_mapping(node, deep)


def build(kind, tree, section: str = "", root=None):
    """A dataclass, or a dict of them, from a tree of texts.

    Args:
        kind: the dataclass, or dict[str, dataclass].
        tree: {key: text, list or tree}, or the same as a YAML text.
        section: its dotted name.
        root: the outermost dataclass, whose keys are proposed for an unknown one.
    Raises: RecipeError, in one line that names the key, what it got, what it wanted and the mend.
    """
    tree, root = mapping(tree, section), root or kind
    if get_origin(kind) is dict:
        kind = get_args(kind)[1]
        return {
            name: build(kind, branch, join(section, name), root) for name, branch in tree.items() if not null(branch)
        }
    known, values = {entry.name: entry for entry in fields(kind)}, {}
    for part, given in tree.items():
        name = join(section, part)
        if part not in known:
            raise RecipeError(f"unknown key {name}. Did you mean {' or '.join(nearest_keys(root, name))}?")
        leaf = bool(known[part].metadata)
        values[part] = read_value(known[part], given, name) if leaf else build(known[part].type, given, name, root)
    return kind(**values)


def mapping(tree, section: str) -> dict:
    """The keys of a section, given as a tree or as YAML text: `{outputs: 10}`."""
    try:
        branches = yaml.load(tree, TextLoader) or {} if isinstance(tree, str) else tree
    except yaml.YAMLError:
        branches = None
    if not isinstance(branches, dict):
        raise RecipeError(f"{section} is {tree}, wanted keys under it. Write {section}.KEY=VALUE.")
    return branches


def read_value(entry, given, name: str):
    """What was given for a field, in the field's type and limits."""
    unfit = f"{name} is {given or 'empty'}, wanted {wanted(entry)}."
    try:
        value = interpret(entry.type, given)
    except UNFIT:
        raise RecipeError(f"{unfit} Write for example {name}={shown(entry.default)}.") from None
    if (mended := nearest(entry, value)) != value:
        raise RecipeError(f"{unfit} The nearest is {name}={shown(mended)}.")
    return value


def interpret(kind, given):
    """What a text, or a list of texts, means as a value of that kind. Raises: one of UNFIT."""
    origin, kinds = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return first_that_fits(sorted(kinds, key=lambda choice: choice is not NoneType), given)
    if origin is Literal:
        return {choice: choice for choice in kinds}[given]
    if origin in (list, tuple):
        items = yaml.load(given, TextLoader) if isinstance(given, str) else given
        kinds = kinds if origin is tuple else kinds * len(items)
        return origin(interpret(each, item) for each, item in zip(kinds, items, strict=True))
    if not isinstance(given, str):
        raise TypeError
    return READERS[kind](given) if kind in READERS else kind.parse(given)


def first_that_fits(kinds, given):
    """The meaning of a text in the first kind that has one for it."""
    for kind in kinds:
        try:
            return interpret(kind, given)
        except UNFIT:
            pass
    raise ValueError


def finite(text: str) -> float:
    """A number that is neither infinite nor NaN."""
    if not math.isfinite(number := float(text)):
        raise ValueError
    return number


def null(given) -> bool:
    return isinstance(given, str) and given.lower() in ("", "~", "null", "none")


UNFIT = (ValueError, TypeError, KeyError, yaml.YAMLError)
READERS = {
    int: int,
    float: finite,
    bool: lambda text: {"true": True, "false": False}[text.lower()],
    str: str,
    NoneType: lambda text: {True: None}[null(text)],
}


# ---- what fits, in words


def wanted(entry) -> str:
    """What a field takes: `a number from 0 to 1, or null`."""
    kinds = get_args(entry.type) if get_origin(entry.type) in (Union, UnionType) else [entry.type]
    return ", or ".join(describe(kind, **entry.metadata) for kind in kinds)


def describe(kind, at_least: float, at_most: float, doc: str) -> str:
    """A kind of value in words."""
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if get_origin(kind) is list:
        return f"[{describe(*get_args(kind), at_least, at_most, doc)}, ...]"
    if get_origin(kind) is tuple:
        return f"[{', '.join(describe(each, at_least, at_most, doc) for each in get_args(kind))}]"
    if kind not in (int, float) or at_least == -math.inf:
        return WORDS[kind] if kind in WORDS else kind.WANTED
    return WORDS[kind] + (f" from {at_least:g} up" if at_most == math.inf else f" from {at_least:g} to {at_most}")


WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", NoneType: "null"}


def nearest(entry, value):
    """The nearest value that the field allows; the value itself if it is allowed."""
    if isinstance(value, int | float):
        return type(value)(min(max(value, entry.metadata["at_least"]), entry.metadata["at_most"]))
    return value.nearest() if hasattr(value, "nearest") else value


def nearest_keys(kind, name: str) -> list[str]:
    """The keys of a dataclass that are most like an unknown one, as a whole or in the last part."""
    chosen = name.split(".")[1] if name.count(".") == 2 else "NAME"
    known = [other.replace("NAME", chosen) for other, _ in all_keys(kind)]

    def likeness(other: str) -> float:
        pairs = [(name, other), (name.rpartition(".")[2], other.rpartition(".")[2])]
        return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)

    most = max(map(likeness, known))
    return [other for other in known if likeness(other) == most]


def shown(value) -> str:
    """A value as it is written in a command."""
    if value is MISSING:
        return "..."
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
