"""What changes over the epochs of a training: the learning rate, and the size of the images."""

from sfkeras.nn.limits import nearest_side
from sfkeras.tensorflow import tf
from sfkeras.training.optimisation.optimizers import Adam, AdamW

keras = tf.keras


def without_static_size(images, labels):
    """Remove the static sides of a batch, so that streams of several sizes concatenate and one
    trace serves all.
    """
    images = tf.compat.v1.placeholder_with_default(images, (images.shape[0], None, None, images.shape[3]))
    if labels.shape.rank > 1:  # masks
        labels = tf.compat.v1.placeholder_with_default(labels, (labels.shape[0], None, None))
    return images, labels


def image_sizes(shape, epochs, start_scale):
    """Yield (range of epochs, input shape): sides grow from start_scale to 1 over the first three
    quarters of the epochs.

    Small images come first, because the network learns most from them in a fraction of the time.
    The last quarter has the full size, in which the network is used.

    Args:
        shape: (height, width, channels) of the network's input.
        epochs: int. Number of epochs.
        start_scale: sides of the first images, as a share of the full size.
    """
    scales = [min(1, start_scale + (1 - start_scale) * epoch / (3 / 4 * epochs)) for epoch in range(epochs)]
    sizes = [tuple(nearest_side(side * scale) for side in shape[:2]) for scale in scales]
    start = 0
    for epoch in range(1, epochs + 1):
        if epoch == epochs or sizes[epoch] != sizes[start]:
            yield range(start, epoch), (*sizes[start], shape[2])
            start = epoch


def optimizer(model, settings, training, steps):
    """Return the optimizer: warm-up from 0, then a cosine to 0; no weight decay on vectors
    (batch-norm, bias, alpha).

    Args:
        model: model whose variables are trained.
        settings: recipe.TrainingSettings or recipe.QatSettings. The epochs and the learning rate.
        training: recipe.TrainingSettings. The kind of optimizer and its weight decay.
        steps: int. Steps per epoch.
    """
    warmup = min(round(getattr(settings, "warmup_epochs", 0) * steps), steps * settings.epochs - 1)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup > 0 else settings.learning_rate,
        max(1, steps * settings.epochs - max(0, warmup)),
        warmup_target=settings.learning_rate if warmup > 0 else None,
        warmup_steps=max(0, warmup),
    )
    if training.optimizer == "adam":
        return Adam(rate)
    if training.optimizer == "adamw":
        made = AdamW(rate, weight_decay=training.weight_decay)
    else:
        made = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=training.weight_decay)
    made.exclude_from_weight_decay([v for v in model.trainable_variables if v.shape.rank == 1])
    return made
