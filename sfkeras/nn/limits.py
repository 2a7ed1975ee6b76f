"""Limits of a SemifreddoNet: input sizes, and which heads on which cores.

Nothing here imports TensorFlow.
"""

import itertools

from sfkeras.errors import RecipeError

MOST_HEADS = 3  # up to three tasks at a time (section 3.2)
BASELINE_WIDTHS = {"shufflenet": (0.5, 1.0), "mobilenet": (0.35, 0.5, 1.0)}  # by network.kind
DOWNSCALING, SMALLEST_SIDE, LARGEST_SIDE = 16, 32, 2048  # Table 1 halves the sides four times


def nearest_side(pixels: float) -> int:
    """Return the possible side nearest to a number of pixels.

    Of two equally near sides, return the larger.
    """
    return min(max(SMALLEST_SIDE, int((pixels + DOWNSCALING // 2) // DOWNSCALING) * DOWNSCALING), LARGEST_SIDE)


def check_sharing(heads: dict, cores: list[str]) -> None:
    """Refuse two heads that read the same core.

    Section 3.2 has one head per core, or one on all trainable cores.

    Raises: RecipeError.
    """
    reads = {name: set(cores) - {"frozen"} if head.on == "cores" else {head.on} for name, head in heads.items()}
    for one, other in itertools.combinations(heads, 2):
        if shared := reads[one] & reads[other]:
            taken = set().union(*(read for name, read in reads.items() if name != other))
            free = [core for core in cores if core not in taken]
            fix = f"heads.{other}.on={free[-1]}" if free else f"heads.{other}=null"
            raise RecipeError(
                f"heads.{one}.on is {heads[one].on} and heads.{other}.on is {heads[other].on}, so both read "
                f"{min(shared)}. Expected one head per core, or one on all trainable cores. Write {fix}."
            )
