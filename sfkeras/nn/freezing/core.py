"""The frozen core as a file: int8 codes, scales, digest and provenance."""

import hashlib
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sfkeras import atomic_file, costs, own_files
from sfkeras.errors import RecipeError

FOLDER = Path(__file__).parents[2] / "cores"
_FORMAT = "sfkeras core 2"
_OLD_FORMAT = "sfkeras core 1"  # without the digest of the content, which is then not checked
HEADER = {"format": str, "name": str, "digest": str, "provenance": dict[str, object]}
RESTORE = "Restore it, or train it again with recipe=core."


def names() -> list[str]:
    """Names of the cores that come with sfkeras."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


@dataclass(frozen=True)
class Core:
    """A frozen core: the weights that are fixed in hardware (section 3.2).

    Layers are named without their core: "stage2.unit3.pointwise".

    Args:
        name: str. Name of the core, such as "tiny_imagenet".
        codes: {layer: int8 kernel}, (kernel, kernel, in, out), or depthwise (kernel, kernel,
            channels, 1). Codes of `bits` bits are in [-(2^(bits-1) - 1), 2^(bits-1) - 1], so 8-bit
            ones in [-127, 127]. Only the codes are hardwired.
        scales: {layer: float32 (out,)}. The trained kernel is codes * scales.
        batch_norm: {layer: float32 (4, out)}: gamma, beta, moving mean and moving variance. Every
            task starts from these values.
        provenance: dict. Recipe, data, versions, and accuracy before and after rounding.
        exponents: {layer: int}. Exponents of the rounded activations, if a task has settled them
            (see `settle`), else empty.

    Example:
        >>> import sfkeras
        >>> core = sfkeras.Core.load("tiny_imagenet")
        >>> core.stem_channels, core.codes["stem"].shape, core.codes["stem"].dtype
        (32, (3, 3, 3, 32), dtype('int8'))
    """

    name: str
    codes: dict
    scales: dict
    batch_norm: dict
    provenance: dict = field(default_factory=dict)
    exponents: dict = field(default_factory=dict)

    @classmethod
    def from_model(cls, model, name, provenance=None, bits=8):
        """Round the trained frozen core of a float model to int8 codes and return it as a Core.

        Args:
            model: float SemifreddoNet that was built with core=None.
            name: str. Name of the new core.
            provenance: dict or None. What the core was made from.
            bits: int from 2 to 8. Bits of each code; see fixed8.round_frozen_kernels.
        """
        codes, scales, batch_norm = {}, {}, {}
        for layer in model.layers:
            if not layer.name.startswith("frozen."):
                continue
            key = cls.key(layer.name)
            if layer.name.endswith(".batch_norm"):
                batch_norm[key.removesuffix(".batch_norm")] = np.stack(layer.get_weights())
            elif layer.weights:
                depthwise = hasattr(getattr(layer, "layer", layer), "depthwise_kernel")  # it may be wrapped
                codes[key], scales[key] = snap(layer.get_weights()[0], depthwise, bits)
        return cls(name, codes, scales, batch_norm, provenance or {})

    @property
    def digest(self):
        """SHA-256 of names, shapes and codes, as hexadecimal text.

        Cores of equal digest are the same silicon.
        """
        sha = hashlib.sha256()
        for layer in sorted(self.codes):
            sha.update(f"{layer} {self.codes[layer].shape}\n".encode())
            sha.update(self.codes[layer].tobytes())
        return sha.hexdigest()

    @property
    def bits(self):
        """Bits of its widest codes. They are stored as int8 in any case."""
        return 1 + int(max(np.abs(codes).max() for codes in self.codes.values())).bit_length()

    @property
    def content_digest(self):
        """SHA-256 of everything that a task starts from: codes, scales, batch-norms and exponents."""
        sha = hashlib.sha256(json.dumps([self.digest, self.exponents], sort_keys=True).encode())
        for part in self.scales, self.batch_norm:
            for layer in sorted(part):
                sha.update(f"{layer} {part[layer].shape}\n".encode())
                sha.update(part[layer].astype("<f4").tobytes())
        return sha.hexdigest()

    @property
    def stem_channels(self):
        """Number of channels of the stem."""
        return self.codes["stem"].shape[-1]

    @property
    def first_pointwise(self):
        """Whether its units begin with a pointwise convolution (section 5)."""
        return any(layer.endswith(".first") for layer in self.codes)

    @staticmethod
    def key(layer_name):
        """Return the core's name of a Keras layer.

        All passes of a repeated module (Fig. 5) share one name.
        """
        return re.sub(r"^quant_|frozen\.|\.pass\d+", "", layer_name)

    def kernel(self, layer_name):
        """Return (codes, scales) of a Keras layer."""
        return self.codes[self.key(layer_name)], self.scales[self.key(layer_name)]

    def float_kernel(self, layer_name):
        """Return the kernel of a Keras layer, codes * scales, float32."""
        codes, scales = self.kernel(layer_name)
        return codes * scales.reshape((-1, 1) if "depthwise" in layer_name else -1)

    def settled_exponents(self, model):
        """Return {Keras layer: exponent} of the layers of a model's frozen core that a task has
        settled.
        """
        keys = {layer.name: self.key(layer.name) for layer in model.layers if layer.name.startswith("frozen.")}
        return {layer: self.exponents[key] for layer, key in keys.items() if key in self.exponents}

    def first_unit(self, trainable):
        """Return the core's layer that corresponds to a layer of a trainable core, or None.

        Stage 3's frozen unit has one branch. It corresponds to both branches of a trainable core.

        Args:
            trainable: name without its core, such as "stage2.left.pointwise".
        """
        stage, _, rest = trainable.partition(".")
        names = [trainable, f"{stage}.unit1.{rest}", f"{stage}.unit1.{rest.partition('.')[2]}"]
        return next((name for name in names if name in self.codes), None)

    def save(self, path):
        """Write the core to a file. Equal cores give equal bytes."""
        header = {"format": _FORMAT, "name": self.name, "digest": self.digest, "provenance": self.provenance}
        header |= {"content": self.content_digest}
        header |= {"exponents": self.exponents} if self.exponents else {}
        arrays = {"header": np.frombuffer(json.dumps(header, sort_keys=True).encode(), np.uint8)}
        for part in ("codes", "scales", "batch_norm"):
            arrays |= {f"{part}/{layer}": array for layer, array in sorted(getattr(self, part).items())}
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)
        atomic_file.write(path, packed.getvalue())

    @classmethod
    def load(cls, name_or_path):
        """Read a core of this project, by name, or a core file, by path.

        Raises: RecipeError if there is no such core, the file is not a core file, or its content does
            not match its digests.
        """
        path = Path(name_or_path)
        if path.suffix != ".npz":
            path = FOLDER / f"{name_or_path}.npz"
        if not path.is_file():
            known = ", ".join(names()) or "none"
            raise RecipeError(
                f"network.core is {str(name_or_path)!r}, but there is no file {path}. Expected the path of a core file "
                f"(.npz) or one of the project's cores: {known}."
            )
        arrays = own_files.read_arrays(path, RESTORE, most=costs.CORE_BYTES)
        try:
            return cls._from_arrays(arrays)
        except (ValueError, RecursionError) as error:
            raise own_files.damaged(path, error, RESTORE) from None

    @classmethod
    def _from_arrays(cls, arrays):
        """Return the core of a file's arrays. Raises: ValueError or RecursionError if they are damaged."""
        if "header" not in arrays:
            raise ValueError("it has no header")
        header = own_files.parse_json(arrays["header"].tobytes(), HEADER)
        if header["format"] not in (_FORMAT, _OLD_FORMAT):
            raise ValueError(f"its format is {header['format']!r}; expected {_FORMAT!r}")
        parts = {"codes": {}, "scales": {}, "batch_norm": {}}
        for key, array in arrays.items():
            part, _, layer = key.partition("/")
            if part in parts:
                parts[part][layer] = array
        if len({frozenset(part) for part in parts.values()}) > 1 or "stem" not in parts["codes"]:
            raise ValueError("some layers lack codes, scales or batch-norm")
        for layer, codes in parts["codes"].items():
            channels = codes.shape[2 if "depthwise" in layer else 3] if codes.ndim == 4 else 0
            for array, kind, shape in (
                (codes, np.int8, codes.shape),
                (parts["scales"][layer], np.float32, (channels,)),
                (parts["batch_norm"][layer], np.float32, (4, channels)),
            ):
                if not channels or array.dtype != kind or array.shape != shape:
                    raise ValueError(f"{layer} has {array.dtype} {array.shape}")
        exponents = header.get("exponents", {})
        own_files.require(exponents, dict[str, int])
        core = cls(header["name"], **parts, provenance=header["provenance"], exponents=exponents)
        if core.digest != header["digest"]:
            raise ValueError("the digest does not match the codes")
        if header["format"] == _FORMAT and core.content_digest != header.get("content"):
            raise ValueError("the digest does not match the scales, batch-norms and exponents")
        return core


