"""The record of deviations from MISRA C:2012: `python -m tests.support.misra` counts them with cppcheck's addon and writes
docs/misra.md. The rules are told in our words; their text belongs to MISRA.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from export.c import project
from export.streaming import line_plan
from tests.support.networks.tiny import tiny

PAGE = Path(__file__).parents[2] / "docs" / "misra.md"
# What <limits.h> and <stdint.h> say. cppcheck reads no system headers, and takes a file with an #error for an empty one.
LIMITS = {
    "CHAR_BIT": "8",
    "INT_MAX": "0x7fffffff",
    "INT8_MIN": "(-128)",
    "INT8_MAX": "127",
    "INT16_MIN": "(-32768)",
    "INT16_MAX": "32767",
    "INT32_MIN": "(-0x7fffffff-1)",
    "INT32_MAX": "0x7fffffff",
    "UINT32_MAX": "0xffffffffu",
}
R, A = "required", "advisory"
ASIDE = "A pointer that walks over a row is what compilers turn into loads that step by themselves."
NAMES = "Names are `static` or enumerators of one file, so that none clashes; some files use the same word for the same thing."
SIGNS = "Sums wrap as uint32_t, which C defines, and are read as int32_t. Shifts and masks mix both."
RULES = {  # rule: (category, what it asks for, why we do otherwise)
    "2.4": (A, "no unused tag", "An enumeration without a name holds constants."),
    "2.5": (A, "no unused macro", "The macros of a header are for the firmware that includes it."),
    "5.7": (R, "tags that are unique", NAMES),
    "5.9": (A, "static names that are unique", NAMES),
    "7.2": (
        R,
        "u after unsigned constants",
        "Constants of a checksum and of hashes are hexadecimal, and initialise uint32_t.",
    ),
    "8.7": (
        A,
        "no external function for one file",
        "These are the interface, for firmware; the engine itself calls them once.",
    ),
    "8.9": (
        A,
        "an object used by one function is inside it",
        "Tables stand before the function, where one can read them.",
    ),
    "9.4": (
        R,
        "no element initialised twice",
        "None is: the addon counts `{0}` of an inner array with what follows it.",
    ),
    "10.1": (R, "operands of a suitable type", SIGNS),
    "10.3": (
        R,
        "no value put into a narrower type",
        "Ranges are proven by the exporter, and clamped before they are stored.",
    ),
    "10.4": (R, "operands of one kind", SIGNS),
    "10.5": (A, "no cast to an unsuitable type", "The truth of a comparison becomes the number 0 or 1."),
    "10.6": (R, "no composite value put into a wider type", "The value fits both."),
    "10.8": (R, "no cast of a composite value to another kind", SIGNS),
    "11.5": (
        A,
        "no pointer to void turned into another",
        "A stage's constants have a type for each kind of stage; the kind says which.",
    ),
    "12.1": (
        A,
        "parentheses for precedence",
        "Only `*` before `+`, and comparisons before `&&`, are left to C's precedence.",
    ),
    "12.3": (
        A,
        "no comma operator",
        "Two pointers that move together move in one statement. Declarations with a comma are counted too.",
    ),
    "13.3": (A, "++ alone in its statement", ASIDE),
    "14.2": (R, "a loop counter that only the loop changes", ASIDE),
    "14.4": (
        R,
        "a condition that is a truth value",
        "A pointer that may be NULL, and a flag of a task image, are tested as C does.",
    ),
    "15.5": (A, "one return per function", "A wrong call returns at once, with its status."),
    "15.6": (
        R,
        "braces around each body",
        "A body of one statement stands on the line of its condition, and clang-format keeps it there.",
    ),
    "15.7": (R, "else after else if", "The case that is left needs nothing, or what stands below for all."),
    "16.4": (
        R,
        "default in each switch",
        "Compilers warn of an enumerator that is forgotten, only if there is no default.",
    ),
    "17.7": (R, "each return value used", "memcpy and memset return what they were given."),
    "17.8": (A, "no parameter changed", "A parameter that counts down needs no second variable."),
    "18.4": (A, "no + or - on pointers", ASIDE),
    "20.7": (
        R,
        "parentheses around macro arguments",
        "The arguments are names of registers and parts of assembler text.",
    ),
    "20.10": (A, "no # and ##", "Assembler text of one kernel is put together so, for each number of pixels."),
    "21.15": (R, "memcpy between pointers to one type", "Four codes are copied into a word to be moved at once."),
}


def deviations(folder: Path) -> Counter:
    """Return how many lines deviate from each rule, in the C of a small network without its main.c."""
    project.write_folder(line_plan.plan(tiny()), folder)
    sources = [path for path in (*folder.glob("*.c"), *folder.glob("sf/*.c")) if path.name != "main.c"]
    defines = [f"-D{name}={value}" for name, value in LIMITS.items()]
    command = ["cppcheck", "--addon=misra", "--std=c99", "-q", "--template={id} {file}:{line}", *defines]
    command += [f"-I{folder / 'sf'}", f"-I{folder}", *map(str, sorted(sources))]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    lines = {line for line in told if line.startswith("misra")}
    if len(lines) < 100 or any(
        "preprocessorError" in line for line in told
    ):  # a header stopped it, and it checked nothing
        raise RuntimeError("\n".join(told[:20]))
    return Counter(re.match(r"misra-c2012-([\d.]+) ", line)[1] for line in lines)


def page(found: Counter) -> str:
    """Return docs/misra.md. Raises: KeyError if a rule has no reason yet."""
    order = sorted(found, key=lambda rule: [int(part) for part in rule.split(".")])
    rows = [f"| {rule} | {RULES[rule][0]} | {RULES[rule][1]} | {found[rule]} | {RULES[rule][2]} |" for rule in order]
    return "\n".join(
        [
            "# Deviations from MISRA C:2012",
            "",
            "`python -m tests.support.misra` wrote this page, with Debian's cppcheck. Its MISRA addon checked",
            "the C that `sfkeras compile` writes for a small network: the engine, the kernels and the tables,",
            "without `main.c`, which runs on a computer. It checks most of the rules, not all, and no directive.",
            "What a rule asks for is told in our words. A rule that is not in the table has no deviation that",
            "the addon finds.",
            "",
            f"{sum(found.values())} lines deviate from {len(found)} rules.",
            "",
            "| rule | category | asks for | lines | why we do otherwise |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page(deviations(Path(folder))), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    sys.exit(main())
