"""Labelled images for training and testing: one source per file, each with a function `load`.

    from sfkeras import data
    split = data.load("att", shape=(96, 96, 1), test_people=10)
    order = data.batches.by_people(split.train, people_per_batch=10, images_per_person=5, seed=1)
    stream = data.batches.stream(
        split.train, order, "faces", shape=(96, 96, 1), seed=1, epochs=range(0, 30)
    )

TensorFlow loads with the first batch. Only existing TFRecord shards load it earlier. A source loads
when it is first used, so that asking a network about one picture loads none.
"""

import importlib

_MODULES = {  # by public name
    **{name: f"sfkeras.data.{name}" for name in ("batches", "images", "pairs", "survey")},
    **{name: f"sfkeras.data.sources.{name}" for name in ("att", "camvid", "folder", "idx", "lfw", "tfds", "tfrecord")},
}
_OF_REGISTRY = ("SOURCES", "load", "require")
__all__ = sorted([*_MODULES, *_OF_REGISTRY])


def __getattr__(name):
    if name in _OF_REGISTRY:
        return getattr(importlib.import_module("sfkeras.data.sources.registry"), name)
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    raise AttributeError(f"module 'sfkeras.data' has no attribute {name!r}")
