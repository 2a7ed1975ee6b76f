"""The layers that SemifreddoNets add to Keras: blending, shuffling and frozen convolutions."""

import math

import numpy as np

from sfkeras.tensorflow import tf

register = tf.keras.utils.register_keras_serializable("sfkeras")

# In fixed8, alpha and 1 - alpha are int8 codes of scale 2^-7 whose sum is 128 (1.0).
ALPHA_BITS = 7


@register
class AlphaBlend(tf.keras.layers.Layer):
    """Blend frozen and trainable features channel by channel (section 3.2, equation 1).

    y = alpha * frozen + (1 - alpha) * trainable, with alpha = sigmoid(rate * w) and one w per channel.

    Args:
        alpha: float in [0, 1] or None. Fixes every alpha: 0 separates the cores, 0.5 makes the
            trainable core a residual extractor. None trains w.
        alpha_start: float in (0, 1) or None. Initial value of every alpha that trains. None starts
            w at random, so that two thirds of the alphas are within 0.5 +- 0.12.
        rate: float. How much faster the alphas move than with rate 1, under an optimizer whose
            steps do not depend on the size of the gradient, such as Adam.
        exponent: int or None. Set by fixed8: products and sum are rounded to int8 of scale
            2^-exponent.
    Call arguments: [frozen, trainable], each (batch, height, width, channels), float32.
    Returns: (batch, height, width, channels), float32.
    Raises: ValueError if the two shapes differ, alpha is outside [0, 1] or alpha_start is outside
        (0, 1).

    Example:
        >>> import numpy as np, sfkeras
        >>> frozen, trainable = np.full((2, 1, 1, 1, 4), [[[[[4.0]]]], [[[[8.0]]]]], "float32")
        >>> sfkeras.AlphaBlend(alpha=0.75)([frozen, trainable]).numpy().ravel()
        array([5., 5., 5., 5.], dtype=float32)
    """

    def __init__(self, alpha=None, exponent=None, alpha_start=None, rate=1.0, **kwargs):
        super().__init__(**kwargs)
        if alpha is not None and not 0 <= alpha <= 1:
            raise ValueError(f"{self.name}: alpha is {alpha!r}. Expected None or a number from 0 to 1.")
        if alpha_start is not None and not 0 < alpha_start < 1:
            raise ValueError(
                f"{self.name}: alpha_start is {alpha_start!r}. Expected None or a number above 0 and below 1."
            )
        self.alpha = alpha
        self.alpha_start = alpha_start
        self.exponent = exponent
        self.rate = rate

    def build(self, input_shape):
        frozen, trainable = input_shape
        if tuple(frozen) != tuple(trainable):
            raise ValueError(
                f"{self.name}: the frozen features are {frozen} and the trainable ones {trainable}. Expected equal shapes."
            )
        if self.alpha is None:
            self.w = self.add_weight("w", (frozen[-1],), initializer=self._start())
        super().build(input_shape)

    def _start(self):
        if self.alpha_start is None:
            return tf.keras.initializers.RandomNormal(stddev=0.5 / self.rate)
        w = math.log(self.alpha_start / (1 - self.alpha_start)) / self.rate  # sigmoid's inverse
        return tf.keras.initializers.Constant(w)

    def alphas(self):
        """Return the alphas, float32: (channels,), or a scalar if alpha is fixed."""
        return tf.constant(self.alpha, tf.float32) if self.alpha is not None else tf.sigmoid(self.rate * self.w)

    def call(self, inputs):
        frozen, trainable = inputs
        alpha = self.alphas()
        if self.exponent is None:
            return alpha * frozen + (1.0 - alpha) * trainable
        # Each factor is rounded from the float, so that the graph has a constant for each.
        kept = round_through(alpha, ALPHA_BITS, 0 if self.alpha == 0 else 1, 128 if self.alpha == 1 else 127)
        products = fixed8(kept * frozen, self.exponent) + fixed8((1.0 - kept) * trainable, self.exponent)
        return fixed8(products, self.exponent)

    def get_config(self):
        own = {"alpha": self.alpha, "alpha_start": self.alpha_start, "exponent": self.exponent}
        return {**super().get_config(), **own, "rate": self.rate}


