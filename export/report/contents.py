"""All that a report says, as one JSON whose order and bytes depend only on the run or the model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from export.graph import meaning
from export.graph.operators import ChannelScale, Window
from export.graph.switches import ways
from export.graph.tensor import GraphError
from export.hardware.estimate import report as hardware
from export.hardware.layout import HardwareError
from export.network import Network
from export.opening import open_network
from export.report import boards, judged, sizes
from export.streaming.line_plan import LinePlan
from sfkeras.training.run_folder.folder import Run

FORMAT = "sfkeras report 1"
FILES = (".tflite", ".graph", ".c", ".h", ".bin", ".json")  # whose digests are shown

Contents = dict[str, Any]


def of(path: Path, on: list[str]) -> Contents:
    """Return the contents for a run folder or anything else that `export.open` takes.

    Args:
        path: a run folder, a .tflite, a compiled folder or a .graph.
        on: boards of QEMU on which it is measured.
    Raises: as open_network and sizes.measure; RecipeError if the run is damaged.
    """
    network = open_network(path)
    return of_network(
        network, sizes.measure(network, on), Run.at(path) if (path / "recipe.yaml").is_file() else None, path
    )


def of_network(network: Network, measured: dict[str, Any], run: Run | None, path: Path) -> Contents:
    """Return the contents for an open network. measured: what sizes.measure gave."""
    plan = network.plan
    made: Contents = {
        "format": FORMAT,
        "name": plan.graph.name if run is None else run.recipe.name,
        "input": list(plan.graph.tensor(plan.graph.inputs[0]).shape),
        "outputs": {
            output: {"task": known.task, "classes": list(known.classes), "threshold": known.threshold}
            for output, known in meaning.meanings_of(network.graph).items()
        },
    }
    if run is not None:
        made |= _of_run(run)
    made |= {
        "alphas": _alphas(network, made.pop("float_alphas", {})),
        "sizes": {name: part for name, part in measured.items() if name != "stages"},
        "boards": boards.verdicts(measured["ram"], measured["flash"], sizes.instructions(measured)),
        "stages": _stages(plan, measured["stages"]),
        "memory": _memory(plan),
        "area": _area(network),
        "files": _files(path),
    }
    return made | {"summary": sentence(made)}


def to_json(contents: Contents) -> str:
    return json.dumps(contents, indent=1, ensure_ascii=False) + "\n"


# --- A run ------------------------------------------------------------------------------------------------------------


def _of_run(run: Run) -> Contents:
    accuracy, found = run.accuracy(), run.judged()
    recipe = (run.folder / "recipe.yaml").read_text().splitlines(keepends=True)
    made: Contents = {
        "recipe": "".join(line for line in recipe if not line.startswith("run_root:"))
    }  # of this computer
    if accuracy:
        guesses = {}
        several = len(found) > 1
        for output, each in found.items():
            guessed = judged.chance(each["task"], each.get("classes") or each["people"])
            prefix = f"{output.split('.')[1]}." if several and "." in output else ""
            guesses |= {prefix + name: value for name, value in guessed.items()}
        known = {name: value for name, value in guesses.items() if name in next(iter(accuracy.values()))}
        made["accuracy"] = {**({"chance": known} if known else {}), **accuracy}
    made["epochs"] = run.rows("float") + run.rows("qat")
    made["judged"] = found
    made["float_alphas"] = run.alphas()
    made["proof"] = _proof(run)
    return made


def _proof(run: Run) -> list[Contents]:
    """One row per backend and kind of inputs: what was compared, and the CRC-32 of all its CRCs."""
    path = run.folder / "export" / "verify.json"
    if not path.is_file():
        return []
    rows = []
    for inputs, proof in json.loads(path.read_text()).items():
        for each in proof["backends"]:
            passed = (
                each["left_out"] is None and each["error"] is None and each["differing"] == 0 and each["tensors"] > 0
            )
            rows.append(
                {
                    "backend": each["backend"],
                    "inputs": f"{each['inputs']} {inputs}",
                    "tensors": each["tensors"],
                    "values": each["values"],
                    "differing": each["differing"],
                    "verdict": "equal" if passed else "left out" if each["left_out"] else "different",
                    "why": each["left_out"] or each["error"] or "",
                    "outputs": _crcs_of_outputs(each["checksums"]),
                }
            )
    return rows


def _crcs_of_outputs(checksums: dict[str, str]) -> dict[str, str]:
    """The CRC-32 of the last tensor that a backend shows: an output of the network."""
    return dict([list(checksums.items())[-1]]) if checksums else {}


# --- A network --------------------------------------------------------------------------------------------------------


def _alphas(network: Network, trained: dict[str, list[float]]) -> Contents:
    """Per blend, how much of each channel is the frozen core's: after float training, and as deployed."""
    deployed = {
        operator.name.removesuffix(".blend.frozen"): [round(int(code) / 128, 4) for code in operator.codes]
        for operator in network.graph.operators
        if isinstance(operator, ChannelScale) and operator.name.endswith(".blend.frozen")
    }
    return {name: {"float": trained.get(name), "deployed": values} for name, values in deployed.items()}


