"""The frozen core as a file: int8 codes, scales, digest, provenance. What is taped out."""

import hashlib
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sfkeras import atomic_file
from sfkeras.errors import RecipeError

FOLDER = Path(__file__).parents[1] / "cores"
_FORMAT = "sfkeras core 1"


@dataclass(frozen=True)
class Core:
    """A frozen core.

    Fields:
        name: of the core, such as "tiny_imagenet".
        codes: {layer: int8 kernel}, shaped (kernel, kernel, in, out), depthwise (kernel, kernel, channels, 1); codes are
            in [-127, 127]. This, and nothing else, is hardwired.
        scales: {layer: float32 (out,)}: the kernel that was trained is codes * scales.
        batch_norm: {layer: float32 (4, out)}: gamma, beta, moving mean, moving variance; where every task starts from.
        provenance: dict: recipe, data, versions and accuracy before and after snapping.
        exponents: {layer: exponent} of its rounded activations, once a task has settled them; empty before.
    Layers are named without their core: "stage2.unit3.pointwise".
    """

    name: str
    codes: dict
    scales: dict
    batch_norm: dict
    provenance: dict = field(default_factory=dict)
    exponents: dict = field(default_factory=dict)

    @classmethod
    def from_model(cls, model, name, provenance=None):
        """Round the trained frozen core of a float model to int8 codes and return it as a Core.

        Args:
            model: float SemifreddoNet that was built with core=None.
            name: str. Name of the new core.
            provenance: dict or None. What the core was made from.
        """
        codes, scales, batch_norm = {}, {}, {}
        for layer in model.layers:
            if not layer.name.startswith("frozen."):
                continue
            key = cls.key(layer.name)
            if layer.name.endswith(".batch_norm"):
                batch_norm[key.removesuffix(".batch_norm")] = np.stack(layer.get_weights())
            elif layer.weights:
                codes[key], scales[key] = snap(layer.get_weights()[0], hasattr(layer, "depthwise_kernel"))
        return cls(name, codes, scales, batch_norm, provenance or {})

    @property
    def digest(self):
        """SHA-256 of names, shapes and codes, as hex: the same for two cores that tape out to the same silicon."""
        sha = hashlib.sha256()
        for layer in sorted(self.codes):
            sha.update(f"{layer} {self.codes[layer].shape}\n".encode())
            sha.update(self.codes[layer].tobytes())
        return sha.hexdigest()

    @property
    def stem_channels(self):
        return self.codes["stem"].shape[-1]

    @property
    def first_pointwise(self):
        """Whether its units begin with a pointwise convolution (section 5)."""
        return any(layer.endswith(".first") for layer in self.codes)

    @staticmethod
    def key(layer_name):
        """Returns the core's name of a Keras layer: each pass of a repeated module (Fig. 5) has the same kernels."""
        return re.sub(r"^quant_|frozen\.|\.pass\d+", "", layer_name)

    def kernel(self, layer_name):
        """Returns (codes, scales) of a Keras layer."""
        return self.codes[self.key(layer_name)], self.scales[self.key(layer_name)]

    def float_kernel(self, layer_name):
        """Returns the kernel of a Keras layer as its codes say it, float32."""
        codes, scales = self.kernel(layer_name)
        return codes * scales.reshape((-1, 1) if "depthwise" in layer_name else -1)

    def settled_exponents(self, model):
        """Returns {Keras layer: exponent} of a model's frozen core, as far as a task has settled them."""
        keys = {layer.name: self.key(layer.name) for layer in model.layers if layer.name.startswith("frozen.")}
        return {layer: self.exponents[key] for layer, key in keys.items() if key in self.exponents}

    def first_unit(self, trainable):
        """Returns the core's layer that does what a trainable core's layer does, such as "stage2.left.pointwise"; or None.

        Stage 3's frozen unit has one branch: it stands for both of the trainable cores'.
        """
        stage, _, rest = trainable.partition(".")
        names = [trainable, f"{stage}.unit1.{rest}", f"{stage}.unit1.{rest.partition('.')[2]}"]
        return next((name for name in names if name in self.codes), None)

    def save(self, path):
        """Writes the core; the same core gives the same bytes."""
        header = {"format": _FORMAT, "name": self.name, "digest": self.digest, "provenance": self.provenance}
        header |= {"exponents": self.exponents} if self.exponents else {}
        arrays = {"header": np.frombuffer(json.dumps(header, sort_keys=True).encode(), np.uint8)}
        for part in ("codes", "scales", "batch_norm"):
            arrays |= {f"{part}/{layer}": array for layer, array in sorted(getattr(self, part).items())}
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)
        atomic_file.write(path, packed.getvalue())

    @classmethod
    def load(cls, name_or_path):
        """Reads a core that comes with the project (by name) or lies in a file (by path).

        Raises: RecipeError if there is none, if it is no core file, or if its codes do not match its digest.
        """
        path = Path(name_or_path)
        if path.suffix != ".npz":
            path = FOLDER / f"{name_or_path}.npz"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.npz"))) or "none"
            raise RecipeError(
                f"network.core is {str(name_or_path)!r}, but there is no file {path}. Expected the path of a core file "
                f"(.npz) or one of the project's cores: {known}."
            )
        try:
            with np.load(path) as arrays:
                header = json.loads(arrays["header"].tobytes())
                parts = {"codes": {}, "scales": {}, "batch_norm": {}}
                for key in arrays.files:
                    part, _, layer = key.partition("/")
                    if part in parts:
                        parts[part][layer] = arrays[key]
            if len({frozenset(part) for part in parts.values()}) > 1:
                raise ValueError("some layers lack codes, scales or batch-norm")
            core = cls(header["name"], **parts, provenance=header["provenance"], exponents=header.get("exponents", {}))
            if header["format"] != _FORMAT or core.digest != header["digest"]:
                raise ValueError("the digest does not match the codes")
        except Exception as error:  # zipfile, json and numpy raise many kinds of errors for a broken archive
            raise RecipeError(
                f"{path} is not a complete core file: {error}. Restore it, or train it again with recipe=core."
            ) from error
        return core