def fixed8(x, exponent):
    """Round x to int8 codes of scale 2^-exponent. Gradients pass where x is inside the range."""
    scale = 2.0**-exponent
    return tf.quantization.fake_quant_with_min_max_args(x, -128 * scale, 127 * scale)


def round_through(x, bits, low, high):
    """Round x to a multiple of 2^-bits, codes from low to high. The gradient passes unchanged."""
    rounded = tf.clip_by_value(tf.round(x * 2.0**bits), low, high) * 2.0**-bits
    return x + tf.stop_gradient(rounded - x)


@register
class ChannelSplit(tf.keras.layers.Layer):
    """Split the channels into two halves (Fig. 4).

    Call arguments: (batch, height, width, channels), channels even.
    Returns: two tensors (batch, height, width, channels / 2). A unit passes the first on and
        transforms the second.
    Raises: ValueError if the number of channels is odd.

    Example:
        >>> import numpy as np, sfkeras
        >>> first, second = sfkeras.ChannelSplit()(np.float32([[[[1, 2, 3, 4]]]]))
        >>> second.numpy().ravel()
        array([3., 4.], dtype=float32)
    """

    def build(self, input_shape):
        if input_shape[-1] % 2:
            raise ValueError(f"{self.name}: the input has {input_shape[-1]} channels. Expected an even number.")
        super().build(input_shape)

    def call(self, inputs):
        return tf.split(inputs, 2, axis=-1)


