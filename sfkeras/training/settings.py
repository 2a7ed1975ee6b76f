"""Typed keys: a tree of texts becomes dataclasses, and errors name the key and how to fix it.

A field made by `key` has all that is known about a key: type, default, limits and a line of
documentation. Reading, checks, errors and help are the same few functions for any dataclass.
"""

import difflib
import math
from collections.abc import Iterator
from dataclasses import MISSING, Field, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml

from sfkeras import costs
from sfkeras.errors import RecipeError


def key(doc: str, default=MISSING, at_least: float = -math.inf, at_most: float = math.inf):
    """Return a dataclass field with its one-line documentation, its default and the limits of a
    number.

    A field's type is int, float, bool, str, a Literal of texts, a list or tuple, a class with
    `parse(text)`, `nearest()` and `expected()`, or several of these joined by |.
    """
    return field(default=default, metadata={"doc": doc, "at_least": at_least, "at_most": at_most})


def all_keys(kind, section: str = "") -> Iterator[tuple[str, Field[Any]]]:
    """Yield every dotted key of a dataclass with its field. A section comes before its keys.

    A section whose name the user chooses (a dict of dataclasses) is called NAME.
    """
    for entry in fields(kind):
        name = join(section, entry.name)
        yield name, entry
        if get_origin(entry.type) is dict:
            yield from all_keys(get_args(entry.type)[1], join(name, "NAME"))
        elif is_dataclass(entry.type):
            yield from all_keys(entry.type, name)


def join(section: str, part: str) -> str:
    """Return the dotted name of a part of a section."""
    return f"{section}.{part}" if section else part


# ---- from text to typed values


class TextLoader(yaml.BaseLoader):
    """Read every scalar as text, so that the keys decide the types.

    Refuse a repeated key, and what makes a small file a large recipe: aliases and deep nesting.
    """

    depth = 0

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            problem = "it has an alias (*NAME); write the value out"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        if self.depth == costs.RECIPE_DEPTH:
            problem = f"it is nested more than {costs.RECIPE_DEPTH} deep"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node, deep=False):
        seen = set()
        for name, _ in node.value:
            if str(name.value) in seen:
                raise yaml.MarkedYAMLError(problem=f"key {brief(name.value)} is repeated", problem_mark=name.start_mark)
            seen.add(str(name.value))
        return super().construct_mapping(node, deep)


def build(kind, tree, section: str = "", root=None):
    """Return a dataclass, or a dict of them, from a tree of texts.

    Args:
        kind: the dataclass, or dict[str, dataclass].
        tree: {key: text, list or tree}, or the same as YAML text.
        section: its dotted name.
        root: the outermost dataclass, whose keys are proposed for an unknown key.
    Raises: RecipeError, in one line that names the key, its value, what was expected and how to fix
        it.
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
            raise RecipeError(f"unknown key {brief(name)}. Did you mean {' or '.join(nearest_keys(root, name))}?")
        leaf = bool(known[part].metadata)
        values[part] = read_value(known[part], given, name) if leaf else build(known[part].type, given, name, root)
    return kind(**values)


def mapping(tree, section: str) -> dict:
    """Return the keys of a section, given as a tree or as YAML text: `{outputs: 10}`.

    Raises: RecipeError.
    """
    try:
        branches = yaml.load(tree, TextLoader) or {} if isinstance(tree, str) else tree
    except yaml.YAMLError:
        branches = None
    if not isinstance(branches, dict):
        raise RecipeError(f"{brief(section)} is {brief(tree)}. Expected keys in it. Write {brief(section)}.KEY=VALUE.")
    return branches


def read_value(entry, given, name: str):
    """Return the value of a field, in its type and limits. Raises: RecipeError."""
    name = brief(name)
    unfit = f"{name} is {brief(given) or 'empty'}. Expected {expected(entry)}."
    try:
        value = interpret(entry.type, given)
    except UNFIT:
        raise RecipeError(f"{unfit} Write for example {name}={shown(entry.default)}.") from None
    if (allowed := nearest(entry, value)) != value:
        raise RecipeError(f"{unfit} The nearest is {name}={shown(allowed)}.")
    return value


def interpret(kind, given):
    """Return a text, or a list of texts, as a value of a kind. Raises: one of UNFIT."""
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
    """Return a text as a value of the first kind that it fits. Raises: ValueError if there is none."""
    for kind in kinds:
        try:
            return interpret(kind, given)
        except UNFIT:
            pass
    raise ValueError


def finite(text: str) -> float:
    """Return a number that is neither infinite nor NaN. Raises: ValueError."""
    if not math.isfinite(number := float(text)):
        raise ValueError
    return number


def storable(text: str) -> str:
    """Return a text that can be stored as UTF-8 and name a file. Raises: ValueError."""
    if b"\0" in text.encode() or len(text) > costs.TEXT_LETTERS:
        raise ValueError
    return text


def null(given) -> bool:
    """Return whether a text means null."""
    return isinstance(given, str) and given.lower() in ("", "~", "null", "none")


UNFIT = (ValueError, TypeError, KeyError, yaml.YAMLError)
READERS = {
    int: int,
    float: finite,
    bool: lambda text: {"true": True, "false": False}[text.lower()],
    str: storable,
    NoneType: lambda text: {True: None}[null(text)],
}


# ---- what fits, in words


def expected(entry) -> str:
    """Return what a field expects, in words: `a number from 0 to 1, or null`."""
    kinds = get_args(entry.type) if get_origin(entry.type) in (Union, UnionType) else [entry.type]
    return ", or ".join(describe(kind, **entry.metadata) for kind in kinds)


def describe(kind, at_least: float, at_most: float, doc: str) -> str:
    """Return a kind of value in words."""
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if get_origin(kind) is list:
        return f"[{describe(get_args(kind)[0], at_least, at_most, doc)}, ...]"
    if get_origin(kind) is tuple:
        return f"[{', '.join(describe(each, at_least, at_most, doc) for each in get_args(kind))}]"
    if kind not in (int, float) or at_least == -math.inf:
        return WORDS[kind] if kind in WORDS else kind.expected()
    return WORDS[kind] + (f" from {at_least:g} up" if at_most == math.inf else f" from {at_least:g} to {at_most}")


WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", NoneType: "null"}


def nearest(entry, value):
    """Return the nearest value that a field allows; the value itself if it is allowed."""
    if isinstance(value, int | float):
        return type(value)(min(max(value, entry.metadata["at_least"]), entry.metadata["at_most"]))
    return value.nearest() if hasattr(value, "nearest") else value


def nearest_keys(kind, name: str) -> list[str]:
    """Return the keys of a dataclass that are most similar to an unknown one, or to its last part: at most three."""
    name = brief(name)
    chosen = name.split(".")[1] if name.count(".") == 2 else "NAME"
    known = [other.replace("NAME", chosen) for other, _ in all_keys(kind)]

    def likeness(other: str) -> float:
        pairs = [(name, other), (name.rpartition(".")[2], other.rpartition(".")[2])]
        return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)

    most = max(map(likeness, known))
    return [other for other in known if likeness(other) == most][:3]


def brief(value, letters: int = 60) -> str:
    """Return a value of the user as it is shown in an error: its beginning, on one line."""
    text = (value if isinstance(value, str) else repr(value))[: letters + 1]
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= letters else f"{text[: letters - 3]}..."


def shown(value) -> str:
    """Return a value as it is written in a command."""
    if value is MISSING:
        return "..."
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
