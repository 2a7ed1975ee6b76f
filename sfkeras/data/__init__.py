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

_HOME = {  # the room of each public name
    "": ["batches", "images", "pairs", "survey"],
    ".sources": ["att", "camvid", "folder", "idx", "lfw", "tfds", "tfrecord"],
    ".sources.registry": ["SOURCES", "load", "require"],
}
__all__ = sorted(name for names in _HOME.values() for name in names)


def __getattr__(name):
    for home, names in _HOME.items():
        if name in names:
            if home == ".sources.registry":
                return getattr(importlib.import_module("sfkeras.data.sources.registry"), name)
            return importlib.import_module(f"sfkeras.data{home}.{name}")
    raise AttributeError(f"module 'sfkeras.data' has no attribute {name!r}")
