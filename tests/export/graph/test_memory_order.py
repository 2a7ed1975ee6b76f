"""The order of operators: valid, and no larger a peak than the order given."""

from hypothesis import given, settings
from hypothesis import strategies as st

from export.graph.memory_order import Step, peak_memory, small_memory_order


@st.composite
def programs(draw):
    """Random steps in an order of data flow, and sizes of what they make."""
    steps = []
    for i in range(draw(st.integers(1, 12))):
        reads = draw(st.lists(st.integers(0, i), max_size=3, unique=True))  # 0 is the input
        steps.append(Step(tuple(reads), (i + 1,)))
    sizes = {tensor: draw(st.integers(1, 100)) for tensor in range(len(steps) + 1)}
    return steps, sizes


@settings(max_examples=200, deadline=None, derandomize=True)
@given(programs())
def test_orders_are_valid_and_no_worse(program):
    steps, sizes = program
    outputs = {len(steps)}
    order = small_memory_order(steps, sizes, outputs)
    assert sorted(order) == list(range(len(steps)))
    made = {0}
    for i in order:
        assert made.issuperset(steps[i].reads)
        made.update(steps[i].makes)
    assert peak_memory([steps[i] for i in order], sizes, outputs) <= peak_memory(steps, sizes, outputs)


def test_large_maps_are_made_late():
    # Two branches, each through a large map; given breadth first, both large maps would be alive together.
    steps = [
        Step(("in",), ("large1",)),
        Step(("in",), ("large2",)),
        Step(("large1",), ("a",)),
        Step(("large2",), ("b",)),
    ]
    steps.append(Step(("a", "b"), ("out",)))
    sizes = {"in": 5, "large1": 100, "large2": 100, "a": 1, "b": 1, "out": 1}
    assert peak_memory(steps, sizes, {"out"}) == 205
    order = small_memory_order(steps, sizes, {"out"})
    assert peak_memory([steps[i] for i in order], sizes, {"out"}) == 106
