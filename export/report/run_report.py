"""What a run came to: the proof, one table of accuracy, sizes and digests, as verify.json and report.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from export.datapath import task_image
from export.graph import golden, meaning
from export.graph.golden import random_inputs
from export.graph.graph import Graph
from export.network import Network
from export.opening import open_network
from export.proof.proof import FEW, Proof
from export.report import contents, sizes, write
from export.report.judged import judge
from export.report.page import shown
from export.tflite.running import arena
from export.tflite.running.interpreters import run_tflm
from export.tflite.writing import writer
from sfkeras import atomic_file
from sfkeras.data.images import to_codes

MOST_PROVEN, MOST_RANDOM = 200, 100  # images whose every tensor is compared; test images are evenly spread over all
MOST_VALUES = 600_000_000  # of these tensors, which large images reach with fewer
MOST_IN_GOLDEN = 2000  # of more test images only TFLM, which takes a third of golden's time, is given all


def verify_run(training, on: Iterable[str] | None = None, most_random: int = MOST_RANDOM, few: int = FEW) -> bool:
    """Proves what a run deploys against its integer graph, measures it on the test images, and writes the report.

    All backends give golden's bytes at every tensor, on up to MOST_PROVEN test images and most_random random ones; the
    slow backends take the first few of each. Accuracy is of all test images, in golden too where there are up to
    MOST_IN_GOLDEN.
    Args:
        training: sfkeras.training.trainer.Training whose run's export folder is filled; its data and metrics are used.
        on: names of backends; all that are exact if not given.
        most_random: random images; fewer of a network with large maps.
        few: how many images of each kind the slow backends are given.
    Returns: whether every backend ran and none differed.
    Raises: RecipeError if the run has not been exported, or GraphFileError if its graph is broken.
    """
    run, name = training.run, training.recipe.name
    run.exported(f"{name}.graph"), run.exported(f"{name}.tflite")  # says so if they are not there
    network = open_network(run.folder)
    graph, model, proof = network.graph, network.tflite, Proof(network, few, on)
    codes = {graph.inputs[0]: to_codes(training.split.test.pixels)}
    affordable = max(1, MOST_VALUES // sum(tensor.size for tensor in graph.tensors))
    most_proven, random = min(MOST_PROVEN, affordable), min(most_random, affordable)
    some = {name: images[:: -(-len(images) // most_proven)] for name, images in codes.items()}
    proofs = {"test images": proof.verify(some), "random inputs": proof.verify(random_inputs(graph, random))}
    for inputs, proven in proofs.items():
        print(f"{inputs}: {proven}")
    proof_json = {inputs: proven.to_json() for inputs, proven in proofs.items()}
    atomic_file.write(run.export / "verify.json", json.dumps(proof_json, indent=1))

    places = [model.tensors[output].index for output in graph.outputs]
    in_tflm = run_tflm(model.content, list(codes.values()), places)
    accuracy = run.accuracy()
    if len(training.split.test) <= MOST_IN_GOLDEN:
        outputs = golden.run(graph, codes, keep=graph.outputs)
        accuracy["integer graph"] = training.measure([outputs[output] for output in graph.outputs])
    deployed = [in_tflm[place] for place in places]
    accuracy["TFLM"] = training.measure(deployed)
    run.write_accuracy(accuracy)
    run.write_correct_cases(training.correct_cases(deployed))
    run.write_judged(judge(meaning.meanings_of(graph), deployed, training.split.test, training.split.pairs))
    run.write_thresholds(_thresholds(training, graph, deployed))
    text = report(run, network, proofs, accuracy)
    atomic_file.write(run.folder / "report.md", text)
    write_page(run, network, on)
    print(f"\n{text}")
    return all(proven.passed for proven in proofs.values())


def write_page(run, network: Network, on: Iterable[str] | None) -> None:
    """Writes report.html and report.json of a run; measured on a board if all backends are asked for, else estimated."""
    try:
        measured = sizes.measure(network, ["m4"] if on is None or "m4" in on else [])
    except RuntimeError:  # of a board whose C differs or cannot be built: the proof has said so
        measured = sizes.measure(network, [])
    made = contents.of_network(network, measured, run, run.folder)
    write.write(made, run.folder / "report.html")


def _thresholds(training, graph: Graph, deployed) -> dict[str, dict[str, float]]:
    """Per output with a threshold: the threshold, and the shares of wrong test cases at it."""
    measured = {}
    for (output, known), outputs in zip(meaning.meanings_of(graph).items(), deployed):
        if known.threshold is not None:
            rates = training.task.error_rates(outputs, training.split, known.threshold)
            measured[output] = {"threshold": known.threshold, **rates}
    return measured


def report(run, network: Network, proofs, accuracy) -> str:
    """The report as Markdown."""
    graph, content = network.graph, network.tflite.content
    parameters, memory, plan = graph.parameters(), arena.measure(content), network.plan
    counts, image = writer.operator_counts(content), len(task_image.write(plan).content)
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    shape = "x".join(map(str, graph.tensor(graph.inputs[0]).shape))
    verdicts = [f"- {inputs}: {proof}".replace("\n", "\n  ") for inputs, proof in proofs.items()]
    files = [path for path in sorted(run.export.iterdir()) if path.suffix in (".tflite", ".graph", ".c", ".h")]
    return "\n".join(
        [
            f"# {run.recipe.name}",
            "",
            "## Accuracy on the test images",
            "",
            *accuracy_table(accuracy),
            "",
            "## Proof: the same bytes at every tensor",
            "",
            *verdicts,
            "",
            "## Size",
            "",
            f"- input {shape}, {sum(graph.macs().values()):,} MACs per image",
            *(f"- {output}: {known.task}{of(known.classes)}" for output, known in meaning.meanings_of(graph).items()),
            *(f"- {output}: {judged(each)}" for output, each in run.thresholds().items()),
            f"- parameters: {parameters.frozen_codes:,} frozen codes; {parameters.configurable_codes:,} configurable "
            f"codes; {parameters.frozen_biases + parameters.configurable_biases:,} biases, all configurable",
            f"- line streaming: {plan.bytes:,} B for all rows and sums ({plan.bytes / memory.total:.2f} of the arena below), "
            f"outputs complete {plan.lines - graph.tensor(graph.inputs[0]).shape[0]} lines after the last row",
            f"- task image: {image:,} B, {image / (image + parameters.frozen_codes):.0%} of all constants; the rest is frozen",
            f"- TFLM arena: {memory.total:,} B, of it {memory.maps:,} B of maps (the rest is smaller on a 32-bit chip)",
            f"- operators of the .tflite: {sum(counts.values())} ({kinds})",
            "",
            "## Files",
            "",
            *(f"- {path.name}: {path.stat().st_size:,} B, SHA-256 {digest(path)}" for path in files),
            "",
        ]
    )


def judged(measured: dict[str, float]) -> str:
    """A threshold and its errors in a line."""
    return (
        f"one person from a cosine of {measured['threshold']:.3f} on, which the training people decided; of the test pairs "
        f"{measured['false_accept_rate']:.2%} are accepted wrongly, {measured['false_reject_rate']:.2%} rejected wrongly"
    )


def of(classes: tuple[str, ...]) -> str:
    """The names of classes in a line; of many, the first."""
    shown = ", ".join(classes[:20]) + (", ..." if len(classes) > 20 else "")
    return f" of {len(classes)} classes: {shown}" if classes else ""


def accuracy_table(accuracy: dict[str, dict[str, float]]) -> list[str]:
    """Lines of a Markdown table, one row a form of the network, one column a metric."""
    metrics = list(next(iter(accuracy.values())))
    rows = [["", *(metric.replace("_", " ") for metric in metrics)], ["---"] * (len(metrics) + 1)]
    for form, measured in accuracy.items():
        rows.append([form, *(shown(metric, measured.get(metric)) for metric in metrics)])
    return [f"| {' | '.join(row)} |" for row in rows]


def digest(path) -> str:
    """The first 16 hexadecimal digits of a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
