"""Convolutions whose first filters are frozen, and ordinary Keras models with such convolutions (section 3.1, Fig. 1).

The filters of a trained network are in no particular order, so the first ones are as good as any that are
drawn at random. That they are the first makes of the others a slice, which is a convolution of its
own: in the integer graph, in C and in hardware a layer is a frozen convolution and one that a task sets.
"""

import numpy as np

from sfkeras.nn.blocks import SMALLEST_GAMMA, AtLeast
from sfkeras.nn.freezing.core import snap
from sfkeras.tensorflow import tf

keras = tf.keras
kinds = keras.layers
register = keras.utils.register_keras_serializable("sfkeras")


class _PartlyFrozen:
    """A kernel of which the first filters are int8 codes with one scale each, and the others train."""

    def _add_kernel(self, shape, axis):
        """Add the weights of a kernel whose output channels are on an axis. Returns: the part that trains, or None."""

        def part(filters):
            return (*shape[:axis], filters, *shape[axis + 1 :])

        self._axis, self.count = axis, shape[axis]
        if not 0 < self.frozen <= self.count:
            raise ValueError(f"{self.name}: frozen is {self.frozen}. Expected 1 to {self.count}, its filters.")
        add = lambda name, shape, dtype: self.add_weight(  # noqa: E731
            name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False
        )
        # Workers exchange initial values by a collective operation that does not support int8.
        self.codes = add("codes", part(self.frozen), tf.int32 if tf.distribute.has_strategy() else tf.int8)
        self.scales = add("scales", (self.frozen,), tf.float32)
        others = self.count - self.frozen
        return self.add_weight(name="kernel", shape=part(others), initializer="glorot_uniform") if others else None

    def _add_bias(self):
        bias = {"initializer": self.bias_initializer, "regularizer": self.bias_regularizer}
        self.bias = self.add_weight(name="bias", shape=(self.count,), **bias) if self.use_bias else None

    def _whole(self, trainable):
        """Return the whole kernel, whose last filters are given."""
        scales = tf.reshape(self.scales, [-1 if axis == self._axis else 1 for axis in range(4)])
        frozen = tf.cast(self.codes, tf.float32) * scales
        return frozen if trainable is None else tf.concat([frozen, trainable], axis=self._axis)

    def get_config(self):
        return {**super().get_config(), "frozen": self.frozen}


@register
class PartlyFrozenConv2D(_PartlyFrozen, kinds.Conv2D):
    """Convolve with a kernel whose first filters are frozen (section 3.1).

    Args:
        frozen: int from 1 to filters. The number of filters that are int8 codes, which never train.
        others: as of keras.layers.Conv2D. There are no groups.
    Call arguments: (batch, height, width, channels), float32.
    Returns: as keras.layers.Conv2D.
    Raises: ValueError if frozen is outside its range.
    """

    def __init__(self, filters, kernel_size, frozen, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.frozen = frozen

    def build(self, input_shape):
        self.kernel = self._add_kernel((*self.kernel_size, input_shape[-1], self.filters), 3)
        self._add_bias()
        self.built = True

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, self._whole(kernel))


@register
class PartlyFrozenDepthwiseConv2D(_PartlyFrozen, kinds.DepthwiseConv2D):
    """Convolve each channel with a filter of its own, of which the first are frozen (section 3.1).

    Args:
        frozen: int from 1 to channels. The number of filters that are int8 codes, which never train.
        others: as of keras.layers.DepthwiseConv2D, with depth_multiplier 1.
    Call arguments: (batch, height, width, channels), float32.
    Returns: as keras.layers.DepthwiseConv2D.
    Raises: ValueError if frozen is outside its range.
    """

    def __init__(self, kernel_size, frozen, **kwargs):
        super().__init__(kernel_size, **kwargs)
        self.frozen = frozen

    def build(self, input_shape):
        self.depthwise_kernel = self._add_kernel((*self.kernel_size, input_shape[-1], 1), 2)
        self._add_bias()
        self.built = True

    def call(self, inputs):
        window = {"strides": self.strides, "padding": self.padding, "dilation_rate": self.dilation_rate}
        outputs = keras.backend.depthwise_conv2d(inputs, self._whole(self.depthwise_kernel), **window)
        outputs = tf.nn.bias_add(outputs, self.bias) if self.use_bias else outputs
        return self.activation(outputs)


