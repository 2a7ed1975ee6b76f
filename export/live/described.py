"""What the page must know of a network: its images, outputs, rows in memory, and where it would fit."""

from __future__ import annotations

from typing import Any

from export.c.test_vector import vector_image
from export.graph import meaning
from export.graph.graph import Graph
from export.network import Network
from export.report import boards, sizes


def described(network: Network) -> dict[str, Any]:
    """Return it as a dict for JSON; sizes are estimated, since nothing is linked for a board."""
    graph, plan = network.graph, network.plan
    height, width, channels = graph.tensor(graph.inputs[0]).shape
    known = meaning.meanings_of(graph)
    outputs, offset = [], 0
    for name in graph.outputs:
        tensor = graph.tensor(name)
        each = known.get(name)
        outputs.append(
            {
                "name": name,
                "offset": offset,
                "bytes": tensor.size,
                "channels": tensor.channels,
                "task": each.task if each else None,
                "classes": list(each.classes) if each else [],
                "threshold": meaning.cosine_code(each.threshold) if each and each.threshold is not None else None,
            }
        )
        offset += tensor.size
    size = sizes.measure(network, [])
    verdicts = boards.verdicts(size["ram"], size["flash"], {})
    return {
        "name": graph.name,
        "height": height,
        "width": width,
        "channels": channels,
        "fit": meaning.fit_of(graph),
        "outputs": outputs,
        "output_bytes": offset,
        "rows": [
            {
                "name": name,
                "height": graph.tensor(name).shape[0],
                "kept": plan.buffers[name].rows if name in plan.buffers else 0,
            }
            for name in plan.tensor_numbers
        ],
        "ram": size["ram"],
        "flash": size["flash"],
        "macs": size["macs"],
        "boards": [{"name": each["board"], "fits": each["fits"], "reason": each["reason"]} for each in verdicts],
        "vector": vector_image(graph).ravel().tolist(),
    }


def output_of_faces(graph: Graph) -> int | None:
    """Return the number of the output that is an embedding of faces, or None."""
    found = meaning.faces_of(graph)
    return None if found is None else graph.outputs.index(found[0])
