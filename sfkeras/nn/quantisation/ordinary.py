"""An ordinary Keras model as one of the few layers that fixed8 quantises.

Batch-norms are folded into the convolutions before them, dense layers become convolutions of one
pixel, activations become layers of their own, and what only training needs (dropout) is left out. The
model computes the same.
"""

import numpy as np

from sfkeras.nn.freezing.partly_frozen import PARTLY_FROZEN, PartlyFrozenConv2D, PartlyFrozenDepthwiseConv2D
from sfkeras.nn.saved import SfkerasModel
from sfkeras.tensorflow import tf

keras = tf.keras
kinds = keras.layers

_LEFT_OUT = (
    kinds.ActivityRegularization,
    kinds.Dropout,
    kinds.GaussianDropout,
    kinds.GaussianNoise,
    kinds.SpatialDropout2D,
)
_CONVOLUTION = ("name", "filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "depth_multiplier")
_KEPT = (kinds.Add, kinds.AveragePooling2D, kinds.Concatenate, kinds.MaxPooling2D, kinds.ZeroPadding2D)


def is_ordinary(model):
    """Return whether a model has no layer of sfkeras but convolutions that `freeze` has made."""
    ours = (type(layer) for layer in model.layers if type(layer).__module__.startswith("sfkeras."))
    return all(kind in PARTLY_FROZEN.values() or issubclass(kind, keras.Model) for kind in ours)


def rewritten(model):
    """Return a model of convolutions with bias, ReLU, pools, sums, concatenations and zero padding that computes the
    same as an ordinary float model.

    Args:
        model: functional or Sequential model, built, with float32 images as its input. Models inside it are opened.
    Returns: tf.keras.Model. Layers keep their names.
    Raises: ValueError that names the layer that has no such form.
    """
    writer = _Writer()
    inputs = [kinds.Input(each.shape[1:], name=each.name) for each in model.inputs]
    outputs = [writer.closed(output) for output in writer.follow(model, inputs)]
    copy = SfkerasModel(_one_or_all(inputs), _one_or_all(outputs), name=model.name)
    for name, weights in writer.weights.items():
        copy.get_layer(name).set_weights(weights)
    return copy


def _one_or_all(tensors):
    """Return the only tensor, or the list."""
    return tensors[0] if len(tensors) == 1 else tensors


class _Convolution:
    """A convolution that is not written yet, because a batch-norm may follow."""

    def __init__(self, layer, source, kernel, bias, frozen=()):
        self.layer, self.source, self.kernel, self.bias = layer, source, kernel, bias
        self.frozen = frozen  # codes and scales of its first filters; the kernel is that of the others, or None
        self.written = None  # its tensor, for all who read it

    def normalised(self, layer):
        """Return the convolution with a batch-norm behind it."""
        gamma, beta, mean, variance = _statistics(layer)
        factor = np.broadcast_to(gamma / np.sqrt(variance + layer.epsilon), self.bias.shape)
        kernel, frozen, trains = self.kernel, self.frozen, factor
        if frozen:
            codes, scales = frozen
            kept, trains = np.split(factor, [len(scales)])
            if not (kept > 0).all():
                raise ValueError(
                    f"batch-norm {layer.name} has a factor of 0 or less behind frozen filters, whose codes cannot take it. "
                    "Keep the gamma_constraint that sfkeras.freeze gave it"
                )
            frozen = codes, scales * kept
        if kernel is not None:
            depthwise = isinstance(self.layer, kinds.DepthwiseConv2D)
            kernel = kernel * (trains[:, None] if depthwise else trains)
        return _Convolution(self.layer, self.source, kernel, (self.bias - mean) * factor + beta, frozen)

    @property
    def weights(self):
        """The weights of the layer that is written, in Keras's order."""
        return [*(() if self.kernel is None else (self.kernel,)), self.bias, *self.frozen]


class _Flat:
    """A map, a tensor or a _Convolution, whose pixels are read one after the other."""

    def __init__(self, map):
        self.map = map


class _Writer:
    """Writes layer after layer, in the order of data flow."""

    def __init__(self):
        self.weights = {}  # of the layers written, by name

    def follow(self, model, inputs):
        """Return what a model makes of inputs: a list with one value per output."""
        values = {id(tensor): value for tensor, value in zip(model.inputs, inputs)}
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if node.is_input:
                    continue
                given = [values[id(tensor)] for tensor in node.keras_inputs]
                made = self.add(node.layer, given)
                values |= {id(tensor): value for tensor, value in zip(tf.nest.flatten(node.outputs), made)}
        return [values[id(tensor)] for tensor in model.outputs]

    def add(self, layer, given):
        """Return what a layer makes of values: a list with one value per output."""
        if isinstance(layer, keras.Model):
            return self.follow(layer, [self.closed(value) for value in given])
        if isinstance(layer, _LEFT_OUT) or _is_linear(layer):
            return given
        for kind, write in _WRITTEN.items():
            if type(layer) is kind:
                return [write(self, layer, given)]
        raise ValueError(
            f"layer {layer.name} is a {type(layer).__name__}, which has no int8 form here. Expected convolutions, dense "
            "layers, batch-norms behind them, ReLU, ReLU6, pools, sums, concatenations, zero padding, or softmax at the end. "
            "TensorFlow's converter may know it: sfkeras compile MODEL.keras OUT --pictures=FOLDER."
        )

    def closed(self, value):
        """Return a value as a tensor: a convolution is written, a flat map has one pixel."""
        if isinstance(value, _Flat):
            pixels = self.closed(value.map)
            if tuple(pixels.shape[1:3]) != (1, 1):
                raise ValueError("a map is flattened, and no dense layer follows. Expected one, or a pool before")
            return kinds.Flatten()(pixels)
        if isinstance(value, _Convolution):
            value.written = self.write(value) if value.written is None else value.written
            return value.written
        return value

    def write(self, value):
        """Return the tensor that a convolution makes."""
        kind = type(value.layer)
        own = value.layer.get_config()
        config = {key: own[key] for key in _CONVOLUTION if key in own}
        if value.frozen:
            config["frozen"] = len(value.frozen[1])
        if config["name"] in self.weights:
            raise ValueError(
                f"layer {config['name']} is used twice, or has a reader besides its batch-norm. Expected each layer once"
            )
        self.weights[config["name"]] = value.weights
        return kind.from_config({**config, "use_bias": True})(value.source)

    # ---- one method per kind of layer

    def convolution(self, layer, given):
        if getattr(layer, "depth_multiplier", 1) != 1:
            raise ValueError(f"layer {layer.name} has depth_multiplier {layer.depth_multiplier}. Expected 1")
        kernel, *bias = layer.get_weights()
        count = kernel.shape[2] * kernel.shape[3] if isinstance(layer, kinds.DepthwiseConv2D) else kernel.shape[3]
        made = _Convolution(layer, self.closed(given[0]), kernel, bias[0] if bias else np.zeros(count, np.float32))
        return self.activated(layer, made)

    def partly_frozen(self, layer, given):
        *trains, codes, scales = layer.get_weights()
        bias = trains.pop() if layer.use_bias else np.zeros(layer.count, np.float32)
        kernel = trains[0] if trains else None
        return self.activated(layer, _Convolution(layer, self.closed(given[0]), kernel, bias, (codes, scales)))

    def separable(self, layer, given):
        depthwise, pointwise, *bias = layer.get_weights()
        config = layer.get_config()
        same = {key: config[key] for key in ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier")}
        first = kinds.DepthwiseConv2D(**same, name=f"{layer.name}.depthwise")
        second = kinds.Conv2D(config["filters"], 1, name=layer.name)
        channels = depthwise.shape[2] * depthwise.shape[3]
        bias = bias[0] if bias else np.zeros(config["filters"], np.float32)
        between = self.closed(_Convolution(first, self.closed(given[0]), depthwise, np.zeros(channels, np.float32)))
        return self.activated(layer, _Convolution(second, between, pointwise, bias))

    def dense(self, layer, given):
        kernel, *bias = layer.get_weights()
        flat = isinstance(given[0], _Flat)
        source = self.closed(given[0].map if flat else given[0])
        if source.shape.rank != 4:
            raise ValueError(
                f"layer {layer.name} reads {tuple(source.shape[1:])}. Expected an image, or what was made of one"
            )
        size = tuple(source.shape[1:3]) if flat else (1, 1)
        convolution = kinds.Conv2D(layer.units, size, name=layer.name)
        kernel, bias = kernel.reshape(*size, source.shape[3], layer.units), bias[0] if bias else np.zeros(layer.units)
        made = self.activated(layer, _Convolution(convolution, source, kernel, bias))
        return _Flat(made) if flat else made

    def batch_norm(self, layer, given):
        def normalised(value):
            if not isinstance(value, _Convolution):
                raise ValueError(
                    f"batch-norm {layer.name} does not follow a convolution. Expected one, to fold it into"
                )
            return value.normalised(layer)

        return within(given[0], normalised)

    def relu(self, layer, given):
        if layer.negative_slope or layer.threshold:
            raise ValueError(f"layer {layer.name} is a leaky or shifted ReLU. Expected ReLU, or ReLU(6.0)")
        return within(given[0], lambda value: kinds.ReLU(layer.max_value, name=layer.name)(self.closed(value)))

    def activation(self, layer, given):
        return within(given[0], lambda value: self.activated(layer, value, layer.name))

    def activated(self, layer, value, name=None):
        """Return a map behind the activation function of a layer."""
        function, name = layer.activation, name or f"{layer.name}.activation"
        if function is keras.activations.linear:
            return value
        if function in (keras.activations.relu, tf.nn.relu, tf.nn.relu6):
            return kinds.ReLU(6.0 if function is tf.nn.relu6 else None, name=name)(self.closed(value))
        if function is keras.activations.softmax:
            return kinds.Softmax(name=name)(self.closed(value))
        raise ValueError(
            f"the activation of layer {layer.name} is {getattr(function, '__name__', function)}. Expected linear, relu, "
            "relu6, or softmax at the end"
        )

    def softmax(self, layer, given):
        return within(given[0], lambda value: kinds.Softmax(name=layer.name)(self.closed(value)))

    def mean(self, layer, given):
        made = kinds.GlobalAveragePooling2D(keepdims=True, name=layer.name)(self.closed(given[0]))
        return made if layer.keepdims else _Flat(made)

    def flatten(self, layer, given):
        return given[0] if isinstance(given[0], _Flat) else _Flat(self.closed(given[0]))

    def reshape(self, layer, given):
        if isinstance(given[0], _Flat):
            pixels = self.closed(given[0].map)
            if tuple(layer.target_shape) == tuple(pixels.shape[1:]):
                return pixels
        shape = tuple(layer.target_shape)
        raise ValueError(f"layer {layer.name} reshapes to {shape}. Expected Flatten, or (1, 1, channels) behind a pool")

    def keep(self, layer, given):
        """Return the same layer on the same values."""
        closed = [self.closed(value) for value in given]
        return type(layer).from_config(layer.get_config())(closed[0] if len(closed) == 1 else closed)


def within(value, function):
    """Return a function of a map; of a flat one, flat again."""
    return _Flat(function(value.map)) if isinstance(value, _Flat) else function(value)


def _is_linear(layer):
    return isinstance(layer, kinds.Activation) and layer.activation is keras.activations.linear


def _statistics(layer):
    """Return gamma, beta, mean and variance of a batch-norm."""
    weights = iter(layer.get_weights())
    gamma = next(weights) if layer.scale else 1.0
    beta = next(weights) if layer.center else 0.0
    return gamma, beta, next(weights), next(weights)


_WRITTEN = {
    kinds.Conv2D: _Writer.convolution,
    kinds.DepthwiseConv2D: _Writer.convolution,
    PartlyFrozenConv2D: _Writer.partly_frozen,
    PartlyFrozenDepthwiseConv2D: _Writer.partly_frozen,
    kinds.SeparableConv2D: _Writer.separable,
    kinds.Dense: _Writer.dense,
    kinds.BatchNormalization: _Writer.batch_norm,
    kinds.ReLU: _Writer.relu,
    kinds.Activation: _Writer.activation,
    kinds.Softmax: _Writer.softmax,
    kinds.GlobalAveragePooling2D: _Writer.mean,
    kinds.Flatten: _Writer.flatten,
    kinds.Reshape: _Writer.reshape,
    **dict.fromkeys(_KEPT, _Writer.keep),
}
