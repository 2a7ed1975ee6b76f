"""The order in which to run operators so that the maps alive at one time need little memory."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)  # by which tensors are named


@dataclass(frozen=True)
class Step(Generic[Key]):
    """Something that reads some tensors and makes others. Tensors are named by any hashable key."""

    reads: Sequence[Key]
    makes: Sequence[Key]


def small_memory_order(
    steps: Sequence[Step[Key]], sizes: Mapping[Key, int], outputs: Collection[Key] = ()
) -> list[int]:
    """Order steps for a small peak of memory.

    It tries three orders and returns the best: the order given; a late one, in which each step
    waits until its result is read; and a greedy one, which always takes the step that adds the
    least memory. The optimum is NP-hard to find.

    Args:
        steps: in an order of data flow.
        sizes: bytes of every tensor that is in memory; constants are absent.
        outputs: tensors that stay in memory to the end.
    Returns: indices of the steps in the order to run them.
    """
    candidates = [list(range(len(steps))), _late(steps), _greedy(steps, sizes, outputs)]
    return min(candidates, key=lambda order: peak_memory([steps[i] for i in order], sizes, outputs))


def peak_memory(steps: Sequence[Step[Key]], sizes: Mapping[Key, int], outputs: Collection[Key]) -> int:
    """Return the largest sum of bytes alive during a step. A tensor dies after its last reader."""
    last = {tensor: i for i, step in enumerate(steps) for tensor in (*step.makes, *step.reads)}
    made = {tensor for step in steps for tensor in step.makes}
    alive = {tensor for step in steps for tensor in step.reads if tensor in sizes and tensor not in made}
    peak = 0
    for i, step in enumerate(steps):
        alive |= set(step.makes)
        peak = max(peak, sum(sizes[tensor] for tensor in alive))
        alive -= {tensor for tensor in alive if last[tensor] <= i and tensor not in outputs}
    return peak


def _late(steps: Sequence[Step[Key]]) -> list[int]:
    """Put every step directly before the first step that reads its result."""
    order: list[int] = []
    for i in reversed(range(len(steps))):
        readers = [place for place, j in enumerate(order) if not set(steps[i].makes).isdisjoint(steps[j].reads)]
        order.insert(min(readers, default=0), i)
    return order


def _greedy(steps: Sequence[Step[Key]], sizes: Mapping[Key, int], outputs: Collection[Key]) -> list[int]:
    """Take the step that adds the least memory, again and again."""
    readers: dict[Key, int] = {}
    for step in steps:
        for tensor in set(step.reads) & sizes.keys():
            readers[tensor] = readers.get(tensor, 0) + 1
    missing = {tensor for step in steps for tensor in step.makes}
    waiting, order = list(range(len(steps))), []

    def growth(i: int) -> int:
        freed = {t for t in steps[i].reads if readers.get(t) == 1 and t not in outputs}
        return sum(sizes[t] for t in steps[i].makes) - sum(sizes[t] for t in freed)

    while waiting:
        ready = [i for i in waiting if missing.isdisjoint(steps[i].reads)]
        chosen = min(ready, key=growth)
        waiting.remove(chosen)
        order.append(chosen)
        missing -= set(steps[chosen].makes)
        for tensor in set(steps[chosen].reads) & sizes.keys():
            readers[tensor] -= 1
    return order