def _stages(plan: LinePlan, costs: dict[str, Contents]) -> list[Contents]:
    """Return a row per stage. costs: by its name; a stage that `compile` leaves out has none."""
    macs, rows = plan.graph.macs(), []
    for stage in plan.stages:
        operator, buffer = stage.operator, plan.buffers[stage.operator.output]
        window = "x".join(map(str, operator.kernel)) if isinstance(operator, Window) else ""
        rows.append(
            {
                "stage": operator.name,
                "kind": f"{type(operator).__name__} {window}".strip(),
                "map": list(buffer.tensor.shape),
                "kept_rows": buffer.rows,
                "kept_bytes": buffer.bytes,
                "macs": macs[operator.name],
                **costs.get(operator.name, {"instructions": None, "cycles": None}),
                "first_line": stage.first_line,
                "last_line": stage.last_line,
            }
        )
    return rows


def _memory(plan: LinePlan) -> Contents:
    """Bytes of kept rows that are in use in each line: from a map's first row to the last line that reads it."""
    in_use = [0] * plan.lines
    first = {name: 0 for name in plan.graph.inputs}
    last: dict[str, int] = {}
    for stage in plan.stages:
        first[stage.operator.output] = min(first.get(stage.operator.output, plan.lines), stage.first_line)
        for name in stage.operator.inputs:
            last[name] = max(last.get(name, 0), stage.last_line)
    for name, buffer in plan.buffers.items():
        for line in range(first.get(name, 0), last.get(name, -1) + 1):
            in_use[line] += buffer.bytes
    return {"lines": plan.lines, "shared": plan.shared, "sums": plan.sums, "kept": plan.kept, "kept_in_use": in_use}


def _area(network: Network) -> Contents | None:
    """The estimated silicon area of a network with a frozen core; None of others."""
    if not network.graph.frozen_kernels():
        return None
    try:
        made = hardware.area_report(ways(network.graph).graph, network.plan).to_json()
    except (HardwareError, GraphError):
        return None
    designs = {name: {"mm2": each["mm2"], "cores": each["cores"]} for name, each in made["designs"].items()}
    folded = next(each for each in made["designs"].values() if not each["unrolled"])
    return {
        "library": made["library"]["source"],
        "clocks_per_frame": made["clocks_per_frame"],
        "designs": designs,
        "stages": {name: {"mm2": each["total"], "busy": each["busy"]} for name, each in folded["stages"].items()},
    }


def _files(path: Path) -> list[Contents]:
    folder = path / "export" if (path / "export").is_dir() else path
    found = [path] if path.is_file() else [each for each in sorted(folder.rglob("*")) if each.suffix in FILES]
    return [
        {
            "file": each.relative_to(folder).as_posix() if each != path else each.name,
            "bytes": each.stat().st_size,
            "sha256": hashlib.sha256(each.read_bytes()).hexdigest(),
        }
        for each in found
        if "sf" not in each.parts
    ]


# --- The summary ------------------------------------------------------------------------------------------------------

PLAIN = {
    "verification_accuracy": "gets {} of the pairs of faces right, of people that it has never seen",
    "top1": "gives {} of the test images the right class",
    "pixel_accuracy": "gives {} of the pixels the right class",
}


def sentence(contents: Contents) -> str:
    """Return what there is to say in one sentence, for somebody who reads nothing else."""
    parts = []
    accuracy = contents.get("accuracy", {})
    deployed = accuracy.get("TFLM") or accuracy.get("integer graph")
    metric = next((name for name in deployed or () if name.split(".")[-1] in PLAIN), None)
    if deployed and metric:
        said = PLAIN[metric.split(".")[-1]].format(f"{deployed[metric]:.1%}")
        guess = accuracy.get("chance", {}).get(metric)
        before = accuracy.get("float", {}).get(metric)
        more = [f"{guess:.1%} by chance"] if guess is not None else []
        more += [f"{before:.1%} before it became int8"] if before is not None else []
        parts.append(f"{said} ({', '.join(more)})" if more else said)
    sizes_, fitting = contents["sizes"], sum(board["fits"] for board in contents["boards"])
    about = "about " if sizes_["how"] == "estimated" else ""
    parts.append(
        f"needs {about}{sizes_['ram'] / 1024:,.0f} KB of RAM and {about}{sizes_['flash'] / 1024:,.0f} KB of flash"
    )
    parts.append(f"fits on {fitting} of {len(contents['boards'])} boards that one can buy")
    if proof := contents.get("proof"):
        different = [row["backend"] for row in proof if row["verdict"] == "different"]
        ran = len({row["backend"] for row in proof if row["verdict"] == "equal"})
        parts.append(
            f"is NOT proven: {', '.join(dict.fromkeys(different))} gave other bytes or did not run"
            if different
            else f"gave the same bytes on all {ran} backends that ran it"
        )
    return f"{contents['name']} {', '.join(parts[:-1])}, and {parts[-1]}."
