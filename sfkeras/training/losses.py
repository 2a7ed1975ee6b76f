"""What training minimises: FaceNet's triplets and ArcFace's margin for faces, the cross-entropy of pixels."""

import numpy as np

from sfkeras.tensorflow import tf


def semi_hard_triplet_loss(labels, embeddings, margin: float = 0.2):
    """FaceNet's triplet loss over all anchor-positive pairs of a batch (Schroff et al. 2015, sections 3.1 and 3.2).

    For each anchor and positive the negative is semi-hard: the nearest of those that are farther from the anchor than the
    positive is; if none is farther, the farthest. The loss is the mean of max(0, d(a, p) - d(a, n) + margin), where d is the
    squared distance of the L2-normalised embeddings.

    Args:
        labels: (batch,) or (batch, 1), int: who is seen; two people or more.
        embeddings: (batch, dimensions), float32; normalised here, so that the deployed network need not.
        margin: FaceNet's alpha, a squared distance.
    Returns: scalar; 0 if no person is seen twice.
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
    """ArcFace: softmax cross-entropy whose own class must win by an angle (Deng et al. 2019, equation 3).

    The logits are scale * cos(angle + margin) for an image's own class, scale * cos(angle) for the others.

    Args:
        labels: (batch,) or (batch, 1), int.
        cosines: (batch, classes), float32, from ClassCosines.
        scale: ArcFace's s, the radius of the hypersphere.
        margin: ArcFace's m, in radians, from 0 below pi / 2.
        label_smoothing: share of the target that is spread over all classes.
    Returns: (batch,), float32.
    """
    classes = cosines.shape[-1]
    own = tf.one_hot(tf.cast(tf.reshape(labels, (-1,)), tf.int32), classes)
    logits = scale * tf.where(own > 0, with_margin(cosines, margin), cosines)
    targets = own * (1 - label_smoothing) + label_smoothing / classes
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def with_margin(cosines, margin: float):
    """cos(angle + margin), without the arc cosine, whose slope is infinite at 0 and pi."""
    sines = tf.sqrt(tf.maximum(1.0 - tf.square(cosines), 1e-6))  # the floor bounds the square root's slope too
    moved = cosines * np.cos(margin) - sines * np.sin(margin)
    # Past pi the cosine would rise again and reward a larger angle; a straight line goes on falling.
    return tf.where(cosines > -np.cos(margin), moved, cosines - margin * np.sin(margin))


def segmentation_loss(masks, logits, weights):
    """Weighted cross-entropy of every pixel, of logits that are enlarged bilinearly to the masks.

    Args:
        masks: (batch, height, width), int: a class from 0 to classes - 1, or void, which is `classes`.
        logits: (batch, rows, columns, classes), float32: one prediction every 16x16 pixels.
        weights: (classes + 1,), float32; the last, of void, is 0.
    Returns: (batch, height, width), float32. Its mean counts void pixels as 0, so that workers that share a batch may
        each take the mean of their part.
    """
    masks = tf.cast(masks, tf.int32)
    logits = tf.image.resize(logits, tf.shape(masks)[1:])
    known = tf.minimum(masks, logits.shape[-1] - 1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(known, logits) * tf.gather(weights, masks)
