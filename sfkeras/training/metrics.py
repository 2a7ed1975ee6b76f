"""Metrics of a trained network: verification and identification of faces, classification,
segmentation.
"""

import numpy as np

from sfkeras.data.pairs import Pairs


def face_metrics(embeddings: np.ndarray, labels: np.ndarray, pairs: Pairs) -> dict[str, float]:
    """Return how well embeddings distinguish people. Similarity is the cosine.

    Args:
        embeddings: (images, dimensions), float or int8.
        labels: (images,), int: the person in each image.
        pairs: data.pairs.Pairs of these images.
    Returns: dict of verification_accuracy (mean over the folds), roc_area, tar_at_far_1e-2 and
        rank1, each from 0 to 1.
    """
    embeddings = normalised(embeddings)
    similarity = similarities(embeddings, pairs)
    return {
        "verification_accuracy": float(verification_accuracy(similarity, pairs.same, pairs.fold).mean()),
        "roc_area": roc_area(similarity, pairs.same),
        "tar_at_far_1e-2": true_accept_rate(similarity, pairs.same, false_accept_rate=1e-2),
        "rank1": rank1(embeddings, labels),
    }


def similarities(embeddings: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Return the cosine of each pair's embeddings, (pairs,). The embeddings must be normalised."""
    return np.sum(embeddings[pairs.first] * embeddings[pairs.second], axis=1)


def top_k_metrics(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the share of images whose class has the highest logit, or one of the five highest:
    {"top1": float, "top5": float}; no top5 of five classes or fewer, which says nothing.

    Classes with equal logits, which are frequent in int8, count as higher than the correct class.

    Args:
        logits: (images, classes), float or int8.
        labels: (images,), int.
    """
    ranks = label_ranks(logits, labels)
    return {f"top{k}": float(np.mean(ranks < k)) for k in (1, 5) if k == 1 or k < logits.shape[1]}


def label_ranks(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the rank of the correct class, (images,) int: the number of other classes whose logit
    is at least as high.
    """
    own = np.take_along_axis(logits, np.asarray(labels)[:, None], axis=1)
    return np.count_nonzero(logits >= own, axis=1) - 1


def segmentation_metrics(logits: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Return how well pixels are classified by logits enlarged bilinearly to the masks.

    Void pixels do not count.

    Args:
        logits: (images, rows, columns, classes), float or int8.
        masks: (images, height, width), int: a class from 0 to classes - 1, or `classes` for void.
    Returns: dict of pixel_accuracy, the share of correct pixels, and mean_iou, the intersection
        over union of all images, averaged over the classes that occur.
    """
    confusion = confusion_matrix(logits, masks)
    correct, union = np.diag(confusion), confusion.sum(axis=0) + confusion.sum(axis=1) - np.diag(confusion)
    occurs = union > 0
    return {
        "pixel_accuracy": float(correct.sum() / confusion.sum()),
        "mean_iou": float(np.mean(correct[occurs] / union[occurs])),
    }


def confusion_matrix(logits: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the number of pixels by correct and by predicted class, (classes, classes) int64,
    without void.
    """
    (rows, columns, classes), (height, width) = logits.shape[1:], masks.shape[1:]
    down, across = bilinear(rows, height), bilinear(columns, width)
    counts = np.zeros((classes, classes), np.int64)
    for coarse, mask in zip(logits, masks):
        rows_made = (down @ coarse.astype(np.float32).reshape(rows, -1)).reshape(height, columns, classes)
        predicted = np.argmax(across @ rows_made, axis=-1)
        known = mask < classes
        pairs = mask[known].astype(np.int64) * classes + predicted[known]
        counts += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    return counts


def bilinear(coarse: int, fine: int) -> np.ndarray:
    """Return the matrix that enlarges `coarse` samples to `fine`, (fine, coarse) float32, as
    tf.image.resize does along one axis.
    """
    place = np.clip((np.arange(fine) + 0.5) * coarse / fine - 0.5, 0, coarse - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(coarse))).astype(np.float32)


def normalised(embeddings: np.ndarray) -> np.ndarray:
    """Return L2-normalised rows, float32. A row of zeros stays the same."""
    embeddings = np.asarray(embeddings, np.float32)
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.where(length > 0, length, 1)


def raw_pixels(pixels: np.ndarray) -> np.ndarray:
    """Return pixels as embeddings, a baseline for the network.

    Their mean is subtracted, so the cosine is a correlation.

    Args:
        pixels: (images, height, width, channels).
    Returns: (images, height * width * channels), float32.
    """
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    return flat - flat.mean(axis=1, keepdims=True)


def verification_accuracy(similarity: np.ndarray, same: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return the share of correct pairs per fold, (folds,). Args: as correct_pairs."""
    correct = correct_pairs(similarity, same, fold)
    return np.array([correct[fold == number].mean() for number in np.unique(fold)])


def correct_pairs(similarity: np.ndarray, same: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return which pairs are classified correctly, (pairs,) bool, with the threshold that is best
    on the other folds (LFW, section 4).

    Args:
        similarity: (pairs,), float.
        same: (pairs,), bool: both images show one person.
        fold: (pairs,), int.
    """
    correct = np.empty(len(same), bool)
    for test in (fold == number for number in np.unique(fold)):
        threshold = best_threshold(similarity[~test], same[~test])
        correct[test] = (similarity[test] >= threshold) == same[test]
    return correct


def best_threshold(similarity: np.ndarray, same: np.ndarray) -> float:
    """Return the similarity threshold with the most correct pairs, halfway between two pairs."""
    values = np.unique(similarity)
    thresholds = np.concatenate([values[:1], (values[:-1] + values[1:]) / 2, [np.inf]])
    genuine, impostor = np.sort(similarity[same]), np.sort(similarity[~same])
    correct = len(genuine) - np.searchsorted(genuine, thresholds) + np.searchsorted(impostor, thresholds)
    return float(thresholds[correct.argmax()])


def error_rates(similarity: np.ndarray, same: np.ndarray, threshold: float) -> dict[str, float]:
    """Return how often pairs are judged wrongly at a threshold.

    Args:
        similarity: (pairs,), float.
        same: (pairs,), bool: both images show one person.
        threshold: similarity from which on a pair counts as one person.
    Returns: {"false_accept_rate": share of the pairs of two people that count as one,
        "false_reject_rate": share of the pairs of one person that count as two}.
    """
    accepted = similarity >= threshold
    return {"false_accept_rate": float(accepted[~same].mean()), "false_reject_rate": float(1 - accepted[same].mean())}


def roc_area(similarity: np.ndarray, same: np.ndarray) -> float:
    """Return the area under the ROC curve: how often a genuine pair is more similar than an
    impostor pair. A tie counts half.
    """
    genuine, impostor = similarity[same], np.sort(similarity[~same])
    below = np.searchsorted(impostor, genuine, "left") + np.searchsorted(impostor, genuine, "right")
    return float(below.mean() / 2 / len(impostor))


def true_accept_rate(similarity: np.ndarray, same: np.ndarray, false_accept_rate: float) -> float:
    """Return the share of genuine pairs above the lowest threshold that accepts at most this share
    of impostor pairs.
    """
    impostor = np.sort(similarity[~same])[::-1]
    allowed = int(false_accept_rate * len(impostor) + 1e-9)  # the nudge: 0.29 * 100 is 28.999999999999996
    if allowed >= len(impostor):
        return 1.0
    return float(np.mean(similarity[same] > impostor[allowed]))


def rank1(embeddings: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of probes whose nearest gallery image shows the same person.

    The gallery is the first image of each person.

    Args:
        embeddings: (images, dimensions), normalised.
        labels: (images,), int.
    Raises: ValueError if nobody has a second image.
    """
    gallery = np.unique(labels, return_index=True)[1]
    probes = np.setdiff1d(np.arange(len(labels)), gallery)
    if not len(probes):
        raise ValueError(
            f"rank-1 needs at least one person with two images; got {len(labels)} people with one image each. "
            "Add a second image of a test person."
        )
    nearest = (embeddings[probes] @ embeddings[gallery].T).argmax(axis=1)
    return float(np.mean(labels[gallery[nearest]] == labels[probes]))
