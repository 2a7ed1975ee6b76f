"""`python -m export COMMAND`: from a trained run, or any int8 .tflite, to what is deployed, and the proof of it."""

import json
import sys
import time
from pathlib import Path

import fire

from sfkeras.errors import RecipeError


class Commands:
    """From a trained run, or any int8 .tflite, to what is deployed, and the proof of it."""

    def compile(self, network, out):
        """Writes the line-streaming C of a network into a folder, and prints its line plan.

        Args:
            network: a run folder such as runs/face, or a .tflite.
            out: the folder to write; made if need be.
        """
        from export import c_model, graph_file
        from export.opened import open_network

        start = time.perf_counter()
        opened = open_network(network)
        print(opened.plan)
        written = c_model.write_folder(opened.plan, out)
        graph_file.save(opened.graph, Path(out) / f"{c_model.c_identifier(opened.graph.name)}.graph")
        print(f"\n{len(written) + 1} files in {out}, planned and written in {time.perf_counter() - start:.1f} s")

    def run(self, network, inputs, outputs, on="golden"):
        """Runs one reading of a network on a batch of int8 images; prints what it costs as JSON.

        Args:
            network: a run folder, a .tflite or a compiled folder.
            inputs: .npy, int8 (images, height, width, channels).
            outputs: .npy to write; .npz, by name, for a network of several outputs.
            on: golden, stream, tflite, tflm, c, m4, m7 or m55.
        """
        from export.arrays import load_images, save_outputs
        from export.opened import open_network
        from export.run_on import run_on

        opened = open_network(network)
        made, cost = run_on(opened, load_images(inputs), on)
        save_outputs(outputs, made)
        print(json.dumps(cost))

    def verify(self, run):
        """Compares golden, BUILTIN_REF and TFLM on the test images and 100 random inputs of a run, such as runs/face."""
        from sfkeras.startup import load_tensorflow

        load_tensorflow()
        from export.report import verify_run
        from sfkeras.run import Run
        from sfkeras.training import Training

        if not verify_run(Training(Run.at(run))):
            sys.exit(1)


def main():
    try:
        fire.Fire(Commands, name="python -m export")
    except (RecipeError, ValueError, OSError, RuntimeError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