@register
class ChannelShuffle(tf.keras.layers.Layer):
    """Interleave groups of channels uniformly (Fig. 4): channel i of group g moves to i * groups +
    g.

    Args:
        groups: int. Number of groups; a divisor of the number of channels.
    Call arguments: (batch, height, width, channels).
    Returns: a tensor of that shape.
    Raises: ValueError if the channels do not divide into the groups.

    Example:
        >>> import numpy as np, sfkeras
        >>> sfkeras.ChannelShuffle(2)(np.float32([[[[1, 2, 3, 4]]]])).numpy().ravel()
        array([1., 3., 2., 4.], dtype=float32)
    """

    def __init__(self, groups=2, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups

    def build(self, input_shape):
        if input_shape[-1] % self.groups:
            raise ValueError(
                f"{self.name}: the input has {input_shape[-1]} channels. Expected a multiple of groups, {self.groups}."
            )
        super().build(input_shape)

    def order(self, channels):
        """Return the input channel of each output channel: int array (channels,)."""
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
    """Swap half of the feature maps between trainable cores (section 3.2, Fig. 3).

    Each core keeps the first half of its maps and gets the second half of the next core's maps. The
    last core gets those of the first.

    Args:
        on: bool. False leaves every core its own maps. In hardware, a task sets this switch.
    Call arguments: list of n >= 2 tensors (batch, height, width, channels), one per core, channels
        even.
    Returns: list of n tensors of that shape.
    Raises: ValueError if the shapes differ or the number of channels is odd.

    Example:
        >>> import numpy as np, sfkeras
        >>> one, two = np.float32([[[[1, 2]]]]), np.float32([[[[3, 4]]]])
        >>> [core.numpy().ravel().tolist() for core in sfkeras.CoreShuffle()([one, two])]
        [[1.0, 4.0], [3.0, 2.0]]
    """

    def __init__(self, on=True, **kwargs):
        super().__init__(**kwargs)
        self.on = on

    def build(self, input_shape):
        if len({tuple(shape) for shape in input_shape}) != 1 or input_shape[0][-1] % 2:
            raise ValueError(
                f"{self.name}: the cores' features are {input_shape}. Expected equal shapes with an even number of channels."
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
    """Copy a grey image to three channels, because the frozen stem's weights are those for colour
    images.

    Call arguments: (batch, height, width, 1).
    Returns: (batch, height, width, 3).

    Example:
        >>> import numpy as np, sfkeras
        >>> sfkeras.GreyToRGB()(np.zeros((1, 32, 32, 1), "float32")).shape
        TensorShape([1, 32, 32, 3])
    """

    def call(self, inputs):
        return tf.concat([inputs] * 3, axis=-1)


class _FrozenCodes:
    """A kernel as int8 codes with one scale per output channel.

    Neither ever trains, under any wrapper.
    """

    def _add_codes(self, shape, scale_shape):
        add = lambda name, shape, dtype: self.add_weight(  # noqa: E731
            name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False
        )
        # Workers exchange initial values by a collective operation that does not support int8.
        self.codes = add("codes", shape, tf.int32 if tf.distribute.has_strategy() else tf.int8)
        self.scales = add("scales", scale_shape, tf.float32)

    def freeze(self, codes, scales):
        """Set the int8 codes, shaped as the kernel, and float32 scales, one per output channel."""
        self.codes.assign(codes)
        self.scales.assign(np.reshape(scales, self.scales.shape))

    @property
    def frozen_kernel(self):
        """The kernel, codes * scales, float32."""
        return tf.cast(self.codes, tf.float32) * self.scales


@register
class FrozenConv2D(_FrozenCodes, tf.keras.layers.Layer):
    """Convolve with a frozen kernel: int8 codes times one scale per output channel (section 3).

    Args:
        filters: int. Number of output channels.
        kernel_size: int. Side of the kernel in pixels.
        strides: int. Stride in both directions. Padding is "same" and there is no bias.
    Call arguments: (batch, height, width, channels), float32.
    Returns: (batch, height / strides, width / strides, filters), float32.

    Example:
        >>> import numpy as np, sfkeras
        >>> layer = sfkeras.FrozenConv2D(filters=1)
        >>> layer.build((None, 8, 8, 2))
        >>> layer.freeze(codes=np.int8([[[[2], [3]]]]), scales=np.float32([0.5]))
        >>> layer(np.ones((1, 1, 1, 2), "float32")).numpy().item(), len(layer.trainable_weights)
        (2.5, 0)
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
    """Convolve each channel with a frozen kernel: int8 codes times one scale per channel (section
    3).

    Args:
        kernel_size: int. Side of the kernel in pixels.
        strides: int. Stride in both directions. Padding is "same" and there is no bias.
    Call arguments: (batch, height, width, channels), float32.
    Returns: (batch, height / strides, width / strides, channels), float32.

    Example:
        >>> import numpy as np, sfkeras
        >>> layer = sfkeras.FrozenDepthwiseConv2D(strides=2)
        >>> layer(np.ones((1, 32, 32, 8), "float32")).shape, len(layer.trainable_weights)
        (TensorShape([1, 16, 16, 8]), 0)
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
    """Compute the cosine between an embedding and one weight vector per class (ArcFace, Deng et al.
    2019, section 3.1).

    Only training uses it. The deployed network ends with the embedding.

    Args:
        classes: int >= 2. Number of classes; for faces, of people.
    Call arguments: (batch, dimensions), float32. It is L2-normalised here.
    Returns: (batch, classes), float32, from -1 to 1.
    Raises: ValueError if there are fewer than two classes.

    Example:
        >>> import numpy as np, sfkeras
        >>> sfkeras.ClassCosines(3)(np.ones((5, 128), "float32")).shape
        TensorShape([5, 3])
    """

    def __init__(self, classes, **kwargs):
        super().__init__(**kwargs)
        if classes < 2:
            raise ValueError(f"{self.name}: classes is {classes}. Expected 2 or more.")
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
