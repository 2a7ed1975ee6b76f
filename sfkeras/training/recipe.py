"""The recipe: everything that defines one training, as typed keys.

A recipe is YAML in recipes/NAME.yaml, then key=value words that replace its values: `recipe=face
network.cores=1 training.epochs=5`. Every value is text, in the file as in the command, and the type
of its key decides what it means: `name=007` stays text, `training.learning_rate=1e-3` is a number.
Nothing here imports TensorFlow.
"""

import contextlib
import math
import re
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, get_args, get_origin

import yaml

from sfkeras import costs, places
from sfkeras.errors import RecipeError
from sfkeras.nn.limits import (
    BASELINE_WIDTHS,
    DOWNSCALING,
    LARGEST_SIDE,
    MOST_HEADS,
    SMALLEST_SIDE,
    check_sharing,
    nearest_side,
)
from sfkeras.training import automatic
from sfkeras.training.settings import TextLoader, all_keys, brief, build, expected, join, key, shown

RECIPES = places.shipped("recipes")
EXAMPLE = "sfkeras train recipe=face network.cores=1 training.epochs=20 name=face_one_core"


class InputSize(NamedTuple):
    """Height, width and channels of the network's input, in pixels; written 480x640x3."""

    height: int
    width: int
    channels: int

    @classmethod
    def expected(cls) -> str:
        """Return what is expected, in words."""
        return (
            f"HEIGHTxWIDTHxCHANNELS with sides that are multiples of {DOWNSCALING} from {SMALLEST_SIDE} to {LARGEST_SIDE}, "
            "and 1 or 3 channels"
        )

    @classmethod
    def parse(cls, text: str) -> "InputSize":
        """Read 480x640x3. Raises: ValueError."""
        height, width, channels = map(int, text.split("x"))
        return cls(height, width, channels)

    def __str__(self) -> str:
        return "x".join(map(str, self))

    def nearest(self) -> "InputSize":
        """Return the nearest size that the network can have."""
        return InputSize(nearest_side(self.height), nearest_side(self.width), 1 if self.channels <= 1 else 3)


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The backbone (sections 3.1, 3.2 and 3.4)."""

    kind: Literal["semifreddo", "shufflenet", "mobilenet"] = key(
        "shufflenet, mobilenet: ShuffleNetV2 or MobileNetV2, one trainable core; with frozen=false cores=1 width=0.5",
        "semifreddo",
    )
    input: InputSize = key("size of the images in pixels; auto: as the folder's pictures", InputSize(96, 96, 3))
    frozen: bool = key("whether there is a frozen core", True)
    core: str | None = key(
        "the frozen core's file, by path or name in sfkeras/cores; null: its kernels train", "tiny_imagenet"
    )
    core_bits: int = key("bits of each code of a core that this training makes (core: null, cores: 0)", 8, 2, 8)
    cores: int = key("trainable cores", 2, 0, 16)
    width: float = key("multiplies the channels of Table 1", 1.0, at_least=0.125, at_most=4)
    core_shuffle: bool = key("whether trainable cores swap half of their maps after each blend", True)
    alpha: float | None = key("fixes every alpha: 0 separates the cores, 0.5 is residual; null: they train", None, 0, 1)
    alpha_start: float | None = key(
        "initial value of alphas that train; near 1, features are the frozen core's; null: random", None, 0.01, 0.99
    )
    alpha_rate: float = key("learning rate of the alphas as a multiple of training.learning_rate", 1.0, 0.01, 1000)
    start: Literal["random", "core"] = key(
        "initial trainable cores; core: copies of the frozen core's stem and first units", "random"
    )
    repeats: int = key("passes through the last module (Fig. 5)", 1, 1, 16)
    train_batch_norm: bool = key("whether the frozen core's batch-norms train (section 5)", True)
    first_pointwise: bool = key(
        "whether units begin with a pointwise convolution, as in ShuffleNetV2 (section 5)", False
    )
    frozen_share: float | tuple[float, float] | None = key(
        "share of each frozen layer's weights that stays frozen; two: those of the first and the last layer "
        "(Fig. 2); null: all",
        None,
        0,
        1,
    )
    frozen_layers: int | None = key(
        "number of frozen layers of the frozen core, from the first on (FixyNN); null: all", None, 0, 1000
    )


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """A model head; choose its name (section 3.3)."""

    on: str = key("features it reads: frozen, core1, core2, ..., or cores for all trainable cores", "cores")
    outputs: int = key("length of the embedding, or number of classes; auto: the folder's classes", 128, 1, 131_072)
    pooling: bool = key("global average pooling: one prediction per image", True)
    groups: int = key("groups of its pointwise convolution", 1, 1, 8192)
    batch_norm: bool = key("batch-norm of its outputs, folded into the convolution", False)
    activation: Literal["relu", "sigmoid", "tanh", "hard_swish"] | list[tuple[float, float]] | None = key(
        "piecewise-linear function, by name or by points", None
    )
    hidden: int | None = key(
        "channels of a pointwise convolution before the head, on a host; 1024: ShuffleNetV2's own head",
        None,
        8,
        8192,
    )


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Parameters of the task's loss."""

    margin: float = key("triplet: squared distance (FaceNet's alpha); arc: angle in radians", 0.2, 0, 10)
    scale: float = key("arc: multiplies the cosines before the softmax", 32.0, 1, 1000)
    class_balance: float = key(
        "segmentation: power p in weight = share of pixels ** -p, per class; 0: equal weights", 0.0, 0, 1
    )
    label_smoothing: float = key("arc, classification: share of the target spread over all classes", 0.0, 0, 0.9)


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where the images come from and how they form batches."""

    source: Literal["att", "lfw", "folder", "tfrecord", "camvid", "tfds", "idx"] = key(
        "att needs no root; folder: one folder per class", "att"
    )
    root: str | None = key("folder of the images or shards", None)
    name: str | None = key("tfds: name of the set, as in root/NAME/VERSION; for example imagenet2012", None)
    test_people: int = key("att, folder: number of people for testing only", 10, 0, 1_000_000)
    crop: float = key("lfw: share of each side to keep, around the face", 1.0, 0.25, 1)
    min_images: int | None = key(
        "people with fewer images are left out; null: everybody takes part", None, 1, 1_000_000
    )
    people_per_batch: int = key("triplet: P people per batch", 10, 2, 65_536)
    images_per_person: int = key("triplet: K images per person", 5, 2, 65_536)
    batch_size: int = key(
        "arc, classification, segmentation: images per batch; auto: by the number of pictures", 64, 1, 65_536
    )
    fit: Literal["squeeze", "crop", "pad"] = key(
        "folder: how a picture gets the aspect ratio of network.input: squeeze does not keep its own, crop takes its "
        "middle, pad adds grey bars",
        "squeeze",
    )
    augment: Literal["faces", "wild_faces", "photos", "mild_photos", "streets", "none"] = key(
        "augmentation of training images", "faces"
    )


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Training in float."""

    epochs: int = key("epochs in float; auto: by the number of pictures", 30, 0, 100_000)
    steps_per_epoch: int | None = key("batches per epoch, in float and QAT; null: each image once", None, 1, 10_000_000)
    start_scale: float = key("sides of the first images as a share of network.input; it grows to 1", 1.0, 0.25, 1)
    optimizer: Literal["adam", "adamw", "sgd"] = key("sgd has Nesterov momentum 0.9", "adamw")
    learning_rate: float = key("largest rate; falls as a cosine after the warm-up", 1e-3, 0, 1000)
    warmup_epochs: float = key("epochs in which the rate rises from 0", 1.0, 0, 100_000)
    weight_decay: float = key("decoupled weight decay (adamw, sgd)", 1e-4, 0, 1000)