def settle(core, model, exponents, name, provenance=None):
    """Makes of a core, and of a task that was trained on it, the same core as that task computes it.

    Another task that takes it as it is, with batch-norms that do not train, can be joined with that task to one network.

    Args:
        core: Core.
        model: fixed8 model of the task.
        exponents: {Keras layer: exponent}, as fixed8.calibrate gives them.
    """
    batch_norm, ending = dict(core.batch_norm), ".batch_norm"
    for layer in model.layers:
        if layer.name.startswith("frozen.") and layer.name.endswith(ending):
            inner = getattr(layer, "layer", layer)  # in fixed8 each layer is wrapped
            batch_norm[Core.key(layer.name.removesuffix(ending))] = np.stack(inner.get_weights())
    settled = {Core.key(layer): exponent for layer, exponent in exponents.items() if layer.startswith("frozen.")}
    return Core(name, core.codes, core.scales, batch_norm, provenance or {}, settled)


def snap(kernel, depthwise=False):
    """Rounds a kernel to int8 codes with one scale an output channel.

    Args:
        kernel: float32 (kernel, kernel, in, out), or depthwise (kernel, kernel, channels, 1).
        depthwise: which of the two; the shape does not say it of a convolution with one output.
    Returns: codes int8 in [-127, 127] of that shape, scales float32 (out,).
    """
    channels_last = kernel.reshape(-1, kernel.shape[2 if depthwise else 3])
    largest = np.maximum(np.abs(channels_last).max(axis=0), np.finfo(np.float32).tiny * 127)
    scales = (largest / 127).astype(np.float32)
    codes = np.clip(np.rint(channels_last / scales), -127, 127).astype(np.int8)
    return codes.reshape(kernel.shape), scales
