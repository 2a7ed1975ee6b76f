"""The layers that SemifreddoNets add to Keras: blending, shuffling and frozen convolutions."""

import math

import numpy as np

from sfkeras.tensorflow import tf

register = tf.keras.utils.register_keras_serializable("sfkeras")

# In fixed8, alpha and 1 - alpha are int8 codes on a grid of 2^-7 that add to 128 (1.0).
ALPHA_BITS = 7


@register
class AlphaBlend(tf.keras.layers.Layer):
    """Blends frozen and trainable features channel by channel (section 3.2, equation 1).

    y = alpha * frozen + (1 - alpha) * trainable, with alpha = sigmoid(w) and one w a channel.

    Args:
        alpha: float in [0, 1] or None. Fixes every alpha: 0 separates the cores, 0.5 makes the trainable core a residual
            extractor. None trains w.
        alpha_start: float in (0, 1) or None. Where every alpha that trains starts: at that number, without noise, since
            the channels differ by themselves. None starts w at random, which puts two thirds of the alphas within 0.5 +- 0.12.
        exponent: int or None. Set by fixed8: products and sum are rounded to int8 of scale 2^-exponent.
    Call arguments: [frozen, trainable], each (batch, height, width, channels), float32.
    Returns: (batch, height, width, channels), float32.
    Raises: ValueError if the two shapes differ, alpha is outside [0, 1] or alpha_start is outside (0, 1).
    """

    def __init__(self, alpha=None, exponent=None, alpha_start=None, **kwargs):
        super().__init__(**kwargs)
        if alpha is not None and not 0 <= alpha <= 1:
            raise ValueError(f"{self.name}: alpha must be None or in [0, 1], got {alpha!r}")
        if alpha_start is not None and not 0 < alpha_start < 1:
            raise ValueError(f"{self.name}: alpha_start must be None or between 0 and 1, got {alpha_start!r}")
        self.alpha = alpha
        self.alpha_start = alpha_start
        self.exponent = exponent

    def build(self, input_shape):
        frozen, trainable = input_shape
        if tuple(frozen) != tuple(trainable):
            raise ValueError(
                f"{self.name}: frozen and trainable features must have one shape, got {frozen} and {trainable}"
            )
        if self.alpha is None:
            self.w = self.add_weight("w", (frozen[-1],), initializer=self._start())
        super().build(input_shape)

    def _start(self):
        if self.alpha_start is None:
            return tf.keras.initializers.RandomNormal(stddev=0.5)
        return tf.keras.initializers.Constant(math.log(self.alpha_start / (1 - self.alpha_start)))  # sigmoid's inverse

    def alphas(self):
        """Returns alpha of each channel, float32, or the one fixed alpha."""
        return tf.constant(self.alpha, tf.float32) if self.alpha is not None else tf.sigmoid(self.w)

    def call(self, inputs):
        frozen, trainable = inputs
        alpha = self.alphas()
        if self.exponent is None:
            return alpha * frozen + (1.0 - alpha) * trainable
        # Each factor is rounded from the float, so that the graph holds two constants and not one that is used twice.
        kept = round_through(alpha, ALPHA_BITS, 0 if self.alpha == 0 else 1, 128 if self.alpha == 1 else 127)
        products = fixed8(kept * frozen, self.exponent) + fixed8((1.0 - kept) * trainable, self.exponent)
        return fixed8(products, self.exponent)

    def get_config(self):
        own = {"alpha": self.alpha, "alpha_start": self.alpha_start, "exponent": self.exponent}
        return {**super().get_config(), **own}


def fixed8(x, exponent):
    """Rounds x to int8 codes of scale 2^-exponent; gradients pass where x is inside the range."""
    scale = 2.0**-exponent
    return tf.quantization.fake_quant_with_min_max_args(x, -128 * scale, 127 * scale)


def round_through(x, bits, low, high):
    """Rounds x to a multiple of 2^-bits between the codes low and high; the gradient passes as if it were not rounded."""
    rounded = tf.clip_by_value(tf.round(x * 2.0**bits), low, high) * 2.0**-bits
    return x + tf.stop_gradient(rounded - x)


@register
class ChannelSplit(tf.keras.layers.Layer):
    """Splits the channels into two halves (Fig. 4).

    Call arguments: (batch, height, width, channels), channels even.
    Returns: two tensors (batch, height, width, channels / 2): the half that passes, the half that is transformed.
    """

    def build(self, input_shape):
        if input_shape[-1] % 2:
            raise ValueError(f"{self.name}: channels must be even to be split into halves, got {input_shape[-1]}")
        super().build(input_shape)

    def call(self, inputs):
        return tf.split(inputs, 2, axis=-1)


