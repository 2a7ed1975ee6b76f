"""Quantisation-aware training in 8-bit signed fixed point (section 3), with the wrappers and quantizers of
tensorflow-model-optimization (tfmot).

Activations are int8 codes of scale 2^-exponent with zero point 0. Kernels are codes in [-127, 127]
with one scale per output channel. Tensors between which bytes only move (split, concat, shuffles,
pooling) share one exponent: they are a scale group. Calibration chooses the exponents once. They
are constants, so ranges do not drift during training.
"""

import math

import numpy as np

from sfkeras.tensorflow import require_float32, tf  # before what is built on it

# isort: split
import tensorflow_model_optimization as tfmot
from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import (
    QuantizeWrapper,
    QuantizeWrapperV2,
)

from sfkeras.nn.arguments import require_float, suitable
from sfkeras.nn.layers import (
    AlphaBlend,
    ChannelShuffle,
    ChannelSplit,
    ClassCosines,
    CoreShuffle,
    FrozenConv2D,
    FrozenDepthwiseConv2D,
    GreyToRGB,
    fixed8,
)
from sfkeras.nn.quantisation import ordinary
from sfkeras.nn.quantisation.piecewise import PiecewiseLinear
from sfkeras.nn.saved import SfkerasModel

keras = tf.keras
register = keras.utils.register_keras_serializable("sfkeras")

INPUT_EXPONENT = 7  # a pixel's code is value - 128, so the network's input is in [-1, 1)
_CANDIDATES = range(-3, 12)
_SAMPLES = 50_000  # calibration reads at most about twice as many values per tensor and batch
_BATCH = 32  # images per calibration batch of an array
# These layers move bytes or, as pools, keep the scale: their inputs and outputs share an exponent.
_MOVING = (
    ChannelSplit,
    ChannelShuffle,
    CoreShuffle,
    GreyToRGB,
    keras.layers.Concatenate,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.MaxPooling2D,
    keras.layers.ZeroPadding2D,
)
_MEANS = (keras.layers.AveragePooling2D, keras.layers.GlobalAveragePooling2D)
_ROUNDED = (keras.layers.ReLU, *_MEANS, AlphaBlend, PiecewiseLinear)
_BEFORE_RELU = (keras.layers.BatchNormalization, keras.layers.Add, keras.layers.Conv2D, keras.layers.DepthwiseConv2D)

_WITHOUT_OWN_SCALE = (
    keras.layers.InputLayer,
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.Add,
    keras.layers.BatchNormalization,
    keras.layers.Flatten,
    keras.layers.Softmax,
    FrozenConv2D,
    FrozenDepthwiseConv2D,
    ClassCosines,
)


# ---- scale groups and calibration


def producers(model):
    """Return the layers whose outputs are rounded to int8, in order.

    A convolution with its batch-norm and relu is one operator of the integer graph. Only its last
    layer is rounded.
    """
    return [layer for layer in model.layers if _is_rounded(layer)]


def require_layers(model):
    """Refuse a model with a layer that fixed8 would leave in float. Raises: ValueError that names it."""
    require_float(model)
    for layer in model.layers:
        linear = isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.linear
        if not isinstance(layer, (*_MOVING, *_ROUNDED, *_WITHOUT_OWN_SCALE)) and not linear:
            raise ValueError(
                f"layer {layer.name} is a {type(layer).__name__}, which fixed8 does not quantise. Expected convolutions, "
                "batch-norms, ReLU, pools, concatenations and layers of sfkeras. A dense layer can be a 1x1 convolution."
            )


def _is_rounded(layer):
    if isinstance(layer, _ROUNDED):
        return True
    if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)) and not layer.use_bias:
        return False  # a batch-norm follows
    followed = any(isinstance(node.outbound_layer, keras.layers.ReLU) for node in layer.outbound_nodes)
    return isinstance(layer, _BEFORE_RELU) and not followed


