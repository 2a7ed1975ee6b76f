"""The whole network as one C file and one header, for any build system."""

from __future__ import annotations

import re
from collections import Counter

from export.c import project
from export.packages.package import Files, Package

WORD = re.compile(r"\w+")
INCLUDE = re.compile(r'^#include "([^"]+)"\n', re.MULTILINE)
MACRO = re.compile(r"^# *define (\w+)", re.MULTILINE)
PRIVATE = (  # what a C file, with headers of its own, declares for itself alone
    re.compile(r"^(?:static|SF_INLINED|SF_OUTLINED)\b[^;{=(\n]*?\b(\w+)(?=\(|\[| =|;)", re.MULTILINE),
    re.compile(r"^static [^;{=(\n]*\(\*(?:const )?(\w+)", re.MULTILINE),
    re.compile(r"^(?:typedef .*)?\} (\w+);", re.MULTILINE),
    re.compile(r"^typedef void (\w+)\(", re.MULTILINE),
    re.compile(r"^typedef [^{;]*?\b(sf_\w+)(?= __attribute__|;)", re.MULTILINE),
)
ENUM = re.compile(r"^(?:typedef )?enum \{(.*?)\}", re.MULTILINE | re.DOTALL)
PUBLIC = re.compile(r"^(?:extern )?(?:const )?\w+ \*?(\w+)(?=\(|\[| =|, |;)", re.MULTILINE)


def files(package: Package) -> Files:
    header = f"{package.name}.h"
    texts = {path: str(text) for path, text in package.sources.items()}
    made = package.laid_out("single-file", f"examples/{package.name}_demo")
    made = {path: content for path, content in made.items() if not path.startswith("src/")}
    check = str(package.extras["check/main.c"])
    return {
        **made,
        header: spliced(header, texts),
        f"{package.name}.c": joined(texts, header),
        "extras/check/main.c": spliced("main.c", {"main.c": check} | dict.fromkeys(texts, "")).replace(
            '#include "sf/sf_measure.h"\n', f'#include "{header}"\n#include "sf/sf_measure.h"\n'
        ),
    }


def joined(texts: dict[str, str], header: str) -> str:
    """All C files one after the other, each as if it were compiled alone.

    A name that several of them declare for themselves is another one in each, and macros end with their file.

    Args:
        texts: of C files and headers, by path.
        header: the header with everything public, which is included first; its parts are not repeated.
    """
    engine = [f"sf/{path.name}" for path in project.library_files("stream") if path.suffix == ".h"]
    first = [path for path in engine if path in texts and "hooks" not in path]
    public = _parts(header, texts).union(*(_parts(path, texts) for path in first))
    public_words = set(WORD.findall(re.sub(r"//.*", "", "".join(texts[path] for path in public))))
    private = {path: text for path, text in texts.items() if path not in public}
    units = {path: spliced(path, private | dict.fromkeys(public, "")) for path in sorted(texts) if path.endswith(".c")}
    names = {path: _private_names(text) for path, text in units.items()}
    counts = Counter(name for found in names.values() for name in found)
    counts.update(name for text in texts.values() for name in set(PUBLIC.findall(text)))
    beginning = spliced(
        "first",
        texts | dict.fromkeys(_parts(header, texts), "") | {"first": "".join(f'#include "{path}"\n' for path in first)},
    )
    made = [f'#include "{header}"\n', beginning]
    for path, text in units.items():
        prefix = re.sub(r"\W", "_", path.rpartition("/")[2].removesuffix(".c"))
        text = _renamed(text, prefix, {name for name in names[path] if counts[name] > 1}, public_words)
        ends = [f"#undef {name}\n" for name in sorted(set(MACRO.findall(text)))]
        made += [f"\n// --- {path}\n\n", text, *ends]
    return "".join(made)


def _renamed(text: str, prefix: str, names: set[str], public_words: set[str]) -> str:
    """Return C in which names have a prefix, but for fields of public structures."""

    def name_of(match: re.Match[str]) -> str:
        word = match[0]
        is_field = word in public_words and text[match.start() - 1] in ".>"
        return f"{prefix}_{word}" if word in names and not is_field else word

    return WORD.sub(name_of, text)


def _private_names(text: str) -> set[str]:
    bodies = [re.sub(r"//.*", "", body) for body in ENUM.findall(text)]
    enumerators = {re.match(r"\w+", each.strip()) for body in bodies for each in body.split(",")}
    found = {name for pattern in PRIVATE for name in pattern.findall(text)}
    return found | {each[0] for each in enumerators if each}


def _parts(path: str, texts: dict[str, str]) -> set[str]:
    """A header and all that it includes."""
    included = {_place(path, name) for name in INCLUDE.findall(texts[path])} & set(texts)
    return {path}.union(*(_parts(each, texts) for each in included))


def spliced(path: str, texts: dict[str, str]) -> str:
    """Return the text of a file with the headers of the package in place of their includes.

    Include guards see to those that come twice.
    """

    def text_of(match: re.Match[str]) -> str:
        included = _place(path, match[1])
        return spliced(included, texts) if included in texts else match[0]

    return INCLUDE.sub(text_of, texts[path])


def _place(path: str, name: str) -> str:
    """Where an include of a file leads: beside it, as a compiler looks first."""
    folder = path.rpartition("/")[0]
    return f"{folder}/{name}" if folder else name