@register
class ChannelShuffle(tf.keras.layers.Layer):
    """Interleaves groups of channels uniformly (Fig. 4): channel i of group g moves to i * groups + g.

    Args:
        groups: int, divides the channels.
    Call arguments and returns: (batch, height, width, channels).
    """

    def __init__(self, groups=2, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups

    def build(self, input_shape):
        if input_shape[-1] % self.groups:
            raise ValueError(f"{self.name}: {input_shape[-1]} channels do not divide into {self.groups} groups")
        super().build(input_shape)

    def order(self, channels):
        """Returns, for each output channel, the input channel that it is: int array (channels,)."""
        return np.arange(channels).reshape(self.groups, -1).T.ravel()

    def call(self, inputs):
        batch, height, width, channels = tf.unstack(tf.shape(inputs))
        grouped = tf.reshape(inputs, [batch, height * width, self.groups, inputs.shape[-1] // self.groups])
        shuffled = tf.transpose(grouped, [0, 1, 3, 2])
        return tf.ensure_shape(tf.reshape(shuffled, [batch, height, width, channels]), inputs.shape)

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}


@register
class CoreShuffle(tf.keras.layers.Layer):
    """Swaps half of the feature maps between trainable cores (section 3.2, Fig. 3).

    Each core keeps the first half of its maps and takes the second half of the next core's; two cores simply swap.

    Args:
        on: false lets every core keep its own maps: the switch that a task sets in hardware.
    Call arguments: a list of n >= 2 tensors (batch, height, width, channels), one a core, channels even.
    Returns: a list of n tensors of the same shape.
    """

    def __init__(self, on=True, **kwargs):
        super().__init__(**kwargs)
        self.on = on

    def build(self, input_shape):
        if len({tuple(shape) for shape in input_shape}) != 1 or input_shape[0][-1] % 2:
            raise ValueError(
                f"{self.name}: cores must have one shape with an even number of channels, got {input_shape}"
            )
        super().build(input_shape)

    def call(self, inputs):
        if not self.on:
            return list(inputs)
        halves = [tf.split(core, 2, axis=-1) for core in inputs]
        following = halves[1:] + halves[:1]
        return [tf.concat([own[0], other[1]], axis=-1) for own, other in zip(halves, following)]

    def get_config(self):
        return {**super().get_config(), "on": self.on}


@register
class GreyToRGB(tf.keras.layers.Layer):
    """Feeds a grey image to all three inputs of the frozen stem, whose weights were taped out for colour.

    Call arguments: (batch, height, width, 1). Returns: (batch, height, width, 3).
    """

    def call(self, inputs):
        return tf.concat([inputs] * 3, axis=-1)


class _FrozenCodes:
    """Holds a kernel as int8 codes with one scale an output channel. Neither ever trains, under any wrapper."""

    def _add_codes(self, shape, scale_shape):
        add = lambda name, shape, dtype: self.add_weight(  # noqa: E731
            name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False
        )
        # Workers hand out first values by a collective operation that does not know int8.
        self.codes = add("codes", shape, tf.int32 if tf.distribute.has_strategy() else tf.int8)
        self.scales = add("scales", scale_shape, tf.float32)

    def freeze(self, codes, scales):
        """Takes int8 codes, shaped as the kernel, and float32 scales, one an output channel."""
        self.codes.assign(codes)
        self.scales.assign(np.reshape(scales, self.scales.shape))

    @property
    def frozen_kernel(self):
        return tf.cast(self.codes, tf.float32) * self.scales


@register
class FrozenConv2D(_FrozenCodes, tf.keras.layers.Layer):
    """A convolution whose kernel is taped out: int8 codes times one scale an output channel (section 3).

    Args:
        filters, kernel_size, strides: as in keras.layers.Conv2D; padding is "same", without bias.
    Call arguments: (batch, height, width, channels). Returns: (batch, height / strides, width / strides, filters).
    """

    def __init__(self, filters, kernel_size=1, strides=1, **kwargs):
        super().__init__(**{**kwargs, "trainable": False})
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides

    def build(self, input_shape):
        self._add_codes((self.kernel_size, self.kernel_size, input_shape[-1], self.filters), (self.filters,))
        super().build(input_shape)

    def call(self, inputs):
        return tf.nn.conv2d(inputs, self.frozen_kernel, self.strides, "SAME")

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "strides": self.strides}
        return {**super().get_config(), **own}


@register
class FrozenDepthwiseConv2D(_FrozenCodes, tf.keras.layers.Layer):
    """A depthwise convolution whose kernel is taped out: int8 codes times one scale a channel (section 3).

    Args:
        kernel_size, strides: as in keras.layers.DepthwiseConv2D; padding is "same", without bias.
    Call arguments: (batch, height, width, channels). Returns: (batch, height / strides, width / strides, channels).
    """

    def __init__(self, kernel_size=3, strides=1, **kwargs):
        super().__init__(**{**kwargs, "trainable": False})
        self.kernel_size, self.strides = kernel_size, strides

    def build(self, input_shape):
        channels = input_shape[-1]
        self._add_codes((self.kernel_size, self.kernel_size, channels, 1), (channels, 1))
        super().build(input_shape)

    def call(self, inputs):
        strides = [1, self.strides, self.strides, 1]
        return tf.nn.depthwise_conv2d(inputs, self.frozen_kernel, strides, "SAME")

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size, "strides": self.strides}


@register
class ClassCosines(tf.keras.layers.Layer):
    """The cosine of the angle between an embedding and a weight vector of each class (ArcFace, Deng et al. 2019, section 3).

    It serves training only: what is deployed ends with the embedding.

    Args:
        classes: how many people, 2 or more.
    Input shape: (batch, dimensions), float32; normalised here.
    Output shape: (batch, classes), float32, from -1 to 1.
    Raises: ValueError if there are fewer than two classes.
    """

    def __init__(self, classes, **kwargs):
        super().__init__(**kwargs)
        if classes < 2:
            raise ValueError(f"{self.name}: classes must be 2 or more, got {classes}")
        self.classes = classes

    def build(self, input_shape):
        shape = (input_shape[-1], self.classes)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        super().build(input_shape)

    def call(self, embeddings):
        return tf.matmul(tf.math.l2_normalize(embeddings, axis=-1), tf.math.l2_normalize(self.kernel, axis=0))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.classes)

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}