def scale_groups(model):
    """Return the names of the producers in groups that must share one exponent: list of lists."""
    parent = {}

    def root(tensor):
        while parent.setdefault(tensor, tensor) != tensor:
            tensor = parent[tensor]
        return tensor

    for layer in model.layers:
        for tensors in _moved(layer):
            moved = [root(id(tensor)) for tensor in tensors]
            parent |= dict.fromkeys(moved, moved[0])
    groups = {}
    for layer in producers(model):
        groups.setdefault(root(id(layer.output)), []).append(layer.name)
    return list(groups.values())


def _moved(layer):
    """Return lists of tensors between which a layer only moves bytes."""
    if isinstance(layer, CoreShuffle) and not layer.on:
        return list(zip(layer.input, layer.output))
    if isinstance(layer, _MOVING):
        return [tf.nest.flatten([layer.input, layer.output])]
    if isinstance(layer, AlphaBlend) and layer.alpha in (0, 1):  # returns the features of one core
        return [[layer.input[1 - int(layer.alpha)], layer.output]]
    return []


def calibrate(model, images, known=None):
    """Choose the exponent of each scale group: the one with the smallest squared rounding error on
    images.

    Args:
        model: float SemifreddoNet.
        images: iterable of batches (batch, height, width, channels), float32.
        known: {layer name: exponent} or None. A known exponent is kept, for its whole scale group.
    Returns: {layer name: exponent} of all producers.
    Raises: ValueError if fixed8 would leave a layer in float, or the model has no layer to round.
    """
    require_layers(model)
    known = known or {}
    layers = producers(model)
    if not layers:
        raise ValueError(
            f"{model.name} has no layer that is rounded to int8: no convolution with batch-norm, ReLU or bias. Expected a "
            "SemifreddoNet, or a built model of such layers."
        )
    watch = keras.Model(model.input, [layer.output for layer in layers])
    errors = {layer.name: np.zeros(len(_CANDIDATES)) for layer in layers}
    for batch in images:
        for layer, values in zip(layers, watch.predict_on_batch(batch)):
            values = values.ravel()[:: max(1, values.size // _SAMPLES)]
            errors[layer.name] += _rounding_errors(values)
    exponents = {}
    for group in scale_groups(model):
        best = _CANDIDATES[int(np.argmin(sum(errors[name] for name in group)))]
        settled = [known[name] for name in group if name in known]
        exponents |= dict.fromkeys(group, settled[0] if settled else best)
    return exponents


def _rounding_errors(values):
    """Return the squared rounding error of each candidate, in two arrays that are used again."""
    values, errors = np.ascontiguousarray(values), []
    scaled, codes = np.empty_like(values), np.empty_like(values)
    for exponent in _CANDIDATES:
        np.multiply(values, 2.0**exponent, out=scaled)
        np.rint(scaled, out=codes)
        np.clip(codes, -128, 127, out=codes)
        np.subtract(scaled, codes, out=codes)
        np.square(codes, out=codes)
        errors.append(float(codes.sum()) * 4.0**-exponent)
    return errors


# ---- the quantizers


@register
class Activation(tfmot.quantization.keras.quantizers.Quantizer):
    """Round a layer's output to int8 of scale 2^-exponent."""

    def __init__(self, exponent):
        self.exponent = exponent

    def build(self, tensor_shape, name, layer):
        return {}

    def __call__(self, inputs, training, weights, **kwargs):
        return fixed8(inputs, self.exponent)

    def get_config(self):
        return {"exponent": self.exponent}


@register
class Mean(Activation):
    """Round a pool's mean to int8, halves away from zero as AVERAGE_POOL_2D does.

    The gradient passes.
    """

    def __call__(self, inputs, training, weights, **kwargs):
        codes = inputs * 2.0**self.exponent  # in the range of int8, as a mean of int8 codes
        rounded = tf.sign(codes) * tf.floor(tf.abs(codes) + 0.5) * 2.0**-self.exponent
        return inputs + tf.stop_gradient(rounded - inputs)


@register
class Kernel(tfmot.quantization.keras.quantizers.Quantizer):
    """Round a kernel to codes with one scale per output channel (depthwise: per channel).

    The codes are in [-127, 127], or less far from 0 with fewer bits: [-7, 7] with 4.
    """

    def __init__(self, depthwise=False, bits=8):
        self.depthwise, self.bits = depthwise, bits

    def build(self, tensor_shape, name, layer):
        return {}

    def __call__(self, inputs, training, weights, **kwargs):
        channels_last = tf.reshape(inputs, inputs.shape[:-1]) if self.depthwise else inputs
        largest = tf.stop_gradient(tf.reduce_max(tf.abs(channels_last), axis=range(channels_last.shape.rank - 1)))
        largest = tf.maximum(largest, np.finfo(np.float32).tiny * 127)
        rounded = tf.quantization.fake_quant_with_min_max_vars_per_channel(
            channels_last, -largest, largest, self.bits, narrow_range=True
        )
        return tf.reshape(rounded, inputs.shape)

    def get_config(self):
        return {"depthwise": self.depthwise, "bits": self.bits}


@register
class Fixed8Config(tfmot.quantization.keras.QuantizeConfig):
    """How one layer is quantised: its kernel if that trains, and its output if it has an exponent.

    A frozen kernel already is int8 codes times scales. It is not listed here, because tfmot would
    make it trainable.
    """

    def __init__(self, exponent=None, bits=8):
        self.exponent, self.bits = exponent, bits

    @staticmethod
    def _kernel_name(layer):
        return "depthwise_kernel" if isinstance(layer, keras.layers.DepthwiseConv2D) else "kernel"

    def get_weights_and_quantizers(self, layer):
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            name = self._kernel_name(layer)
            kernel = getattr(layer, name)  # None if all filters are frozen
            return [] if kernel is None else [(kernel, Kernel(name == "depthwise_kernel", self.bits))]
        return []

    def set_quantize_weights(self, layer, quantize_weights):
        for kernel in quantize_weights:
            setattr(layer, self._kernel_name(layer), kernel)

    def get_activations_and_quantizers(self, layer):
        return []

    def set_quantize_activations(self, layer, quantize_activations):
        pass

    def get_output_quantizers(self, layer):
        if self.exponent is None:
            return []
        rounding = Mean if isinstance(layer, _MEANS) else Activation
        return [rounding(self.exponent)]

    def get_config(self):
        return {"exponent": self.exponent, "bits": self.bits}


@register
class Fixed8Layer(QuantizeWrapperV2):
    """A layer and how it is quantised: tfmot's wrapper.

    Here the layer is built first, as when a saved model is loaded. Else its weights would be listed
    otherwise after loading, and Keras would refuse them.
    """

    def build(self, input_shape):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        super().build(input_shape)


def quantise(model, images=None, *, exponents=None):
    """Return a fixed8 copy of a float model, for quantisation-aware training (section 3).

    Training and inference of the copy round every kernel and activation as the int8 network does.
    Its variables are new ones that start with the float model's values.

    Args:
        model: float model, as SemifreddoNet returns it, or an ordinary model of convolutions, dense
            layers, batch-norms, ReLU, pools and sums (see ordinary.py). Layer names stay the same.
        images: float32 array (images, height, width, channels), or an iterable of such batches, or
            None. Calibration chooses the exponents on them. Values are from -1 to 1: (pixel - 128) / 128.
        exponents: {layer name: int} or None. Exponents to use instead of calibrated ones, for
            example those that `calibrate` returned earlier. With images it may be incomplete.
    Returns: tf.keras.Model with the same inputs and outputs.
    Raises: ValueError if there are no images and a layer has no exponent, the images do not suit the
        model, or fixed8 would leave a layer in float.

    Example:
        >>> import numpy as np, sfkeras
        >>> model = sfkeras.SemifreddoNet((32, 32, 1), cores=1, frozen=False, width=0.25)
        >>> images = np.zeros((4, 32, 32, 1), "float32")
        >>> fixed8_model = sfkeras.quantise(model, images)
        >>> fixed8_model.output["core1"].shape
        TensorShape([None, 2, 2, 64])
    """
    require_float32()
    require_float(model)
    if ordinary.is_ordinary(model) and not _is_calibrated(model, exponents):
        model = ordinary.rewritten(model)
    require_layers(model)
    exponents = _clamped(model) | dict(exponents or {})
    if images is not None:
        batches = [images[i : i + _BATCH] for i in range(0, len(images), _BATCH)] if hasattr(images, "ndim") else images
        exponents |= calibrate(model, (suitable(model, batch) for batch in batches), exponents)
    if missing := [layer.name for layer in producers(model) if layer.name not in exponents]:
        raise ValueError(
            f"{len(missing)} layers have no exponent (first: {missing[0]}). Expected one per layer that `calibrate` "
            "returns. Pass images to calibrate on."
        )

    def wrapped(layer):
        config, exponent = layer.get_config(), exponents.get(layer.name)
        if isinstance(layer, AlphaBlend):  # it rounds its own products and sum
            config, exponent = {**config, "exponent": exponent}, None
        return Fixed8Layer(type(layer).from_config(config), Fixed8Config(exponent), name_prefix="")

    return _copy(model, wrapped)


def _is_calibrated(model, exponents):
    """Return whether the exponents are those of the model as it is, as `calibrate` returned them."""
    return bool(exponents) and set(exponents) == {layer.name for layer in producers(model)}


def _clamped(model):
    """Return the exponent of each ReLU6 of a model with frozen codes: {layer name: int}.

    The code at which it clamps is part of the datapath, so it must not depend on a task's images.
    """
    if not frozen_codes(model):
        return {}
    highest = {layer.name: layer.max_value for layer in model.layers if isinstance(layer, keras.layers.ReLU)}
    return {name: 7 - math.ceil(math.log2(value)) for name, value in highest.items() if value is not None}


def round_frozen_kernels(model, bits):
    """Return a copy of a float model whose frozen core trains with codes of fewer bits.

    Each of its kernels is rounded in every step, so that a core of these codes can be taken from it.

    Args:
        model: float SemifreddoNet that was built with core=None.
        bits: int from 2 to 8. Codes are in [-(2^(bits-1) - 1), 2^(bits-1) - 1].
    """

    def wrapped(layer):
        copy = type(layer).from_config(layer.get_config())
        kernel = isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D))
        if not (kernel and layer.name.startswith("frozen.")):
            return copy
        return Fixed8Layer(copy, Fixed8Config(bits=bits), name_prefix="")

    return _copy(model, wrapped)


