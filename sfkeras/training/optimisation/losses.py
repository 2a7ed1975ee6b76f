"""Losses: FaceNet's triplets and ArcFace's margin for faces, and the cross-entropy of pixels."""

import numpy as np

from sfkeras.tensorflow import tf


def semi_hard_triplet_loss(labels, embeddings, margin: float = 0.2):
    """Return FaceNet's triplet loss over all anchor-positive pairs of a batch (Schroff et al. 2015,
    sections 3.1 and 3.2).

    The loss is the mean of max(0, d(a, p) - d(a, n) + margin), where d is the squared distance of
    the L2-normalised embeddings. The negative of each anchor and positive is semi-hard: the nearest
    one that is farther from the anchor than the positive. If there is none, it is the farthest
    negative.

    Args:
        labels: (batch,) or (batch, 1), int: the person in each image; two people or more.
        embeddings: (batch, dimensions), float32. They are normalised here, so the deployed network
            need not do it.
        margin: FaceNet's alpha, a squared distance.
    Returns: scalar; 0 if no person has two images.
    """
    labels = tf.reshape(labels, (-1, 1))
    embeddings = tf.math.l2_normalize(embeddings, axis=-1)
    distance = tf.maximum(2.0 - 2.0 * tf.matmul(embeddings, embeddings, transpose_b=True), 0.0)
    same = labels == tf.transpose(labels)
    positive = same & ~tf.eye(tf.shape(labels)[0], dtype=tf.bool)

    # (anchor, positive, negative): which negatives are farther from the anchor than the positive.
    farther = ~same[:, None, :] & (distance[:, None, :] > distance[:, :, None])
    nearest_farther = tf.reduce_min(tf.where(farther, distance[:, None, :], np.inf), axis=-1)
    farthest = tf.reduce_max(tf.where(same, -np.inf, distance), axis=-1, keepdims=True)
    negative = tf.where(tf.reduce_any(farther, axis=-1), nearest_farther, farthest)

    loss = tf.where(positive, tf.maximum(distance - negative + margin, 0.0), 0.0)
    return tf.math.divide_no_nan(tf.reduce_sum(loss), tf.reduce_sum(tf.cast(positive, tf.float32)))


def additive_angular_margin_loss(
    labels, cosines, scale: float = 32.0, margin: float = 0.3, label_smoothing: float = 0.0
):
    """Return ArcFace's loss: softmax cross-entropy with an angular margin for the correct class
    (Deng et al. 2019, equation 3).

    The logits are scale * cos(angle + margin) for the correct class and scale * cos(angle) for the
    others.

    Args:
        labels: (batch,) or (batch, 1), int.
        cosines: (batch, classes), float32, from ClassCosines.
        scale: ArcFace's s, the radius of the hypersphere.
        margin: ArcFace's m, in radians, from 0 to below pi / 2.
        label_smoothing: share of the target that is spread over all classes.
    Returns: (batch,), float32.
    """
    classes = cosines.shape[-1]
    own = tf.one_hot(tf.cast(tf.reshape(labels, (-1,)), tf.int32), classes)
    logits = scale * tf.where(own > 0, with_margin(cosines, margin), cosines)
    targets = own * (1 - label_smoothing) + label_smoothing / classes
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def with_margin(cosines, margin: float):
    """Return cos(angle + margin). It avoids the arc cosine, whose slope is infinite at 0 and pi."""
    sines = tf.sqrt(tf.maximum(1.0 - tf.square(cosines), 1e-6))  # the floor also limits the square root's slope
    moved = cosines * np.cos(margin) - sines * np.sin(margin)
    # Beyond pi the cosine would rise and reward a larger angle. A straight line keeps falling.
    return tf.where(cosines > -np.cos(margin), moved, cosines - margin * np.sin(margin))


def segmentation_loss(masks, logits, weights):
    """Return the weighted cross-entropy of each pixel, with logits enlarged bilinearly to the
    masks.

    Args:
        masks: (batch, height, width), int: a class from 0 to classes - 1, or `classes` for void.
        logits: (batch, rows, columns, classes), float32: one prediction per 16x16 pixels.
        weights: (classes + 1,), float32. The last weight, of void, is 0.
    Returns: (batch, height, width), float32. Void pixels are 0 and count in its mean, so that each
        worker can average over its part of a batch.
    """
    masks = tf.cast(masks, tf.int32)
    logits = tf.image.resize(logits, tf.shape(masks)[1:])
    known = tf.minimum(masks, logits.shape[-1] - 1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(known, logits) * tf.gather(weights, masks)