@dataclass(frozen=True, kw_only=True)
class QatSettings:
    """Fine-tuning in 8-bit fixed point (section 3)."""

    epochs: int = key("epochs after the float ones", 5, 0, 100_000)
    learning_rate: float = key("largest rate; falls as a cosine", 1e-4, 0, 1000)
    calibration_images: int = key("training images for choosing the exponents", 256, 1, 1_000_000)


@dataclass(frozen=True, kw_only=True)
class RejuvenationSettings:
    """New weights for nearly dead channels at the end of an epoch (section 3)."""

    threshold: float = key("moving variance below which a channel gets new weights; 0: off", 1e-6, 0, 1000)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training. The run folder keeps the resolved recipe, and continues with no other."""

    name: str = key("name of the run")
    seed: int = key("the same seed gives the same weights", 1, at_least=0, at_most=2**31 - 1)
    run_root: str = key("folder of all runs", "runs")
    start_from: str | None = key(
        "folder of a run whose float weights this training starts from; its network has the same layers; of several "
        "runs, RUN,RUN, the mean of their weights",
        None,
    )
    distribute: Literal["none", "multiworker"] = key(
        "multiworker: this process is one of several that train one network, listed in TF_CONFIG", "none"
    )
    task: Literal["triplet", "arc", "classification", "segmentation"] = key("what the network learns", "triplet")
    network: NetworkSettings = field(default_factory=NetworkSettings)
    heads: dict[str, HeadSettings] = field(default_factory=dict)
    loss: LossSettings = field(default_factory=LossSettings)
    data: DataSettings = field(default_factory=DataSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    qat: QatSettings = field(default_factory=QatSettings)
    rejuvenation: RejuvenationSettings = field(default_factory=RejuvenationSettings)

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.run_root) / self.name

    @property
    def starts(self) -> list[str]:
        """Folders of the runs that this training starts from."""
        return self.start_from.split(",") if self.start_from else []

    @property
    def takes_core(self) -> bool:
        """Whether the frozen core is read from a core file."""
        return self.network.frozen and self.network.core is not None

    @property
    def makes_core(self) -> bool:
        """Whether this training makes a core: only a frozen core, whose kernels train."""
        return self.network.frozen and self.network.core is None and not self.network.cores


def check(recipe: Recipe) -> None:
    """Refuse names that are not possible as file or layer names, and values that do not fit
    together.

    Raises: RecipeError.
    """
    for name in (recipe.name, *recipe.heads):
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name, re.ASCII) or len(name) > costs.NAME_LETTERS:
            which = "name" if name == recipe.name else "the name of a head"
            raise RecipeError(
                f"{which} is '{brief(name)}'. Expected at most {costs.NAME_LETTERS} letters, digits, '_', '.' and '-'. Write "
                "for example face_2."
            )
    if recipe.data.source != "att" and recipe.data.root is None:
        raise RecipeError(
            f"data.root is null, but data.source={recipe.data.source} needs a folder. Write data.root=FOLDER."
        )
    if recipe.distribute != "none" and recipe.task == "triplet":
        raise RecipeError(
            f"distribute is {recipe.distribute}, but task triplet compares all images of a batch, and a worker has only "
            "part of them. Write task=arc, or distribute=none."
        )
    check_batch(recipe)
    network = recipe.network
    places = ["frozen"] if network.frozen else []
    places += [*(f"core{number}" for number in range(1, network.cores + 1)), "cores"] if network.cores else []
    if not places:
        raise RecipeError(
            "network.frozen is false and network.cores is 0. Expected at least one core. Write network.cores=1."
        )
    if network.alpha is not None and network.alpha_start is not None:
        raise RecipeError(
            f"network.alpha is {network.alpha} and network.alpha_start is {network.alpha_start}, but fixed alphas have no "
            "start. Write network.alpha=null, or network.alpha_start=null."
        )
    if network.start == "core" and not (network.frozen and network.core):
        raise RecipeError(
            f"network.start is core, but network.frozen is {str(network.frozen).lower()} and network.core is "
            f"{network.core or 'null'}, so there is no core to copy. Write network.start=random."
        )
    if network.core_bits != 8 and not recipe.makes_core:
        raise RecipeError(
            f"network.core_bits is {network.core_bits}, but this training makes no core. The codes of a core have the bits "
            "that it was made with. Write network.core_bits=8, or network.core=null network.cores=0."
        )
    check_kind(network)
    check_freezing(network)
    if not 1 <= len(recipe.heads) <= MOST_HEADS:
        fix = f"Write heads.task.on={places[-1]}" if not recipe.heads else f"Write heads.{max(recipe.heads)}=null"
        raise RecipeError(f"the recipe has {len(recipe.heads)} heads. Expected 1 to {MOST_HEADS}. {fix}.")
    for name, head in recipe.heads.items():
        if head.on not in places:
            raise RecipeError(
                f"heads.{name}.on is {brief(head.on)}. Expected one of {', '.join(places)}. Write heads.{name}.on={places[-1]}."
            )
    check_sharing(recipe.heads, [place for place in places if place != "cores"])


def check_batch(recipe: Recipe) -> None:
    """Refuse batches that no machine has the memory for. Raises: RecipeError."""
    settings, (height, width, _) = recipe.data, recipe.network.input
    named = ["people_per_batch", "images_per_person"] if recipe.task == "triplet" else ["batch_size"]
    given = [getattr(settings, name) for name in named]
    most = costs.BATCH_PIXELS // (height * width)
    if math.prod(given) > most:
        last = given[-1] if given[-1] <= most // 2 else 2
        fits = f"data.{named[0]}={most // last} data.{named[1]}={last}" if len(given) > 1 else f"data.{named[0]}={most}"
        raise RecipeError(
            f"{' and '.join(f'data.{name} is {value}' for name, value in zip(named, given))}, so a batch has "
            f"{math.prod(given)} images of {height}x{width}. Expected at most {costs.BATCH_PIXELS:,} pixels in a batch. "
            f"Write {fits}."
        )


def check_kind(network: NetworkSettings) -> None:
    """Refuse a network to compare with that has values only a SemifreddoNet can have. Raises: RecipeError."""
    widths = BASELINE_WIDTHS.get(network.kind)
    if widths and (network.frozen or network.cores != 1 or network.width not in widths):
        raise RecipeError(
            f"network.kind is {network.kind}, but network.frozen is {str(network.frozen).lower()}, network.cores "
            f"{network.cores} and network.width {network.width:g}. Expected one trainable core of width "
            f"{' or '.join(f'{width:g}' for width in widths)}. Write "
            f"network.frozen=false network.cores=1 network.width={widths[-1]:g}."
        )


def check_freezing(network: NetworkSettings) -> None:
    """Refuse to freeze part of a core that is missing or must be whole. Raises: RecipeError."""
    given = [name for name in ("frozen_share", "frozen_layers") if getattr(network, name) is not None]
    if not given:
        return
    if len(given) == 2:
        raise RecipeError("network.frozen_share and network.frozen_layers are both set. Set one of them to null.")
    if not (network.frozen and network.core) or network.repeats > 1:
        raise RecipeError(
            f"network.{given[0]} is set, but there is no trained core to freeze in part. Expected network.frozen=true, a "
            f"network.core and network.repeats=1. Set these, or write network.{given[0]}=null."
        )
    if isinstance(network.frozen_share, tuple) and not 0 <= min(network.frozen_share) <= max(network.frozen_share) <= 1:
        raise RecipeError(
            f"network.frozen_share is {list(network.frozen_share)}. Expected shares from 0 to 1. Write for example "
            "network.frozen_share=[0.5,1]."
        )


# ---- from words to a recipe


def parse(words: Iterable[str]) -> Recipe:
    """Return the recipe of a command.

    Args:
        words: `recipe=NAME` or `recipe=PATH.yaml`, and any `key=value`, in any order. Leading
            dashes are ignored.
    Raises: RecipeError, in one line, if a word, a key or a value is not valid.
    """
    overrides = {}
    for word in words:
        name, equals, given = word.lstrip("-").partition("=")
        if not equals:
            raise RecipeError(f"{brief(word)} is not of the form key=value. Write for example {EXAMPLE}")
        if len(given) > costs.RECIPE_BYTES:
            raise RecipeError(f"{brief(name)} has {len(given):,} letters. Expected at most {costs.RECIPE_BYTES:,}.")
        for other in overrides:
            if f"{name}.".startswith(f"{other}.") or other.startswith(f"{name}."):
                first, second = brief(other), brief(name)
                twice = f"{second} is repeated" if name == other else f"{first} and {second} overlap"
                raise RecipeError(f"{twice}. Keep one of them.")
        overrides[name] = given
    if "recipe" not in overrides:
        raise RecipeError(f"the command has no recipe. Write recipe=NAME with one of {', '.join(known_recipes())}.")
    return read(overrides.pop("recipe"), overrides)


def read(reference: str | Path, overrides: dict[str, str] | None = None) -> Recipe:
    """Return the recipe in recipes/REFERENCE.yaml, or in the file REFERENCE if that ends in .yaml.

    Args:
        reference: name or path.
        overrides: {dotted key: text}. They replace the values of the file.
    Raises: RecipeError, in one line that starts with the recipe.
    """
    try:
        path = locate(str(reference))
        tree = {"name": path.stem} | load(path)
        for name, given in (overrides or {}).items():
            put(tree, name.split("."), given)
        automatic.fill(tree)
        recipe = build(Recipe, tree)
        check(recipe)
        return recipe
    except RecipeError as error:
        raise RecipeError(" ".join(f"recipe {brief(str(reference), 500)}: {error}".splitlines())) from None


def known_recipes() -> list[str]:
    """Return the names of the recipes in recipes/."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def locate(reference: str) -> Path:
    """Return the file of a recipe. Raises: RecipeError if there is none."""
    path = Path(reference) if reference.endswith(".yaml") else RECIPES / f"{reference}.yaml"
    with contextlib.suppress(OSError):  # a name that is too long for a file
        if path.is_file():
            return path
    raise RecipeError(f"there is no such recipe. Use one of {', '.join(known_recipes())}, or the path of a .yaml file.")


