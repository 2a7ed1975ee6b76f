"""The order in which to run operators so that the maps alive at one time need little memory."""

from __future__ import annotations

import heapq
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
    made, stay = {tensor for step in steps for tensor in step.makes}, set(outputs)
    alive = {tensor for step in steps for tensor in step.reads if tensor in sizes and tensor not in made}
    total = peak = sum(sizes[tensor] for tensor in alive)
    for i, step in enumerate(steps):
        total += sum(sizes[tensor] for tensor in set(step.makes))
        peak = max(peak, total)
        ended = {tensor for tensor in (*step.makes, *step.reads) if last[tensor] == i and tensor not in stay}
        total -= sum(sizes[tensor] for tensor in ended if tensor in sizes)
    return peak


def _late(steps: Sequence[Step[Key]]) -> list[int]:
    """Put every step directly before the first step that reads its result."""
    order: list[int] = []
    reads = [set(step.reads) for step in steps]
    for i in reversed(range(len(steps))):
        makes = set(steps[i].makes)
        order.insert(next((place for place, j in enumerate(order) if not makes.isdisjoint(reads[j])), 0), i)
    return order


def _greedy(steps: Sequence[Step[Key]], sizes: Mapping[Key, int], outputs: Collection[Key]) -> list[int]:
    """Take the step that adds the least memory, again and again."""
    readers: dict[Key, set[int]] = {}  # that are still to come, of each tensor
    for i, step in enumerate(steps):
        for tensor in step.reads:
            readers.setdefault(tensor, set()).add(i)
    made, stay = {tensor for step in steps for tensor in step.makes}, set(outputs)
    missing = [len(made & set(step.reads)) for step in steps]

    def growth(i: int) -> int:
        freed = {t for t in steps[i].reads if t in sizes and len(readers[t]) == 1 and t not in stay}
        return sum(sizes[t] for t in steps[i].makes) - sum(sizes[t] for t in freed)

    ready = [(growth(i), i) for i, count in enumerate(missing) if count == 0]
    heapq.heapify(ready)
    order: list[int] = []
    taken: set[int] = set()
    while ready:
        _, chosen = heapq.heappop(ready)
        if chosen in taken:  # it became cheaper while it waited, and was taken
            continue
        taken.add(chosen)
        order.append(chosen)
        for tensor in set(steps[chosen].makes):
            for i in readers.get(tensor, ()):
                missing[i] -= 1
                if missing[i] == 0:
                    heapq.heappush(ready, (growth(i), i))
        for tensor in set(steps[chosen].reads):
            readers[tensor].discard(chosen)
            for i in readers[tensor] if len(readers[tensor]) == 1 else ():
                if missing[i] == 0:
                    heapq.heappush(ready, (growth(i), i))
    return order
