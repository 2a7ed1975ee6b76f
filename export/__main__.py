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
        """Runs one reading of a network on a batch of int8 images; prints what it costs as JSON.

        Args:
            network: a run folder, a .tflite or a compiled folder.
            inputs: .npy, int8 (images, height, width, channels).
            outputs: .npy to write; .npz, by name, for a network of several outputs.
            on: golden, stream, tflite, tflm, c, native, m4, m7 or m55.
            size: height and width of the images, such as 480x640, if not those of the training.
            task: a task image to load instead of the network's own; on c, native, m4, m7 or m55.
        """
        from export.arrays import load_images, save_outputs
        from export.backends.run import run_on
        from export.network import open_network

        image = Path(task).read_bytes() if task else None
        made, cost = run_on(open_network(network, size), load_images(inputs), on, image)
        save_outputs(outputs, made)
        print(json.dumps(cost))

    def bench(self, network, on="m4,m7,m55,host", size=None, flash=None, json_file=None):
        """Counts the instructions of one inference on emulated boards, stage by stage, and its RAM and flash.

        On this computer (host), times one thread in turn with tf.lite and TensorFlow Lite Micro.

        Args:
            network: a run folder, a .tflite or a compiled folder.
            on: one or several of m4, m7, m55 and host.
            size: height and width of the images, such as 480x640, if not those of the training.
            flash: small or fast, as of compile; if not given, as a compiled folder has it, else small.
            json_file: where to write the same as JSON: a list, with one entry a place.
        """
        from export.backends import machines
        from export.measure import board, host
        from export.network import open_network
        from sfkeras import atomic_file

        places = _chosen(on, [*machines.boards(), "host"])
        opened, measured = open_network(network, size), []
        opened = opened.laid_out(flash) if flash else opened
        for place in places:
            measured.append(host.measure(opened) if place == "host" else board.measure(opened.plan, place))
            print(f"{measured[-1]}\n")
        if json_file:
            atomic_file.write(json_file, json.dumps([each.to_json() for each in measured], indent=1))

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
        """Proves that every way to run a network gives the same bytes at every tensor; ends with status 1 if one does not.

        A run is proven on its test images too, and its report.md written again.

        Args:
            network: a run folder, a .tflite or a compiled folder.
            inputs: how many random images.
            few: how many of them for the slow stages: emulated boards, sanitizers, C that is not optimised.
            json_file: where to write the result with the CRC-32 of every tensor at every stage; runs have verify.json.
            task: a run whose task image the network then loads; proven against the task's own graph.
            on: one or several of the machines that run the C, such as native,m4; all if not given. native is this
                computer with all its instructions, m4, m7 and m55 are emulated boards.
        """
        from export.backends.machines import MACHINES
        from sfkeras.startup import load_tensorflow

        chosen = list(MACHINES) if on is None else _chosen(on, list(MACHINES))
        load_tensorflow()
        sys.exit(0 if _prove(Path(str(network)), inputs, few, json_file, task, chosen) else 1)


def _chosen(on: str | tuple[str, ...], known: list[str]) -> list[str]:
    """The names that a user gives behind --on. Raises: ValueError for one that is not known."""
    names = on.split(",") if isinstance(on, str) else list(on)
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"--on names {unknown[0]!r}, wanted one or several of {', '.join(known)}")
    return names


def _prove(path: Path, inputs: int, few: int, json_file: str | None, task: str | None, on: list[str]) -> bool:
    if (path / "recipe.yaml").is_file() and task is None:
        from export.report.run_report import verify_run
        from sfkeras.training.run import Run
        from sfkeras.training.trainer import Training

        return verify_run(Training(Run.at(path)), on)

    from export.graph.golden import random_inputs
    from export.network import open_network
    from export.proof.proof import Chain
    from sfkeras import atomic_file

    opened, compiled = open_network(path), None
    if task is not None:
        compiled = opened.plan
        opened = open_network(task).resized(compiled.graph.tensor(compiled.graph.inputs[0]).shape[:2])
    proof = Chain(opened, few, on, compiled).verify(random_inputs(opened.graph, inputs))
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
