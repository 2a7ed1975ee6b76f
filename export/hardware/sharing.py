"""Which requantisers of a slow datapath are one, that its streams share in turn (rtl/compute/sf_shared_requantise.sv).

With many clocks per pixel, requantisers are more logic than multipliers are. Those of maps of one size and one number of
channels are shared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from export.hardware.blocks import Block, Requantise, Share
from export.hardware.folding import SLOW, Folding

MOST_STREAMS, MOST_WORDS = 16, 1024  # of one requantiser; words are biases and factors


def shared(blocks: Iterable[Block], folding: Folding) -> tuple[Block, ...]:
    """Return blocks of which requantisers are shared where the clocks suffice."""
    made = list(blocks)
    if folding.clocks_per_pixel < SLOW:
        return tuple(made)
    alike = defaultdict(list)
    for i, block in enumerate(made):
        if isinstance(block, Requantise) and _can_share(block):
            alike[block.output.shape].append(i)
    count = 0
    for shape, places in alike.items():
        beats, clocks = shape[2], folding.clocks(shape) * 3 // 4
        most = min(MOST_STREAMS, MOST_WORDS // beats, clocks // beats)
        if most < 2 or len(places) < 2:
            continue
        # Sums of few bits together, and as many in each
        places = sorted(places, key=lambda i: made[i].input.bits)
        engines = -(-len(places) // most)
        for engine in range(engines):
            chosen = places[engine * len(places) // engines : (engine + 1) * len(places) // engines]
            together = [block for i in chosen if isinstance(block := made[i], Requantise)]
            steps = folding.shared_steps(together[0].factor_bits, len(together), beats, shape)
            ordered = sorted(zip(chosen, together), key=lambda pair: pair[1].word)
            for position, (i, block) in enumerate(ordered):
                made[i] = replace(
                    block,
                    steps=steps,
                    bias_bits=max(each.bias_bits for each in together),
                    sum_bits=max(each.sum_bits for each in together),
                    share=Share(count, position, len(together), max(each.input.bits for each in together)),
                )
            count += 1
    return tuple(made)


def _can_share(block: Requantise) -> bool:
    return block.output.lanes == 1 and block.zero_point == 0 and block.maximum == 127 and block.minimum in (-128, 0)
