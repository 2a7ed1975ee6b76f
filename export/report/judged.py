"""What a deployed network got right and wrong on the test images, with the worst mistakes as pictures."""

from __future__ import annotations

import base64
import io
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

from export.graph.meaning import Meaning
from sfkeras.training import metrics

if typing.TYPE_CHECKING:
    from sfkeras.data.images import LabelledImages
    from sfkeras.data.pairs import Pairs

MISTAKES, WRONG_PAIRS = 24, 12  # shown; pairs of each kind
MOST_CLASSES = 40  # whose confusion matrix is shown
POINTS = 200  # of a ROC curve
SIDE = 96  # pixels of a picture, at most


def judge(
    known: Mapping[str, Meaning], deployed: list[np.ndarray], test: LabelledImages, pairs: Pairs | None
) -> dict[str, Any]:
    """Return what became of the test images, by output.

    Args:
        known: what the outputs stand for, by name.
        deployed: their codes, int8 (images, ...), in the same order.
        test: the test images.
        pairs: of them, if they are faces.
    """
    made = {}
    for (output, meaning), codes in zip(known.items(), deployed):
        if meaning.task == "classification":
            made[output] = {"task": meaning.task, **_classification(codes.reshape(len(codes), -1), test)}
        elif meaning.task == "faces" and pairs is not None:
            made[output] = {
                "task": meaning.task,
                **_faces(codes.reshape(len(codes), -1), test, pairs, meaning.threshold),
            }
        elif meaning.task == "segmentation":
            made[output] = {"task": meaning.task, **_segmentation(codes, test)}
    return made


def chance(task: str, classes: int) -> dict[str, float]:
    """Return the metrics of guessing."""
    if task == "faces":  # of balanced pairs; one person in so many is right by chance
        return {"verification_accuracy": 0.5, "roc_area": 0.5, "tar_at_far_1e-2": 0.01, "rank1": 1 / classes}
    if task == "classification":
        return {"top1": 1 / classes, "top5": min(1.0, 5 / classes)}
    return {"pixel_accuracy": 1 / classes}


# --- Classes ----------------------------------------------------------------------------------------------------------


def _classification(logits: np.ndarray, test: LabelledImages) -> dict[str, Any]:
    classes, labels = list(test.class_names), np.asarray(test.labels)
    predicted = logits.argmax(axis=1)
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, predicted), 1)
    rows = np.arange(len(labels))
    margin = logits.max(axis=1).astype(int) - logits[rows, labels]
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-margin[wrong], kind="stable")][:MISTAKES]
    return {
        **_confusion(counts, classes),
        "wrong": len(wrong),
        "of": len(labels),
        "mistakes": [
            {
                "image": int(i),
                "is": classes[labels[i]],
                "taken_for": classes[predicted[i]],
                "margin": int(margin[i]),
                "picture": picture(test.pixels[i]),
            }
            for i in worst
        ],
    }


def _segmentation(logits: np.ndarray, test: LabelledImages) -> dict[str, Any]:
    return _confusion(metrics.confusion_matrix(logits, test.labels), list(test.class_names))


def _confusion(counts: np.ndarray, classes: list[str]) -> dict[str, Any]:
    """Accuracy by class, and the matrix of few classes, or the most frequent confusions of many."""
    per_class = [
        {"class": name, "of": int(row.sum()), "accuracy": round(float(row[i] / row.sum()), 4) if row.sum() else None}
        for i, (name, row) in enumerate(zip(classes, counts))
    ]
    made: dict[str, Any] = {"classes": len(classes), "per_class": per_class}
    if len(classes) <= MOST_CLASSES:
        return {**made, "confusion": counts.tolist()}
    others = counts * (1 - np.eye(len(classes), dtype=int))
    most = np.argsort(-others, axis=None, kind="stable")[:20]
    places = zip(*np.unravel_index(most, others.shape))
    return {**made, "confused": [[classes[a], classes[b], int(others[a, b])] for a, b in places if others[a, b]]}


# --- Faces ------------------------------------------------------------------------------------------------------------


def _faces(embeddings: np.ndarray, test: LabelledImages, pairs: Pairs, threshold: float | None) -> dict[str, Any]:
    similarity = metrics.similarities(metrics.normalised(embeddings), pairs)
    known = threshold is not None
    limit = threshold if threshold is not None else metrics.best_threshold(similarity, pairs.same)
    accepted = similarity >= limit
    genuine = np.flatnonzero(pairs.same & ~accepted)
    impostor = np.flatnonzero(~pairs.same & accepted)
    kinds = {
        "taken_for_two": genuine[np.argsort(similarity[genuine], kind="stable")][:WRONG_PAIRS],
        "taken_for_one": impostor[np.argsort(-similarity[impostor], kind="stable")][:WRONG_PAIRS],
    }
    return {
        "people": len(np.unique(test.labels)),
        "pairs": len(pairs),
        "roc": roc(similarity, pairs.same),
        "threshold": round(float(limit), 4),
        "threshold_of": "training images" if known else "these pairs",
        **{name: round(rate, 4) for name, rate in metrics.error_rates(similarity, pairs.same, limit).items()},
        **{kind: [_pair(test, pairs, similarity, i) for i in chosen] for kind, chosen in kinds.items()},
    }


def roc(similarity: np.ndarray, same: np.ndarray) -> list[list[float]]:
    """Return points (false accept rate, true accept rate) of a ROC curve, from (0, 0) to (1, 1)."""
    order = np.argsort(-similarity, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(similarity[order])), len(order) - 1)  # equal similarities are one step
    accepted = np.cumsum(same[order])[ends] / same.sum(), np.cumsum(~same[order])[ends] / (~same).sum()
    points = np.concatenate([[[0.0, 0.0]], np.stack(accepted[::-1], axis=1)])
    chosen = np.unique(np.linspace(0, len(points) - 1, POINTS).round().astype(int))
    return [[round(float(far), 5), round(float(tar), 5)] for far, tar in points[chosen]]


def _pair(test: LabelledImages, pairs: Pairs, similarity: np.ndarray, i: int) -> dict[str, Any]:
    images = int(pairs.first[i]), int(pairs.second[i])
    return {
        "similarity": round(float(similarity[i]), 4),
        "images": list(images),
        "people": [test.class_names[test.labels[image]] for image in images],
        "pictures": [picture(test.pixels[image]) for image in images],
    }


def picture(pixels: np.ndarray) -> str:
    """Return an image, uint8 (height, width, 1 or 3), as PNG in base64, at most SIDE pixels wide and high."""
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()