def settle(core, model, exponents, name, provenance=None):
    """Return a core with the batch-norms and exponents that a task trained on it has.

    Other tasks can use the settled core unchanged, with batch-norms that do not train. Then they
    can be joined with the first task to one network.

    Args:
        core: Core.
        model: fixed8 model of the task.
        exponents: {Keras layer: exponent}, as returned by fixed8.calibrate.
        name: str. Name of the new core.
        provenance: dict or None. What the new core was made from.
    """
    batch_norm, ending = dict(core.batch_norm), ".batch_norm"
    for layer in model.layers:
        if layer.name.startswith("frozen.") and layer.name.endswith(ending):
            inner = getattr(layer, "layer", layer)  # in fixed8 each layer is wrapped
            batch_norm[Core.key(layer.name.removesuffix(ending))] = np.stack(inner.get_weights())
    settled = {Core.key(layer): exponent for layer, exponent in exponents.items() if layer.startswith("frozen.")}
    return Core(name, core.codes, core.scales, batch_norm, provenance or {}, settled)


def snap(kernel, depthwise=False, bits=8):
    """Round a kernel to int8 codes with one scale per output channel.

    Args:
        kernel: float32 (kernel, kernel, in, out), or depthwise (kernel, kernel, channels, 1).
        depthwise: bool. Whether it is depthwise. The shape does not tell if a convolution has one
            output.
        bits: int from 2 to 8. Bits of each code.
    Returns: int8 codes in [-most, most] of that shape, where most = 2^(bits-1) - 1, and float32
        scales (out,).
    """
    channels_last, most = kernel.reshape(-1, kernel.shape[2 if depthwise else 3]), 2 ** (bits - 1) - 1
    largest = np.maximum(np.abs(channels_last).max(axis=0), np.finfo(np.float32).tiny * 127)
    scales = (largest / most).astype(np.float32)
    codes = np.clip(np.rint(channels_last / scales), -most, most).astype(np.int8)
    return codes.reshape(kernel.shape), scales