@tf.autograph.experimental.do_not_convert  # no layer needs it, and it takes half a second
def _copy(model, clone_function):
    """Return a copy of a model with the same weights, whose layers a function makes, some in a wrapper.

    tfmot's own quantize_apply makes five copies, one after the other.
    """
    copy = keras.models.clone_model(model, clone_function=clone_function)
    for layer in model.layers:
        made = copy.get_layer(layer.name)
        variables = [weight for weight in made.weights if weight is not getattr(made, "optimizer_step", None)]
        keras.backend.batch_set_value(zip(variables, layer.get_weights(), strict=True))
    return SfkerasModel(copy.input, copy.output, name=model.name)


# ---- looking into a model, float or quantised


def unwrapped(layer):
    """Return the layer itself, without tfmot's quantisation wrapper."""
    return layer.layer if isinstance(layer, QuantizeWrapper) else layer


def frozen_codes(model):
    """Return {layer: int8 codes} of a model's frozen layers. Training never changes them."""
    inner = map(unwrapped, model.layers)
    return {layer.name: layer.codes.numpy() for layer in inner if hasattr(layer, "codes")}


def trainable_kernel(layer):
    """Return the kernel variable of a convolution that trains, (height, width, ...), else None."""
    inner = unwrapped(layer)
    if not inner.trainable or type(inner) not in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D):
        return None
    # In tfmot's wrapper `layer.kernel` is the rounded tensor. The variable has four axes.
    return next(weight for weight in layer.trainable_weights if weight.shape.rank == 4)
