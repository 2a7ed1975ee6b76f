"""`python -m export COMMAND`: from a trained run, or any int8 .tflite, to what is deployed, and the proof of it."""

import json
import sys
import time
from pathlib import Path

import fire

from sfkeras.errors import RecipeError


class Commands:
    """From a trained run, or any int8 .tflite, to what is deployed, and the proof of it."""

    def compile(self, network, out, size=None, flash="small"):
        """Writes the line-streaming C of a network into a folder, and prints its line plan.

        Args:
            network: a run folder such as runs/face, or a .tflite.
            out: the folder to write; made if need be.
            size: height and width of the images, such as 480x640, if not those of the training.
            flash: small, or fast: codes lie as a Cortex-M4, M7 or M33 multiplies them, and take twice the bytes.
        """
        from export.c import project
        from export.c.text import c_identifier
        from export.datapath import task_image
        from export.graph import graph_file
        from export.network import open_network

        start = time.perf_counter()
        opened = open_network(network, size).laid_out(flash)
        print(opened.plan)
        written = project.write_folder(opened.plan, out)
        graph_file.save(opened.graph, Path(out) / f"{c_identifier(opened.graph.name)}.graph")
        parameters, image = opened.graph.parameters(), len(task_image.write(opened.plan).content)
        share = image / (image + parameters.frozen_codes)
        print(
            f"task image: {image:,} bytes, {share:.0%} of all constants; {parameters.frozen_codes:,} codes are frozen"
        )
        print(f"{len(written) + 1} files in {out}, planned and written in {time.perf_counter() - start:.1f} s")

    def run(self, network, inputs, outputs, on="golden", size=None, task=None):
        """Runs a network on one backend on a batch of int8 images; prints what it costs as JSON.

        Args:
            network: a run folder, a .tflite or a compiled folder.
            inputs: .npy, int8 (images, height, width, channels).
            outputs: .npy to write; .npz, by name, for a network of several outputs.
            on: a backend, such as golden, tflm, c-native or m4; docs/backends.md lists them.
            size: height and width of the images, such as 480x640, if not those of the training.
            task: a task image to load instead of the network's own; on the C of this computer or a board.
        """
        from export.arrays import load_images, save_outputs
        from export.backends.run import run_on
        from export.network import open_network

        image = Path(task).read_bytes() if task else None
        made, cost = run_on(open_network(network, size), load_images(inputs), on, image)
        save_outputs(outputs, made)
        print(json.dumps(cost))

    def bench(self, network, on=None, size=None, flash=None, json_file=None):
        """Counts the instructions of one inference on emulated boards, stage by stage, and its RAM and flash.

        On this computer, times one thread of each backend in turn. Ends with status 1 if a backend could not run.

        Args:
            network: a run folder, a .tflite or a compiled folder.
            on: one or several backends, such as m4,c-native; docs/backends.md lists them. host: all on this computer.
            size: height and width of the images, such as 480x640, if not those of the training.
            flash: small or fast, as of compile; if not given, as a compiled folder has it, else small.
            json_file: where to write the same as JSON: a list, with one entry per table.
        """
        from export.backends import registry
        from export.measure import bench
        from export.network import open_network
        from sfkeras import atomic_file

        backends = registry.select(on, registry.benchable())
        opened, measured = open_network(network, size), []
        opened = opened.laid_out(flash) if flash else opened
        for result in bench.measure(opened, backends):
            measured.append(result)
            print(f"{result}\n")
        if json_file:
            atomic_file.write(json_file, json.dumps([each.to_json() for each in measured], indent=1))
        sys.exit(0 if all(each.passed for each in measured) else 1)

    def image(self, task, network, file):
        """Writes the task image of a run for a network that was compiled before: another task on the same frozen core.

        Args:
            task: a run folder.
            network: the compiled folder, or the run that it was made of.
            file: the .bin to write.
        """
        from export.datapath import task_image
        from export.datapath.retarget import fit
        from export.network import open_network
        from sfkeras import atomic_file

        plan = fit(open_network(task).graph, open_network(network).plan)
        content = task_image.write(plan).content
        atomic_file.write(file, content)
        positions = "".join(f", {switch.name} {switch.position}" for switch in plan.switches)
        print(f"{file}: {len(content):,} bytes{positions}")

    def join(self, *runs, out, size=None):
        """Joins tasks on one frozen core to one network with an output each, and compares each with its task alone.

        Args:
            runs: two or more run folders; the first settles the frozen core for the others.
            out: the folder to write; what is deployed lies in its folder export, as in a run.
            size: height and width of the images, such as 480x640, if not those of the trainings.
        """
        from sfkeras.startup import load_tensorflow

        load_tensorflow()
        from export.deploy import join_runs

        print(join_runs(runs, str(out), size))

    def verify(self, network, inputs=20, few=4, json_file=None, task=None, on=None):
        """Proves that all exact backends give the same bytes at every tensor; ends with status 1 if one does not.

        A run is proven on its test images too, and its report.md written again.

        Args:
            network: a run folder, a .tflite or a compiled folder.
            inputs: how many random images.
            few: how many of them for the slow backends: emulated boards, sanitizers, C that is not optimised.
            json_file: where to write the result with the CRC-32 of every tensor by backend; runs have verify.json.
            task: a run whose task image the network then loads; proven against the task's own graph.
            on: one or several backends, such as tflm,c-native,m4; all if not given. docs/backends.md lists them.
        """
        from export.backends import registry
        from sfkeras.startup import load_tensorflow

        chosen = [backend.name for backend in registry.select(on, registry.provable())]
        load_tensorflow()
        sys.exit(0 if _prove(Path(str(network)), inputs, few, json_file, task, chosen) else 1)


def _prove(path: Path, inputs: int, few: int, json_file: str | None, task: str | None, on: list[str]) -> bool:
    if (path / "recipe.yaml").is_file() and task is None:
        from export.report.run_report import verify_run
        from sfkeras.training.run import Run
        from sfkeras.training.trainer import Training

        return verify_run(Training(Run.at(path)), on)

    from export.graph.golden import random_inputs
    from export.network import open_network
    from export.proof.proof import Proof
    from sfkeras import atomic_file

    opened = open_network(path)
    if task is not None:
        opened = open_network(task).as_task_of(opened.plan)
    proof = Proof(opened, few, on).verify(random_inputs(opened.graph, inputs))
    print(proof)
    if json_file:
        atomic_file.write(json_file, json.dumps(proof.to_json(), indent=1))
    return proof.passed


def main():
    try:
        fire.Fire(Commands, name="python -m export")
    except (RecipeError, ValueError, OSError, RuntimeError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
