"""Values of a recipe that its pictures decide: where a key is `auto`, the survey of the folder fills it in.

The run folder keeps the values that were found, so that a training continues with them.
"""

import math
import typing

from sfkeras.errors import RecipeError
from sfkeras.nn.limits import DOWNSCALING

if typing.TYPE_CHECKING:
    from sfkeras.data.survey import Survey

AUTO = "auto"
PIXELS = 64 * 64  # of an input: what the shipped core was trained with
SIDES = range(2 * DOWNSCALING, 8 * DOWNSCALING, DOWNSCALING)
SEEN = 36_000  # pictures that a training sees, each counted as often as it is seen
EPOCHS = (10, 80)  # fewest and most
LARGEST_BATCH = 64


def fill(tree: dict) -> None:
    """Replace each `auto` in the texts of a recipe.

    Args:
        tree: the recipe as nested dicts of text.
    Raises: RecipeError if there is an `auto` but the pictures are not in a folder.
    """
    data = tree.get("data")
    keys = [key for key in KEYS if _get(tree, key) == AUTO]
    keys += [f"heads.{name}.outputs" for name, head in _section(tree, "heads").items() if _is_auto(head, "outputs")]
    if not keys:
        return
    if isinstance(data, dict) and data.get("source") == "folder" and data.get("root") is None:
        raise RecipeError(
            "data.root is missing. Write data.root=FOLDER: a folder with one folder of pictures per class."
        )
    if not isinstance(data, dict) or data.get("source") != "folder" or not isinstance(data.get("root"), str):
        raise RecipeError(
            f"{keys[0]} is auto, but only a folder of pictures can decide it. Write data.source=folder data.root=FOLDER, "
            f"or give {keys[0]} a value."
        )
    from sfkeras.data.survey import survey  # late, because --help needs no package for pictures

    found = survey(data["root"])
    for key in keys:
        section, _, name = key.rpartition(".")
        _branch(tree, section)[name] = KEYS.get(key, outputs)(found)


def input_size(found: "Survey") -> str:
    """Return the input's size: about as many pixels as 64x64, with the aspect ratio of most pictures."""
    ratio = math.exp(sum(math.log(w / h) for w, h in found.sizes) / len(found.sizes)) if len(found.sizes) else 1.0

    def distance(size):
        height, width = size
        return math.log(width / height / ratio) ** 2 + math.log(width * height / PIXELS) ** 2

    height, width = min(((h, w) for h in SIDES for w in SIDES), key=distance)
    return f"{height}x{width}x{1 if found.grey else 3}"


def outputs(found: "Survey") -> str:
    """Return the number of classes."""
    return str(len(found.train))


def batch_size(found: "Survey") -> str:
    """Return the pictures per batch: a quarter of all at most."""
    return str(max(1, min(LARGEST_BATCH, sum(found.train.values()) // 4)))


def epochs(found: "Survey") -> str:
    """Return how often each picture is seen: the more often, the fewer there are."""
    least, most = EPOCHS
    return str(max(least, min(most, round(SEEN / sum(found.train.values())))))


KEYS = {"network.input": input_size, "data.batch_size": batch_size, "training.epochs": epochs}


def _section(tree: dict, name: str) -> dict:
    section = tree.get(name)
    return section if isinstance(section, dict) else {}


def _is_auto(section, name: str) -> bool:
    return isinstance(section, dict) and section.get(name) == AUTO


def _get(tree: dict, key: str):
    section, _, name = key.partition(".")
    return _section(tree, section).get(name)


def _branch(tree: dict, section: str) -> dict:
    for name in section.split("."):
        tree = tree[name]
    return tree