def load(path: Path) -> dict:
    """Return a YAML file as nested dicts of text. Raises: RecipeError if it is not valid."""
    if (size := path.stat().st_size) > costs.RECIPE_BYTES:
        raise RecipeError(
            f"{path} has {size:,} bytes. Expected at most {costs.RECIPE_BYTES:,}. Remove what is not a key."
        )
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), TextLoader) or {}
    except yaml.MarkedYAMLError as error:
        raise RecipeError(f"{path}, line {error.problem_mark.line + 1}: {error.problem}. Fix that line.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not plain text: {str(error).splitlines()[0]}. Save it as UTF-8.") from None
    if not isinstance(tree, dict):
        raise RecipeError(f"{path} is {brief(tree)}. Expected lines of key: value. Write for example seed: 1.")
    return tree


def put(tree: dict, path: list[str], given: str) -> None:
    """Set a dotted key. A section that is missing or null becomes empty first."""
    for section in path[:-1]:
        if not isinstance(tree.get(section), dict):
            tree[section] = {}
        tree = tree[section]
    tree[path[-1]] = given


def help() -> str:
    """Return the text of `--help`: the command, the recipes and every key with its default."""
    lines = ["sfkeras train recipe=NAME [key=value ...]", "", f"Example: {EXAMPLE}", "", "Recipes:"]
    for name in known_recipes():
        lines += [f"  {name:<16}{(RECIPES / f'{name}.yaml').read_text(encoding='utf-8').splitlines()[0].lstrip('# ')}"]
    lines += ["  PATH.yaml       your own recipe", "", "Keys, with their defaults:"]
    for name, entry in all_keys(Recipe):
        if entry.metadata:
            lines += [f"  {name}={shown(entry.default)}", f"      {entry.metadata['doc']} ({expected(entry)})"]
        else:
            kind = get_args(entry.type)[-1] if get_origin(entry.type) is dict else entry.type
            lines += ["", f"{name}: {kind.__doc__}"]
    return "\n".join(lines)


