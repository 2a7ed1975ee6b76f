"""What hardwired matrices are compared with computes sums of products."""

import numpy as np
import pytest

from export.hardware.synthesis import booth
from tests.export.hardware.test_hardwired import sums
from tests.rtl.bench import lines

RANDOM = np.random.default_rng(5)


@pytest.mark.icarus
def test_multipliers_per_weight_are_exact(tmp_path):
    codes, pixels = RANDOM.integers(-128, 128, (40, 2, 3)), RANDOM.integers(-128, 128, (40, 3))
    words = lines(np.concatenate([pixels, codes.reshape(40, -1)], axis=1), 9)
    text = booth.booth("booth", 2, 3, 18)
    ports = ".x(in_data[23:0]), .codes(in_data[71:24]), .y(out_data)"
    made = sums(tmp_path, "booth", text, words, 3, 2, 18, ports)
    np.testing.assert_array_equal(made, np.einsum("poi,pi->po", codes, pixels))
