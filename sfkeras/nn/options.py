"""The options of a SemifreddoNet. Nothing here imports TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from sfkeras.nn.freezing.core import Core


@dataclass(frozen=True)
class NetworkOptions:
    """The options of a SemifreddoNet: everything but its input and heads (section 3.2, Table 1).

    Args:
        cores: int >= 0. Number of trainable cores.
        frozen: bool. Whether there is a frozen core.
        core: Core, or its name or path, or None. The frozen core's int8 codes and batch-norms; by
            default the core that comes with sfkeras. None leaves its kernels trainable, which is how
            a core is made.
        width: float. Multiplies the channels of Table 1. The stem has a multiple of 8 channels.
        core_shuffle: bool. Whether the trainable cores swap half of their feature maps after each
            module (section 3.2).
        alpha: float in [0, 1] or None. Fixes every alpha (equation 1): 0 separates the cores, 0.5
            makes the trainable cores residual extractors. None trains the alphas.
        alpha_start: float in (0, 1) or None. Initial value of the alphas that train. None starts
            them at random.
        alpha_rate: float. Learning rate of the alphas, as a multiple of that of the other weights
            (with Adam).
        start: "random" or "core". Initial weights of the trainable cores. "core" copies the frozen
            core's stem and the first unit of each of its modules; it needs `core`.
        repeats: int >= 1. Number of passes through the last module (section 3.4, Fig. 5). Each pass
            has its own trainable weights and batch-norms, and the same frozen kernels.
        first_pointwise: bool. Whether units begin with the pointwise convolution that the paper
            drops (section 5, Fig. 4).
        train_batch_norm: bool. Whether the batch-norms of a frozen core train (section 5).
        shares: sequence of floats in [0, 1], one per convolution of the core, or None. The share
            of each convolution's weights that is frozen (section 3.1, schemes.py). None freezes
            the whole core.

    Example:
        >>> from sfkeras import NetworkOptions
        >>> options = NetworkOptions(cores=1, frozen=False, width=0.25)
        >>> options.cores, options.core_shuffle
        (1, True)
    """

    cores: int = 2
    frozen: bool = True
    core: Core | str | None = "tiny_imagenet"
    width: float = 1.0
    core_shuffle: bool = True
    alpha: float | None = None
    alpha_start: float | None = None
    alpha_rate: float = 1.0
    start: str = "random"
    repeats: int = 1
    first_pointwise: bool = False
    train_batch_norm: bool = True
    shares: Sequence[float] | None = None

    def with_loaded_core(self) -> NetworkOptions:
        """The same options with the core itself; none if there is no frozen core. Raises: RecipeError; see Core.load."""
        core = Core.load(self.core) if self.frozen and isinstance(self.core, str | os.PathLike) else self.core
        return replace(self, core=core if self.frozen else None)

    @property
    def hardwired_core(self) -> Core | None:
        """The core whose codes are the frozen kernels; None if the frozen core's kernels train."""
        return cast(Core | None, self.core) if self.shares is None else None
