"""What a source of data gives: images to train on, images to test, and pairs to verify."""

from dataclasses import dataclass

from sfkeras.data.images import LabelledImages
from sfkeras.data.pairs import Pairs
from sfkeras.data.records import RecordedImages


@dataclass(frozen=True)
class Split:
    """Training images, test images, and the pairs of test images that verification compares.

    The test images have the shape of the network's input. The training images may be smaller (see
    `decode`). `pairs` is None if training and test images have the same classes.
    """

    train: LabelledImages | RecordedImages
    test: LabelledImages
    pairs: Pairs | None
