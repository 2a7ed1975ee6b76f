"""Silicon area per parameter, from the paper's own numbers (Table 3)."""

# Table 3's areas divided by its parameters, everything included: 1.32 mm2 for 140K frozen weights,
# 1.34 mm2 for 60K trainable weights.
FROZEN_UM2, TRAINABLE_UM2 = 9.43, 22.33


def area_mm2(frozen, trainable):
    """Return the silicon area of a number of parameters, in mm2 of the paper's 16 nm process."""
    return (frozen * FROZEN_UM2 + trainable * TRAINABLE_UM2) / 1e6
