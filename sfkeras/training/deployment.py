"""The last step of a training: its deployable files. Only this module of sfkeras imports export."""

from pathlib import Path


def deploy(training):
    """Write what a run deploys into its export folder, and prove it against the integer graph.

    Args:
        training: trainer.Training after its fixed8 phase.
    Raises: SystemExit if the proof finds a difference.
    """
    from export import deploy as exporter
    from export.report.run_report import verify_run

    exporter.deploy(training)
    if not verify_run(training, on=["stream", "tflite-ref", "tflm", "c-gcc-O3"]):
        raise SystemExit(
            f"{training.run.export} does not compute what its integer graph computes. "
            f"See {training.run.export / 'verify.json'} for the first difference."
        )


def join(runs, out: Path):
    """Join finished runs of one core to one network with an output per task, and prove each output.

    Args:
        runs: paths of run folders. The first run settled the core that the others use.
        out: folder to write.
    """
    from export.deploy import join_runs

    print(join_runs(runs, out))
