"""What is fixed of a network: its digest, and its description for those who build it."""

import json
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings

from export.datapath import description, structure, task_image
from export.datapath.structure import wire_runs
from export.streaming import line_plan
from tests.support.networks.graphs import Builder, semifreddo
from tests.support.networks.streams import random_streams
from tests.support.networks.tasks import every_operator, other_task

random_graphs = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def described(graph):
    return description.describe(line_plan.plan(graph))


def renamed(graph, prefix):
    """The same network, all its tensors and operators with other names."""
    return replace(
        graph,
        inputs=[prefix + name for name in graph.inputs],
        outputs=[prefix + name for name in graph.outputs],
        tensors=[replace(tensor, name=prefix + tensor.name) for tensor in graph.tensors],
        operators=[
            replace(operator, name=prefix + operator.name, inputs=[prefix + name for name in operator.inputs])
            for operator in graph.operators
        ],
    )


@random_graphs
@given(random_streams())
def test_names_do_not_count(graph):
    assert structure.digest(line_plan.plan(renamed(graph, "other/"))) == structure.digest(line_plan.plan(graph))


def test_every_task_of_a_datapath_has_its_description():
    graph = every_operator()
    assert description.to_json(described(graph)) == description.to_json(described(other_task(graph)))


@random_graphs
@given(random_streams())
def test_what_a_task_can_set_is_what_its_image_holds(graph):
    plan = line_plan.plan(graph)
    for stage, entry in zip(plan.stages, description.describe(plan)["stages"]):
        assert entry["name"] == stage.operator.name
        assert bool(entry["configurable"]) == bool(task_image.section(stage.operator, graph))


@random_graphs
@given(random_streams())
def test_the_text_is_json_and_always_the_same(graph):
    first = described(graph)
    text = description.to_json(first)
    assert text == description.to_json(described(graph))
    assert json.loads(text) == json.loads(json.dumps(first))


def test_totals_add_up():
    graph = semifreddo((32, 48))
    description = described(graph)
    stages, totals = description["stages"], description["totals"]
    for part, frozen in (("frozen", True), ("configurable", False)):
        assert totals["macs"][part] == sum(stage["macs"] for stage in stages if stage["frozen"] == frozen)
    kept = sum(stage["kept_bytes"] for stage in stages) + description["image"]["kept_bytes"]
    assert totals["bytes"]["kept_rows"] == kept
    assert totals["bytes"]["running_sums"] == 4 * sum(stage["running_sums"] for stage in stages)
    assert totals["lines"] == 1 + max(stage["last_line"] for stage in stages)
    assert totals["codes"]["frozen"] == 137_152


def test_multipliers_are_wide_where_a_scale_is_no_power_of_two():
    net = Builder()
    net.input((4, 4, 2), 2.0**-7)
    net.convolution("narrow", "image", 3, scale=2.0**-4)
    net.convolution("wide", "image", 3, scale=0.0703125)
    assert [stage["multiplier_bits"] for stage in described(net.graph("narrow", "wide"))["stages"]] == [24, 31]


def test_wire_runs_cover_every_place_once():
    random = np.random.default_rng(0)
    shuffle = np.array([(i, c) for c in range(32) for i in range(2)])
    assert wire_runs(shuffle) == [(0, 0, 0, 32, 2), (1, 0, 1, 32, 2)]
    for sources in (shuffle, random.integers(0, 5, (40, 2)), np.zeros((3, 2), int)):
        runs = wire_runs(sources)
        moved = {to + i * step: (input, first + i) for input, first, to, count, step in runs for i in range(count)}
        assert [moved[place] for place in range(len(sources))] == [tuple(source) for source in sources]
        assert sum(count for *_, count, _ in runs) == len(sources)
