"""Rejuvenation of nearly dead channels (section 3): new weights where the moving variance is very
small.

A feature map without variance wastes its multipliers, and its int8 form has very few codes. The
moving variance of the batch-norm detects it at no cost.
"""

import zlib

import numpy as np

from sfkeras.nn.quantisation.fixed8 import trainable_kernel, unwrapped
from sfkeras.tensorflow import tf

layers = tf.keras.layers
NEARLY_DEAD = 1e-6  # moving variance below which results count a channel as nearly dead
MOMENTA = ("momentums", "_momentums", "_velocities", "_velocity_hats")  # of SGD, Adam and AdamW


class Rejuvenation(tf.keras.callbacks.Callback):
    """Give nearly dead channels new weights at the end of each epoch (section 3).

    A channel is nearly dead if the moving variance of its batch-norm is below a threshold. Its part
    of the kernel before the batch-norm is drawn again from the kernel's initialiser, its batch-norm
    is reset, and so are the optimizer's momenta of both. Channels of a frozen convolution are only
    reported, because their kernel is hardwired.

    It works in float and in quantisation-aware training. Put it before the callbacks that save the
    model. `logs["revived"]` is the number of revived channels, for History and TensorBoard.

    Args:
        threshold: float. Moving variance below which a channel is nearly dead. 0 revives no
            channel.
        seed: int. The same seed, epoch and layer draw the same weights.
        until: int or None. From this epoch on channels are only reported, because new weights would
            have no time to train.
    Attributes:
        revived: {epoch: {convolution: [channels]}} of the channels with new weights.
        reported: {epoch: {convolution: [channels]}} of the channels that stay nearly dead.

    Example:
        >>> import sfkeras
        >>> callback = sfkeras.Rejuvenation(threshold=1e-6, seed=1, until=29)
        >>> # model.fit(images, labels, epochs=30, callbacks=[callback])
        >>> callback.revived
        {}
    """

    def __init__(self, threshold=1e-6, seed=0, until=None):
        super().__init__()
        self.threshold, self.seed, self.until = threshold, seed, until
        self.revived, self.reported = {}, {}

    def on_epoch_begin(self, epoch, logs=None):
        self.steps_before = self.model.optimizer.iterations.numpy()

    def on_epoch_end(self, epoch, logs=None):
        revived, reported = {}, {}
        # Without a step the moving variance is not from this training, but from the loaded model.
        stepped = self.model.optimizer.iterations.numpy() > self.steps_before
        for convolution, batch_norm in convolutions_with_batch_norm(self.model) if stepped else ():
            dead = batch_norm.moving_variance.numpy() < self.threshold
            if not dead.any():
                continue
            kernel = trainable_kernel(convolution)
            only_report = kernel is None or self.until is not None and epoch >= self.until
            (reported if only_report else revived)[unwrapped(convolution).name] = np.flatnonzero(dead).tolist()
            if not only_report:
                self.revive(convolution, kernel, batch_norm, dead, epoch)
        self.print_report(epoch, revived, reported)
        self.revived[epoch], self.reported[epoch] = revived, reported
        if logs is not None:
            logs["revived"] = sum(map(len, revived.values()))

    def revive(self, convolution, kernel, batch_norm, dead, epoch):
        """Give channels new weights, and reset their batch-norm and the optimizer's momenta.

        Args:
            convolution: layer before the batch-norm, possibly in tfmot's wrapper.
            kernel: its kernel variable.
            batch_norm: the BatchNormalization layer.
            dead: bool (channels,). The channels to revive.
            epoch: int, from 0.
        """
        write_channels(kernel, new_kernel(unwrapped(convolution), kernel, f"{self.seed} {epoch} {kernel.name}"), dead)
        write_channels(batch_norm.moving_mean, 0, dead)
        write_channels(batch_norm.moving_variance, 1, dead)
        trained = [kernel]
        for variable, fresh in (batch_norm.gamma, 1), (batch_norm.beta, 0):
            if variable is not None:
                write_channels(variable, fresh, dead)
                trained.append(variable)
        for variable in trained:
            for slot in optimizer_slots(self.model.optimizer, variable):
                write_channels(slot, 0, dead)

    def print_report(self, epoch, revived, reported):
        """Print the revived channels, and the reported ones if they have changed."""
        if revived:
            print(f"\nepoch {epoch + 1}: revived {describe_channels(revived)}")
        if reported and reported != self.reported.get(epoch - 1):
            print(f"\nepoch {epoch + 1}: nearly dead, not revived: {describe_channels(reported)}")


def convolutions_with_batch_norm(model):
    """Yield (layer before it, BatchNormalization) of each batch-norm that trains.

    The first layer may be in tfmot's quantisation wrapper; the batch-norm is not.
    """
    for layer in model.layers:
        inner = unwrapped(layer)
        if isinstance(inner, tf.keras.Model):
            yield from convolutions_with_batch_norm(inner)
        elif isinstance(inner, layers.BatchNormalization) and inner.trainable:
            yield layer.inbound_nodes[0].inbound_layers, inner


def count_nearly_dead(model, threshold):
    """Return the number of channels of a model whose moving variance is below a threshold."""
    pairs = convolutions_with_batch_norm(model)
    return sum(int(np.count_nonzero(norm.moving_variance.numpy() < threshold)) for _, norm in pairs)


def new_kernel(convolution, kernel, seed):
    """Return a new kernel from the convolution's own initialiser.

    It is the whole kernel, because the initialiser's scale depends on the fan-in.
    """
    depthwise = isinstance(convolution, layers.DepthwiseConv2D)
    initialiser = convolution.depthwise_initializer if depthwise else convolution.kernel_initializer
    config = initialiser.get_config()
    if "seed" in config:
        config["seed"] = zlib.crc32(seed.encode()) & 0x7FFFFFFF
    return type(initialiser).from_config(config)(kernel.shape, dtype=kernel.dtype).numpy()


def write_channels(variable, values, channels):
    """Write the masked channels of `values` into a variable. The bytes of the others stay the same.

    Args:
        variable: its last axes are the output channels: (..., out) of a kernel, grouped or not;
            (..., in, multiplier) of a depthwise kernel; (out,) of a batch-norm.
        values: array of that shape, or one number.
        channels: bool (out,).
    """
    array = variable.numpy().copy()
    by_channel = np.broadcast_to(values, array.shape).reshape(-1, channels.size)
    array.reshape(-1, channels.size)[:, channels] = by_channel[:, channels]
    variable.assign(array)


def optimizer_slots(optimizer, variable):
    """Return the optimizer's momenta of one variable.

    Keras 2 has a list per kind of momentum, in the order of the variables that the optimizer was
    built with. Slot names do not identify a variable: they start with the name scope in which the
    slot was created.
    """
    position = optimizer._index_dict[optimizer._var_key(variable)]
    kinds = [getattr(optimizer, kind, None) for kind in MOMENTA]
    return [kind[position] for kind in kinds if kind]


def describe_channels(channels):
    """Return {"stem": [3, 7]} as the text `2 channels: stem 3, 7`."""
    count = sum(map(len, channels.values()))
    each = "; ".join(f"{name} {', '.join(map(str, dead))}" for name, dead in channels.items())
    return f"{count} channel{'s' * (count != 1)}: {each}"
