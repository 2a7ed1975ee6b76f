"""Quantisation-aware training in 8-bit signed fixed point (section 3), as a scheme of tensorflow-model-optimization.

Activations are int8 codes of scale 2^-exponent with zero point 0; kernels are codes in [-127, 127] with one scale an
output channel. Tensors between which bytes only move (split, concat, shuffles, pooling) share one exponent: a scale
group. The exponents are constants that calibration finds once, so nothing about the ranges drifts in training.
"""

import numpy as np

from sfkeras.tensorflow import tf  # before what is built on it

# isort: split
import tensorflow_model_optimization as tfmot
from tensorflow_model_optimization.python.core.quantization.keras import (
    quantize_layout_transform,
    quantize_registry,
    quantize_scheme,
)
from tensorflow_model_optimization.python.core.quantization.keras.quantize_annotate import QuantizeAnnotate
from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapper

from sfkeras.nn.layers import AlphaBlend, ChannelShuffle, ChannelSplit, CoreShuffle, GreyToRGB, fixed8
from sfkeras.nn.piecewise import PiecewiseLinear

keras = tf.keras
register = keras.utils.register_keras_serializable("sfkeras")

INPUT_EXPONENT = 7  # a pixel's code is its value - 128, so the network sees [-1, 1)
_CANDIDATES = range(-3, 12)
_SAMPLES = 50_000  # values of a tensor, a batch, that calibration looks at
# Layers that only move bytes, and the pools, whose mean or largest keeps its scale: all tensors at them share an exponent.
_MOVING = (
    ChannelSplit,
    ChannelShuffle,
    CoreShuffle,
    GreyToRGB,
    keras.layers.Concatenate,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.MaxPooling2D,
)
_ROUNDED = (keras.layers.ReLU, keras.layers.GlobalAveragePooling2D, AlphaBlend, PiecewiseLinear)


# ---- scale groups and calibration


def producers(model):
    """Returns the layers whose outputs are rounded to int8, in order.

    A convolution and its batch-norm (and relu) are one operator of the integer graph: only its end is rounded.
    """
    return [layer for layer in model.layers if _is_rounded(layer)]


def _is_rounded(layer):
    if isinstance(layer, keras.layers.BatchNormalization):
        return not any(isinstance(node.outbound_layer, keras.layers.ReLU) for node in layer.outbound_nodes)
    head = isinstance(layer, keras.layers.Conv2D) and layer.use_bias
    return head or isinstance(layer, _ROUNDED)


def scale_groups(model):
    """Returns the producers' names in groups that must share one exponent: list of lists."""
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
    """Lists of tensors between which a layer only moves bytes."""
    if isinstance(layer, CoreShuffle) and not layer.on:
        return list(zip(layer.input, layer.output))
    if isinstance(layer, _MOVING):
        return [tf.nest.flatten([layer.input, layer.output])]
    if isinstance(layer, AlphaBlend) and layer.alpha in (0, 1):  # takes one core as it is
        return [[layer.input[1 - int(layer.alpha)], layer.output]]
    return []


