"""Two tasks on one frozen core: the second is a small file that the first one's firmware loads.

    python examples/two_tasks.py out/

Both networks are untrained, so that it runs at once. Trained ones are made alike: two runs of
`sfkeras train` with the same core.
"""

import sys
from pathlib import Path

import numpy as np
import tf_keras as keras

import export
import sfkeras
from export.backends.run import run_on
from export.datapath import task_image


def task(seed, images):
    """The network of a task: 10 numbers about an image of 32x32."""
    keras.utils.set_random_seed(seed)
    model = sfkeras.SemifreddoNet((32, 32, 3), [sfkeras.Head(10)], cores=1)  # its frozen core comes with sfkeras
    return export.open(sfkeras.quantise(model, images))


def main(folder):
    images = np.random.default_rng(1).integers(-128, 128, (4, 32, 32, 3)).astype("float32") / 128
    first, second = task(1, images), task(2, images)
    first.compile(folder)

    as_second = second.as_task_of(first.plan)
    image = task_image.write(as_second.plan).content
    Path(folder, "second.bin").write_bytes(image)
    frozen = first.graph.parameters().frozen_codes
    print(f"second.bin: {len(image):,} bytes; the {frozen:,} frozen codes stay where they are")

    codes = (images * 128).astype("int8")
    alone, _ = run_on(second, codes, "golden")
    loaded, _ = run_on(first, codes, "c-native", image)  # the first one's C, with the second one's task
    for name, values in zip(alone.values(), loaded.values()):
        assert np.array_equal(name, values)
    print("the C of the first task, with second.bin, gives the bytes of the second")


if __name__ == "__main__":
    main(sys.argv[1])
