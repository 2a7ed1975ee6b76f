"""Files as damage or a careless edit leaves them: random mutations of a good one, the same in each run."""

import io
import json
import random
import re

import numpy as np

TOKENS = [
    *(b"NaN", b"Infinity", b"-1", b"0", b"1e999", b"null", b"true", b"{}", b"[]", b'""', b"\\u0000", b"\\ud800"),
    *(
        b'"',
        b"'",
        b": ",
        b", ",
        b"\n",
        b"\t",
        b"\r",
        b"\0",
        b"\xff",
        b"\xc3",
        b"\xe2\x80\xa8",
        b"&a ",
        b"*a",
        b"!!set ",
    ),
    *(b"9" * 400, b"9" * 5000, b"[" * 2000, b'{"a":' * 2000, b"- " * 500, b"x" * 20_000, b"#", b"%", b"---\n", b"<<: "),
]
VALUES = [
    None,
    True,
    -1,
    0,
    1,
    2**31,
    10**350,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "null",
    [],
    {},
    [[]],
    {"x": 1},
]


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content after one to three mutations."""
    for _ in range(rng.randint(1, 3)):
        content = rng.choice(BYTES)(content, rng)
    return content


def at(content, rng):
    return rng.randint(0, len(content))


def flip(content, rng):
    place = rng.randrange(len(content)) if content else 0
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :] if content else b"!"


def cut(content, rng):
    start = at(content, rng)
    return content[:start] + content[start + rng.choice([1, 2, 10, 100, 10**9]) :]


def repeat(content, rng):
    start, to = at(content, rng), at(content, rng)
    return content[:to] + content[start : start + rng.choice([1, 10, 100, 5000])] + content[to:]


def insert(content, rng):
    place = at(content, rng)
    return content[:place] + rng.choice(TOKENS) + content[place:]


def replace_word(content, rng):
    words = list(re.finditer(rb"[\w.+-]+", content))
    if not words:
        return insert(content, rng)
    word = rng.choice(words)
    return content[: word.start()] + rng.choice([*TOKENS, rng.choice(words)[0]]) + content[word.end() :]


BYTES = flip, cut, repeat, insert, replace_word, replace_word


def mutated_json(content: bytes, rng: random.Random) -> bytes:
    """JSON in which one value or key is another, so that the text stays JSON."""
    tree = json.loads(content)
    places = list(walk({"": tree}))
    for holder, key in rng.sample(places, min(len(places), rng.randint(1, 2))):
        change = rng.randrange(3)
        if change == 0 and isinstance(holder, dict):
            holder.pop(key, None)
        elif change == 1 and isinstance(holder, dict) and key in holder:
            holder[rng.choice(["", "x", "a" * 200, key[::-1]])] = holder.pop(key)
        else:
            holder[key] = rng.choice(VALUES)
    return json.dumps(tree).encode()


def walk(tree):
    """Every (container, key) of a tree; the first is the tree itself."""
    pairs = list(tree.items() if isinstance(tree, dict) else enumerate(tree))
    for key, value in pairs:
        yield tree, key
        if isinstance(value, dict | list):
            yield from walk(value)


def mutated_arrays(content: bytes, rng: random.Random) -> bytes:
    """A .npz file in which one array is missing, or has another shape, type or content; its CRCs are right."""
    with np.load(io.BytesIO(content)) as packed:
        arrays = {name: packed[name] for name in packed.files}
    name = rng.choice(list(arrays))
    array = arrays.pop(name)
    change = rng.randrange(6)
    if change == 0:
        arrays[rng.choice(["", "x", name + "0", "rows"])] = array
    elif change == 1:
        arrays[name] = array.astype(rng.choice(["float64", "complex64", "uint8", "U4", "int64"]))
    elif change == 2:
        arrays[name] = array[..., None] if rng.random() < 0.5 else array.reshape(-1)[:1]
    elif change == 3:
        arrays[name] = np.zeros((0, 3), array.dtype)
    elif change == 4:
        arrays[name] = np.frombuffer(mutated(array.tobytes(), rng), np.uint8)
    written = io.BytesIO()
    np.savez(written, **arrays)
    return written.getvalue()