def calibrate(model, images, known=None):
    """Chooses the exponent of each scale group: the one with the least squared rounding error on real images.

    Args:
        model: float SemifreddoNet.
        images: iterable of batches (batch, height, width, channels), float32.
        known: {layer name: exponent} of producers whose exponent is settled, and so that of their groups.
    Returns: {layer name: exponent} of all producers.
    """
    layers = producers(model)
    watch = keras.Model(model.input, [layer.output for layer in layers])
    errors = {layer.name: np.zeros(len(_CANDIDATES)) for layer in layers}
    for batch in images:
        for layer, values in zip(layers, watch.predict_on_batch(batch)):
            values = values.ravel()[:: max(1, values.size // _SAMPLES)]
            errors[layer.name] += [_rounding_error(values, exponent) for exponent in _CANDIDATES]
    exponents = {}
    for group in scale_groups(model):
        best = _CANDIDATES[int(np.argmin(sum(errors[name] for name in group)))]
        settled = [known[name] for name in group if known and name in known]
        exponents |= dict.fromkeys(group, settled[0] if settled else best)
    return exponents


def _rounding_error(values, exponent):
    codes = np.clip(np.rint(values * 2.0**exponent), -128, 127)
    return float(np.square(values - codes * 2.0**-exponent).sum())


# ---- the tfmot scheme


@register
class Activation(tfmot.quantization.keras.quantizers.Quantizer):
    """Rounds a layer's output to int8 of scale 2^-exponent."""

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
    """Rounds a pool's mean to int8, halves away from zero as AVERAGE_POOL_2D does; the gradient passes."""

    def __call__(self, inputs, training, weights, **kwargs):
        codes = inputs * 2.0**self.exponent  # within int8, for it is a mean of int8 codes
        rounded = tf.sign(codes) * tf.floor(tf.abs(codes) + 0.5) * 2.0**-self.exponent
        return inputs + tf.stop_gradient(rounded - inputs)


@register
class Kernel(tfmot.quantization.keras.quantizers.Quantizer):
    """Rounds a kernel to codes in [-127, 127] with one scale an output channel (depthwise: a channel)."""

    def __init__(self, depthwise=False):
        self.depthwise = depthwise

    def build(self, tensor_shape, name, layer):
        return {}

    def __call__(self, inputs, training, weights, **kwargs):
        channels_last = tf.reshape(inputs, inputs.shape[:-1]) if self.depthwise else inputs
        largest = tf.stop_gradient(tf.reduce_max(tf.abs(channels_last), axis=range(channels_last.shape.rank - 1)))
        largest = tf.maximum(largest, np.finfo(np.float32).tiny * 127)
        rounded = tf.quantization.fake_quant_with_min_max_vars_per_channel(
            channels_last, -largest, largest, narrow_range=True
        )
        return tf.reshape(rounded, inputs.shape)

    def get_config(self):
        return {"depthwise": self.depthwise}


@register
class Fixed8Config(tfmot.quantization.keras.QuantizeConfig):
    """How one layer is quantised: its kernel if that trains, its output if it has an exponent.

    A frozen layer's kernel is made of its int8 codes and needs no rounding; to name it here would make it trainable.
    """

    def __init__(self, exponent=None):
        self.exponent = exponent

    @staticmethod
    def _kernel_name(layer):
        return "depthwise_kernel" if isinstance(layer, keras.layers.DepthwiseConv2D) else "kernel"

    def get_weights_and_quantizers(self, layer):
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            name = self._kernel_name(layer)
            return [(getattr(layer, name), Kernel(depthwise=name == "depthwise_kernel"))]
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
        rounding = Mean if isinstance(layer, keras.layers.GlobalAveragePooling2D) else Activation
        return [rounding(self.exponent)]

    def get_config(self):
        return {"exponent": self.exponent}


class Fixed8Scheme(quantize_scheme.QuantizeScheme):
    """Keeps the layout and guesses nothing: every layer is annotated with its own Fixed8Config."""

    def get_layout_transformer(self):
        return _SameLayout()

    def get_quantize_registry(self):
        return _NoGuesses()


class _SameLayout(quantize_layout_transform.QuantizeLayoutTransform):
    def apply(self, model, layer_quantize_map):
        # A fresh copy, because the variables that tfmot hands over have lost the names of their layers.
        return _copy(model, lambda layer: type(layer).from_config(layer.get_config())), layer_quantize_map


class _NoGuesses(quantize_registry.QuantizeRegistry):
    def supports(self, layer):
        return False

    def get_quantize_config(self, layer):
        raise ValueError(f"{layer.name} is not annotated; fixed8 quantises by annotation alone")


def quantise(model, exponents):
    """Returns a copy of a float SemifreddoNet that trains as its int8 form computes.

    Args:
        model: float model, as backbone.SemifreddoNet builds it; its layers keep their names.
        exponents: {layer name: exponent}, as `calibrate` gives them.
    """

    def annotate(layer):
        config = layer.get_config()
        exponent = exponents.get(layer.name)
        if isinstance(layer, AlphaBlend):  # rounds its own products and sum
            config, exponent = {**config, "exponent": exponent}, None
        copy = type(layer).from_config(config)
        return tfmot.quantization.keras.quantize_annotate_layer(copy, Fixed8Config(exponent))

    with keras.utils.custom_object_scope({"QuantizeAnnotate": QuantizeAnnotate}):
        annotated = _copy(model, annotate)
        return tfmot.quantization.keras.quantize_apply(annotated, Fixed8Scheme(), quantized_layer_name_prefix="")


# ---- looking into a model, float or quantised


def unwrapped(layer):
    """The layer itself, without tfmot's quantisation wrapper."""
    return layer.layer if isinstance(layer, QuantizeWrapper) else layer


def frozen_codes(model):
    """Returns {layer: int8 codes} as they are in a model now: what must never change."""
    inner = map(unwrapped, model.layers)
    return {layer.name: layer.codes.numpy() for layer in inner if hasattr(layer, "codes")}


def trainable_kernel(layer):
    """The kernel variable of a convolution that trains, shape (height, width, ...), else None."""
    inner = unwrapped(layer)
    if not inner.trainable or type(inner) not in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D):
        return None
    # Under tfmot `layer.kernel` is the rounded tensor; the variable is the one weight with four axes.
    return next(weight for weight in layer.trainable_weights if weight.shape.rank == 4)


def _copy(model, clone_function):
    copy = keras.models.clone_model(model, clone_function=clone_function)
    copy.set_weights(model.get_weights())
    return copy