PARTLY_FROZEN = {kinds.Conv2D: PartlyFrozenConv2D, kinds.DepthwiseConv2D: PartlyFrozenDepthwiseConv2D}


def convolutions(model):
    """Return the convolutions of an ordinary model in the order of data flow, those of models inside it too.

    Raises: ValueError that names a convolution which cannot be frozen.
    """
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += convolutions(layer)
        elif type(layer) in PARTLY_FROZEN and getattr(layer, "groups", 1) == getattr(layer, "depth_multiplier", 1) == 1:
            found.append(layer)
        elif isinstance(layer, (*PARTLY_FROZEN, kinds.SeparableConv2D, kinds.Conv2DTranspose)):
            raise ValueError(
                f"layer {layer.name} is a {type(layer).__name__} that cannot be frozen. Expected Conv2D without groups, and "
                "DepthwiseConv2D with depth_multiplier 1; write a SeparableConv2D as these two"
            )
    return found


def freeze_filters(model, shares):
    """Return a copy of an ordinary model whose convolutions have a share of their filters frozen.

    A frozen filter becomes int8 codes and a scale. The batch-norm behind it keeps training, with a
    factor that stays positive: a negative one is moved into the filter first, which changes nothing
    that the model computes, apart from the rounding.

    Args:
        model: functional or Sequential model of ordinary layers, built.
        shares: a number from 0 to 1 per layer of `convolutions(model)`.
    Returns: tf.keras.Model of the same layers, with the same names.
    """
    frozen = {id(layer): round(share * _filters(layer)) for layer, share in zip(convolutions(model), shares)}
    return _copied(model, {key: count for key, count in frozen.items() if count})


def _filters(layer):
    return layer.get_weights()[0].shape[2 if isinstance(layer, kinds.DepthwiseConv2D) else 3]


def _copied(model, frozen):
    """Return a copy of a model. frozen: {id of a layer: number of its frozen filters}."""
    norms = {id(norm): convolution for norm, convolution in _normalised(model) if id(convolution) in frozen}

    def copied(layer):
        if isinstance(layer, keras.Model):
            return _copied(layer, frozen)
        config, kind = layer.get_config(), type(layer)
        if id(layer) in frozen:
            config, kind = {**config, "frozen": frozen[id(layer)]}, PARTLY_FROZEN[kind]
            for initial in ("groups", "kernel_initializer", "depthwise_initializer", "depth_multiplier"):
                config.pop(initial, None)
        if id(layer) in norms:
            config["gamma_constraint"] = AtLeast(SMALLEST_GAMMA)
        return kind.from_config(config)

    copy = keras.models.clone_model(model, clone_function=copied)
    signs = {}  # of the filters of a convolution
    for norm in (layer for layer in model.layers if id(layer) in norms):
        weights = norm.get_weights()
        if norm.scale:
            sign = np.where(weights[0] < 0, -1, 1).astype(np.float32)
            weights[0], weights[-2] = np.maximum(np.abs(weights[0]), SMALLEST_GAMMA), weights[-2] * sign
            signs[id(norms[id(norm)])] = sign
        copy.get_layer(norm.name).set_weights(weights)
    for layer in model.layers:
        if id(layer) in frozen:
            count, sign = frozen[id(layer)], signs.get(id(layer), np.float32(1))
            copy.get_layer(layer.name).set_weights(_frozen_weights(layer, count, sign))
        elif id(layer) not in norms and not isinstance(layer, keras.Model):
            copy.get_layer(layer.name).set_weights(layer.get_weights())
    return copy


def _normalised(model):
    """Yield (batch-norm, the convolution before it)."""
    for layer in model.layers:
        if isinstance(layer, kinds.BatchNormalization):
            before = layer.inbound_nodes[0].inbound_layers
            if getattr(before, "activation", None) is keras.activations.linear:
                yield layer, before


def _frozen_weights(layer, count, sign):
    """Return the weights of a partly frozen layer: kernel and bias that train, codes, scales."""
    kernel, *bias = layer.get_weights()
    depthwise = isinstance(layer, kinds.DepthwiseConv2D)
    axis = 2 if depthwise else 3
    kernel = kernel * (sign[..., None] if depthwise and sign.ndim else sign)
    frozen, others = np.split(kernel, [count], axis=axis)
    return [*([others] if others.size else []), *(each * sign for each in bias), *snap(frozen, depthwise)]
