"""What a SemifreddoNet can be: input sizes, and how many heads on which cores. Nothing here imports TensorFlow."""

import itertools

from sfkeras.errors import RecipeError

MOST_HEADS = 3  # section 3.2: up to three tasks at a time


DOWNSCALING, SMALLEST_SIDE = 16, 32  # Table 1 halves the sides four times


def nearest_side(pixels: float) -> int:
    """The side nearest to so many pixels that the network can take; of two that are as near, the larger."""
    return max(SMALLEST_SIDE, int((pixels + DOWNSCALING // 2) // DOWNSCALING) * DOWNSCALING)


def check_sharing(heads: dict, cores: list[str]) -> None:
    """Refuses two heads that read the same core (section 3.2: a head on each core, or one on all trainable ones).

    Raises: RecipeError.
    """
    reads = {name: set(cores) - {"frozen"} if head.on == "cores" else {head.on} for name, head in heads.items()}
    for one, other in itertools.combinations(heads, 2):
        if shared := reads[one] & reads[other]:
            taken = set().union(*(read for name, read in reads.items() if name != other))
            free = [core for core in cores if core not in taken]
            mend = f"heads.{other}.on={free[-1]}" if free else f"heads.{other}=null"
            raise RecipeError(
                f"heads.{one}.on is {heads[one].on} and heads.{other}.on is {heads[other].on}, so that both read "
                f"{min(shared)}, wanted one head a core, or one on all trainable cores. Write {mend}."
            )
