"""What a trained network is judged by: verification and identification of faces, classification, segmentation."""

import numpy as np

from sfkeras.data.pairs import Pairs


def face_metrics(embeddings: np.ndarray, labels: np.ndarray, pairs: Pairs) -> dict[str, float]:
    """How well embeddings tell people apart. Similarity is the cosine.

    Args:
        embeddings: (images, dimensions), float or int8.
        labels: (images,), int: who is seen.
        pairs: pairs of these images.
    Returns: verification_accuracy (mean over the folds), roc_area, tar_at_far_1e-2, rank1; each from 0 to 1.
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
    """(pairs,), the cosine of each pair's embeddings, which are normalised."""
    return np.sum(embeddings[pairs.first] * embeddings[pairs.second], axis=1)


def top_k_metrics(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Share of images whose class is the first, or among the first five, by logit: {"top1": ..., "top5": ...}.

    Classes with equal logits, which int8 has many of, count against the right answer.

    Args:
        logits: (images, classes), float or int8.
        labels: (images,), int.
    """
    ranks = label_ranks(logits, labels)
    return {f"top{k}": float(np.mean(ranks < k)) for k in (1, 5)}


def label_ranks(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(images,), int: how many other classes have a logit at least as high as that of the right one."""
    own = np.take_along_axis(logits, np.asarray(labels)[:, None], axis=1)
    return np.count_nonzero(logits >= own, axis=1) - 1


def segmentation_metrics(logits: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """How well pixels are classed by logits that are enlarged bilinearly to the masks; void pixels do not count.

    Args:
        logits: (images, rows, columns, classes), float or int8.
        masks: (images, height, width), int: a class from 0 to classes - 1, or void, which is `classes`.
    Returns: pixel_accuracy, the share of pixels with the right class; mean_iou, the mean over all classes that occur of
        intersection over union, each over all images together.
    """
    confusion = confusion_matrix(logits, masks)
    correct, union = np.diag(confusion), confusion.sum(axis=0) + confusion.sum(axis=1) - np.diag(confusion)
    occurs = union > 0
    return {
        "pixel_accuracy": float(correct.sum() / confusion.sum()),
        "mean_iou": float(np.mean(correct[occurs] / union[occurs])),
    }


def confusion_matrix(logits: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(classes, classes), int64: pixels by their class and the class that has the highest logit; void left out."""
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
    """(fine, coarse), float32: the matrix that enlarges so many samples, as tf.image.resize does along one axis."""
    place = np.clip((np.arange(fine) + 0.5) * coarse / fine - 0.5, 0, coarse - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(coarse))).astype(np.float32)


def normalised(embeddings: np.ndarray) -> np.ndarray:
    """L2-normalised rows, float32; a row of zeros stays as it is."""
    embeddings = np.asarray(embeddings, np.float32)
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.where(length > 0, length, 1)


def raw_pixels(pixels: np.ndarray) -> np.ndarray:
    """The baseline that a network has to beat: pixels as embedding, less their mean, so that the cosine is a correlation.

    Args:
        pixels: (images, height, width, channels).
    Returns: (images, height * width * channels), float32.
    """
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    return flat - flat.mean(axis=1, keepdims=True)


def verification_accuracy(similarity: np.ndarray, same: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """(folds,), share of a fold's pairs that are judged rightly; arguments as judged_rightly."""
    correct = correct_pairs(similarity, same, fold)
    return np.array([correct[fold == number].mean() for number in np.unique(fold)])


def correct_pairs(similarity: np.ndarray, same: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """(pairs,), bool: judged rightly by the threshold that is best on the other folds (LFW, section 4).

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
    """The similarity from which on to answer "same" so that most pairs are judged rightly; midway between two pairs."""
    values = np.unique(similarity)
    thresholds = np.concatenate([values[:1], (values[:-1] + values[1:]) / 2, [np.inf]])
    genuine, impostor = np.sort(similarity[same]), np.sort(similarity[~same])
    correct = len(genuine) - np.searchsorted(genuine, thresholds) + np.searchsorted(impostor, thresholds)
    return float(thresholds[correct.argmax()])


def roc_area(similarity: np.ndarray, same: np.ndarray) -> float:
    """Area under the ROC curve: how often a genuine pair is more similar than an impostor pair (a tie counts half)."""
    genuine, impostor = similarity[same], np.sort(similarity[~same])
    below = np.searchsorted(impostor, genuine, "left") + np.searchsorted(impostor, genuine, "right")
    return float(below.mean() / 2 / len(impostor))


def true_accept_rate(similarity: np.ndarray, same: np.ndarray, false_accept_rate: float) -> float:
    """Share of genuine pairs accepted by the loosest threshold that accepts at most so large a share of impostors."""
    impostor = np.sort(similarity[~same])[::-1]
    allowed = int(false_accept_rate * len(impostor) + 1e-9)  # the nudge: 0.29 * 100 is 28.999999999999996
    if allowed >= len(impostor):
        return 1.0
    return float(np.mean(similarity[same] > impostor[allowed]))


def rank1(embeddings: np.ndarray, labels: np.ndarray) -> float:
    """Share of probes whose nearest gallery image is of the same person: the gallery is everybody's first image.

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
