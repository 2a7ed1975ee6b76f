"""Silicon area of a network: estimated for the datapath that export/hardware generates, and by the paper's calibration."""

import functools
import json

from sfkeras import places

# Table 3's areas divided by its parameters, everything included: 1.32 mm2 for 140K frozen weights,
# 1.34 mm2 for 60K trainable weights.
FROZEN_UM2, TRAINABLE_UM2 = 9.43, 22.33
SILICON = places.workplace() / "results" / "silicon.json"
DESIGN = "folded, 1 per pixel"
ESTIMATED = {  # keys of the recipes whose area silicon.json adds up to: whole cores of Table 1
    "network.kind": "semifreddo",
    "network.width": "1.0",
    "network.frozen": "true",
    "network.frozen_share": "null",
    "network.frozen_layers": "null",
    "network.first_pointwise": "false",
}


def calibrated_mm2(frozen, trainable):
    """Return the area of a number of parameters by the paper's calibration, in mm2 of its 16 nm process."""
    return (frozen * FROZEN_UM2 + trainable * TRAINABLE_UM2) / 1e6


def estimated_mm2(recipe):
    """Return the estimated area of a network at 640x480 and one clock per pixel, in mm2 of 16 nm; None if there is none.

    Args:
        recipe: {dotted key: text} of a result.
    """
    if any(recipe.get(key) != text for key, text in ESTIMATED.items()) or not SILICON.exists():
        return None
    parts = _silicon()["mm2"][DESIGN]
    return parts["image"] + parts["frozen"] + int(recipe["network.cores"]) * parts["trainable"]


def of_core(core):
    """Return the area of a frozen core that comes with the package, {design: mm2}, at 640x480 and one clock per pixel."""
    return _silicon()["cores"][core]


@functools.cache
def _silicon():
    return json.loads(SILICON.read_text())
