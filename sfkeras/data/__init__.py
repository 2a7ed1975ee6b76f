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

_SOURCES = ("SOURCES", "load", "require")  # names of sources.py
__all__ = [
    *_SOURCES,
    "att",
    "batches",
    "camvid",
    "folder",
    "images",
    "lfw",
    "pairs",
    "survey",
    "tfds",
    "tfrecord",
]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module 'sfkeras.data' has no attribute {name!r}")
    module = importlib.import_module(f"sfkeras.data.{'sources' if name in _SOURCES else name}")
    return getattr(module, name) if name in _SOURCES else module