# ---- from a recipe to text, and back to its run


class Writer(yaml.SafeDumper):
    """Write YAML that TextLoader and the types of the keys read as the same recipe."""


Writer.add_representer(InputSize, lambda writer, size: writer.represent_str(str(size)))


def to_yaml(recipe: Recipe) -> str:
    """Return the resolved recipe, all of its keys, as YAML text. `read` returns an equal recipe."""
    return yaml.dump(asdict(recipe), Dumper=Writer, sort_keys=False)


def difference(a: Recipe, b: Recipe) -> list[str]:
    """Return the dotted keys in which two recipes differ, in the order of the keys."""
    left, right = flat(asdict(a)), flat(asdict(b))
    return [name for name in left | right if left.get(name, MISSING) != right.get(name, MISSING)]


def flat(tree: dict, section: str = "") -> dict:
    """Return a tree as {dotted key: value}."""
    leaves = {}
    for part, branch in tree.items():
        name = join(section, part)
        leaves |= flat(branch, name) if isinstance(branch, dict) else {name: branch}
    return leaves


def require_same(recipe: Recipe, stored: Recipe) -> None:
    """Refuse to continue a run with another recipe than its own. Raises: RecipeError."""
    if differing := difference(stored, recipe):
        longer = all(key.startswith(("training.", "qat.")) for key in differing)
        more = f"; start_from={recipe.folder} trains on from its weights" if longer else ""
        raise RecipeError(
            f"recipe {recipe.name}: {recipe.folder} was started with other values of {', '.join(differing)}. "
            f"Give this run another name (name={recipe.name}2{more}) or delete {recipe.folder}."
        )
