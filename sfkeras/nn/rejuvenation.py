"""Rejuvenation of nearly dead channels (section 3): new weights where the batch-norm's moving variance is very small.

A feature map without variance wastes its multipliers, and its int8 form has next to no codes. The moving variance of
the batch-norm shows it for free.
"""

import zlib

import numpy as np

from sfkeras.nn.fixed8 import trainable_kernel, unwrapped
from sfkeras.tensorflow import tf

layers = tf.keras.layers
NEARLY_DEAD = 1e-6  # the moving variance under which a channel is counted as nearly dead, also where none is revived
MOMENTA = ("momentums", "_momentums", "_velocities", "_velocity_hats")  # of SGD, Adam and AdamW


class Rejuvenation(tf.keras.callbacks.Callback):
    """At each epoch's end, gives new weights to channels with a moving variance under a threshold (section 3).

    The channel's part of the kernel that feeds the batch-norm is drawn again from the kernel's initialiser, its
    batch-norm starts afresh, and the optimizer forgets what it knew of both. Channels of a frozen convolution are only
    reported: its kernel is hardwired. Works in float training and under quantisation-aware training; put it before the
    callbacks that save the model. `logs["revived"]` counts the channels, for History and TensorBoard.

    Args:
        threshold: float, moving variance under which a channel is nearly dead; 0 revives none.
        seed: int; the same seed, epoch and layer draw the same weights.
        until: int or None. From this epoch on channels are only reported: nothing would train new weights any more.
    Attributes:
        revived: {epoch: {convolution's name: [channels]}} of those that got new weights.
        reported: {epoch: {convolution's name: [channels]}} of those that are nearly dead and stay so.
    """

    def __init__(self, threshold=1e-6, seed=0, until=None):
        super().__init__()
        self.threshold, self.seed, self.until = threshold, seed, until
        self.revived, self.reported = {}, {}

    def on_epoch_begin(self, epoch, logs=None):
        self.steps_before = self.model.optimizer.iterations.numpy()

    def on_epoch_end(self, epoch, logs=None):
        revived, reported = {}, {}
        # Without a step the moving variance is not this training's, but whatever the model came with.
        stepped = self.model.optimizer.iterations.numpy() > self.steps_before
        for convolution, batch_norm in convolutions_with_batch_norm(self.model) if stepped else ():
            dead = batch_norm.moving_variance.numpy() < self.threshold
            if not dead.any():
                continue
            kernel = trainable_kernel(convolution)
            left_so = kernel is None or self.until is not None and epoch >= self.until
            (reported if left_so else revived)[unwrapped(convolution).name] = np.flatnonzero(dead).tolist()
            if not left_so:
                self.revive(convolution, kernel, batch_norm, dead, epoch)
        self.tell(epoch, revived, reported)
        self.revived[epoch], self.reported[epoch] = revived, reported
        if logs is not None:
            logs["revived"] = sum(map(len, revived.values()))

    def revive(self, convolution, kernel, batch_norm, dead, epoch):
        """Gives the dead channels, a bool mask, new weights, a fresh batch-norm and empty optimizer slots."""
        put(kernel, draw(unwrapped(convolution), kernel, f"{self.seed} {epoch} {kernel.name}"), dead)
        put(batch_norm.moving_mean, 0, dead)
        put(batch_norm.moving_variance, 1, dead)
        trained = [kernel]
        for variable, fresh in (batch_norm.gamma, 1), (batch_norm.beta, 0):
            if variable is not None:
                put(variable, fresh, dead)
                trained.append(variable)
        for variable in trained:
            for slot in optimizer_slots(self.model.optimizer, variable):
                put(slot, 0, dead)

    def tell(self, epoch, revived, reported):
        """Prints what was revived, and what is only reported if that is news."""
        if revived:
            print(f"\nepoch {epoch + 1}: revived {listed(revived)}")
        if reported and reported != self.reported.get(epoch - 1):
            print(f"\nepoch {epoch + 1}: nearly dead, and left so: {listed(reported)}")


def convolutions_with_batch_norm(model):
    """Yields (layer that feeds it, BatchNormalization) of each batch-norm that trains.

    Layers come as the graph has them; tfmot's quantisation wrappers are taken off the batch-norm only.
    """
    for layer in model.layers:
        inner = unwrapped(layer)
        if isinstance(inner, tf.keras.Model):
            yield from convolutions_with_batch_norm(inner)
        elif isinstance(inner, layers.BatchNormalization) and inner.trainable:
            yield layer.inbound_nodes[0].inbound_layers, inner


def count_nearly_dead(model, threshold):
    """Returns how many channels of a model have a moving variance under a threshold."""
    pairs = convolutions_with_batch_norm(model)
    return sum(int(np.count_nonzero(norm.moving_variance.numpy() < threshold)) for _, norm in pairs)


def draw(convolution, kernel, seed):
    """A whole new kernel from the convolution's own initialiser: whole, because its scale depends on the fan-in."""
    depthwise = isinstance(convolution, layers.DepthwiseConv2D)
    initialiser = convolution.depthwise_initializer if depthwise else convolution.kernel_initializer
    config = initialiser.get_config()
    if "seed" in config:
        config["seed"] = zlib.crc32(seed.encode()) & 0x7FFFFFFF
    return type(initialiser).from_config(config)(kernel.shape, dtype=kernel.dtype).numpy()


def put(variable, values, channels):
    """Writes the masked channels of `values` into a variable, and leaves the bytes of the others.

    Args:
        variable: its last axes run over the output channels: (..., out) of a kernel, grouped or not, (..., in,
            multiplier) of a depthwise kernel, (out,) of a batch-norm.
        values: array of that shape, or one number.
        channels: bool (out,).
    """
    array = variable.numpy().copy()
    by_channel = np.broadcast_to(values, array.shape).reshape(-1, channels.size)
    array.reshape(-1, channels.size)[:, channels] = by_channel[:, channels]
    variable.assign(array)


def optimizer_slots(optimizer, variable):
    """The optimizer's momenta of one variable.

    Keras 2 keeps a list for each kind, in the order of the variables that the optimizer was built with. Slot names
    would not do: they begin with whatever name scope they were made in.
    """
    position = optimizer._index_dict[optimizer._var_key(variable)]
    kinds = [getattr(optimizer, kind, None) for kind in MOMENTA]
    return [kind[position] for kind in kinds if kind]


def listed(channels):
    """{"stem": [3, 7]} as `2 channels: stem 3, 7`."""
    count = sum(map(len, channels.values()))
    each = "; ".join(f"{name} {', '.join(map(str, dead))}" for name, dead in channels.items())
    return f"{count} channel{'s' * (count != 1)}: {each}"
