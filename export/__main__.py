"""`python -m export COMMAND`: from a trained run, or any int8 .tflite, to what is deployed, and the proof of it."""

import json
import sys
import time
from pathlib import Path

from sfkeras import at_work, atomic_file, command, startup


class Commands:
    """From a trained run, or any int8 .tflite, to what is deployed, and the proof of it."""

    def compile(
        self,
        network: str,
        out: str,
        size: str | None = None,
        flash: str = "small",
        channels: str | None = None,
        pictures: str | None = None,
        pixels: str = "-1..1",
        factor_bits: int | None = None,
    ):
        """Writes the line-streaming C of a network into a folder, and prints its line plan.

        Args:
            network: a run folder such as runs/face, a .tflite, or with --pictures a .keras or .h5 file.
            out: the folder to write; made if need be.
            size: height and width of the images, such as 480x640, if not those of the training.
            flash: small, or fast: codes lie as a Cortex-M4, M7 or M33 multiplies them, and take twice the bytes.
            channels: all, or changing: channels that never change, whatever the image, are left out. If not given,
                changing for a .tflite. Write all if the C is to load task images of other weights.
            pictures: for a float Keras model: a folder of pictures like those that it will see. It becomes int8 with
                the ranges that they show; OUT/NAME.tflite is that model.
            pixels: the range in which a Keras model takes pixels: -1..1, 0..1 or 0..255.
            factor_bits: of a network in fixed8: the most significant bits of its factors, such as 12, for hardware that is
                as narrow (docs/hardware.md). OUT/NAME.tflite is that network.
        Example:
            compile model_int8.tflite out/ --size=480x640
        """
        from export.c import project
        from export.datapath import task_image
        from export.opening import open_network

        start = time.perf_counter()
        opened = _quantised(network, pictures, pixels, size) if pictures else open_network(network, size)
        opened = opened.laid_out(flash).with_channels(channels).narrowed(factor_bits)
        print(opened.plan)
        for remark in opened.remarks:
            print(remark)
        written = project.write_folder(opened.plan, out, opened.graph)
        if pictures or factor_bits is not None:
            written.append(Path(out, f"{opened.graph.name}.tflite"))
            atomic_file.write(written[-1], opened.tflite.content)
        parameters, image = opened.graph.parameters(), len(task_image.write(opened.plan).content)
        share = image / (image + parameters.frozen_codes)
        print(
            f"task image: {image:,} bytes, {share:.0%} of all constants; {parameters.frozen_codes:,} codes are frozen"
        )
        print(f"{len(written)} files in {out}, planned and written in {time.perf_counter() - start:.1f} s")

    def package(
        self,
        network: str,
        out: str,
        form: str,
        runtime: str = "stream",
        version: str = "1.0.0",
        size: str | None = None,
        flash: str = "small",
        channels: str | None = None,
    ):
        """Writes a network as a library for an ecosystem of boards, with a demo, a check and a README.

        Args:
            network: a run folder such as runs/face, or a .tflite.
            out: the folder to write; a package that is there is replaced.
            form: arduino, platformio, esp-idf, zephyr, cmsis-pack, cmake or single-file.
            runtime: stream, the line-streaming C; or tflm, the .tflite with TensorFlow Lite Micro.
            version: of the package, such as 1.2.0.
            size: height and width of the images, such as 480x640, if not those of the training.
            flash: small, or fast, as of compile.
            channels: all, or changing, as of compile.
        Example:
            package runs/face face_arduino/ --form=arduino
        """
        from export.c.text import c_identifier
        from export.opening import open_network
        from export.packages import folder, package

        folder.require_form(form, runtime)
        folder.require_place(Path(out))
        opened = open_network(network, size).laid_out(flash).with_channels(channels)
        if runtime == folder.TFLM:
            made = package.of_tflite(c_identifier(opened.graph.name), opened.tflite.content, version)
        else:
            made = package.of_network(opened, version)
        written = folder.write(made, form, Path(out))
        print(f"{len(written)} files in {out}; {Path(out, 'README.md')} says how to install it")

    def run(
        self,
        network: str,
        inputs: str,
        outputs: str,
        on: str = "golden",
        size: str | None = None,
        task: str | None = None,
    ):
        """Runs a network on one backend on a batch of int8 images; prints what it costs as JSON.

        Args:
            network: a run folder, a .tflite or a compiled folder.
            inputs: .npy, int8 (images, height, width, channels).
            outputs: .npy to write; .npz, by name, for a network of several outputs.
            on: a backend, such as golden, tflm, c-native or m4; docs/backends.md lists them.
            size: height and width of the images, such as 480x640, if not those of the training.
            task: a task image to load instead of the network's own; on the C of this computer or a board.
        Example:
            run out/ in.npy out.npy --on=m4
        """
        from export.arrays import load_images, save_outputs
        from export.backends.run import run_on
        from export.opening import open_network

        atomic_file.require_place(outputs)
        image = Path(task).read_bytes() if task else None
        made, cost = run_on(open_network(network, size), load_images(inputs), on, image)
        save_outputs(outputs, made)
        print(json.dumps(cost))

    def predict(
        self,
        network: str,
        *pictures: str,
        on: str = "golden",
        enrol: str | None = None,
        people: str | None = None,
        json_file: str | None = None,
    ):
        """Says what a network sees in pictures: names with probabilities, or who a face is.

        A face network recognises people who were enrolled before, from photos of them.

        Args:
            network: a run folder, a .tflite or a compiled folder.
            pictures: files, or folders whose pictures are all taken.
            on: a backend, such as golden, tflm, c-native or m4; docs/backends.md lists them.
            enrol: of a face network: the name of the person whom the pictures show. They are remembered.
            people: of a face network: the file of the people it remembers; people.bin in the run folder if not given.
            json_file: where to write the same as JSON: a list, with one entry per picture.
        Example:
            predict runs/pictures photo.jpg
        """
        from export.opening import open_network
        from export.predict import picture_codes
        from export.predict import predict as predictions

        if json_file:
            if enrol is not None:
                raise command.Mistake("--json-file is of what is predicted; --enrol predicts nothing")
            atomic_file.require_place(json_file)
        opened, files = open_network(network), picture_codes.found(pictures)
        if people is not None:
            predictions.require_faces(opened)
        table = Path(people) if people else predictions.place_of_people(Path(network))
        if enrol is not None:
            known = predictions.enrol(opened, enrol, files, on, table)
            print(f"{table}: {enrol} with {known.photos[enrol]} photos; {len(known.sums)} people in all")
            return
        made = []
        for prediction in predictions.predict(opened, files, on, predictions.enrolled(opened, table)):
            made.append(prediction.to_json())
            print(prediction, flush=True)
        if json_file:
            atomic_file.write(json_file, json.dumps(made, indent=1, ensure_ascii=False))

    def bench(
        self,
        network: str,
        on: str | None = None,
        size: str | None = None,
        flash: str | None = None,
        json_file: str | None = None,
    ):
        """Counts the instructions of one inference on emulated boards, stage by stage, and its RAM and flash.

        On this computer, times one thread of each backend in turn. Ends with status 1 if a backend could not run.

        Args:
            network: a run folder, a .tflite or a compiled folder.
            on: one or several backends, such as m4,c-native; docs/backends.md lists them. host: all on this computer.
            size: height and width of the images, such as 480x640, if not those of the training.
            flash: small or fast, as of compile; if not given, as a compiled folder has it, else small.
            json_file: where to write the same as JSON: a list, with one entry per table.
        Example:
            bench runs/face --on=m55,host
        """
        from export.backends import registry
        from export.measure import bench
        from export.opening import open_network

        backends = registry.select(on, registry.benchable())
        if json_file:
            atomic_file.require_place(json_file)
        opened, measured = open_network(network, size), []
        opened = opened.laid_out(flash) if flash else opened
        for result in bench.measure(opened, backends):
            measured.append(result)
            print(f"{result}\n")
        if json_file:
            atomic_file.write(json_file, json.dumps([each.to_json() for each in measured], indent=1))
        if not all(each.passed for each in measured):
            sys.exit(command.FAILED)

    def area(
        self,
        network: str,
        size: str | None = None,
        cores: int = 2,
        clocks_per_pixel: int = 1,
        unroll: str | None = None,
        library: str = "16nm",
        out: str | None = None,
        factor_bits: int | None = None,
    ):
        """Estimates silicon area, energy and clocks of the hardwired network, stage by stage, for three designs.

        Args:
            network: a run folder, or a frozen core, such as tiny_imagenet or core.npz.
            size: height and width of the images, such as 480x640, if not those of the training; 480x640 for a core.
            cores: of a core: how many trainable cores the network has.
            clocks_per_pixel: of the image: 1, 2, 4, 8, 16, 32 or 64.
            unroll: frozen stages whose convolutions over channels are hardwired, such as stem,stage1.
            library: 16nm, asap7, sky130 or osu018. Memories are counted in 16nm alone.
            out: a folder for area.json and area.svg; made if need be.
            factor_bits: as of compile.
        Example:
            area tiny_imagenet --clocks-per-pixel=4
        """
        from export.graph.switches import ways
        from export.hardware.estimate import report

        opened = _open_network_or_core(network, size, cores).narrowed(factor_bits)
        stages = _listed(unroll)
        made = report.area_report(ways(opened.graph).graph, opened.plan, clocks_per_pixel, stages, library)
        print(made)
        if out is not None:
            Path(out).mkdir(parents=True, exist_ok=True)
            atomic_file.write(Path(out, "area.json"), json.dumps(made.to_json(), indent=1) + "\n")
            atomic_file.write(Path(out, "area.svg"), report.draw(made))

    def hardware(
        self,
        network: str,
        out: str,
        size: str | None = None,
        clocks_per_pixel: int | None = None,
        fpga: str | None = None,
        until: str = "project",
        factor_bits: int | None = None,
        unroll: str | None = None,
    ):
        """Writes the hardwired datapath of a network as Verilog into a folder; for an FPGA, with a project for it.

        Args:
            network: a run folder.
            out: the folder to write; made if need be.
            size: height and width of the images, such as 480x640, if not those of the training.
            clocks_per_pixel: of the image: 1, 2, 4, 8, 16, 32 or 64. If not given: 1, or for an FPGA the fewest that fit.
            fpga: ecp5-25, ecp5-45 or ecp5-85: OUT/fpga is a project with a serial port around the datapath.
            until: of the FPGA: project; netlist, by yosys; or bitstream, also by nextpnr, which takes a minute to hours.
            factor_bits: as of compile.
            unroll: as of area.
        Example:
            hardware runs/face chip/ --clocks-per-pixel=4
        """
        from export.graph.switches import ways
        from export.hardware import folder
        from export.hardware.fpga import project, tools
        from export.hardware.fpga.device import device
        from export.opening import open_network

        if until not in tools.STEPS or (fpga is None and until != tools.STEPS[0]):
            steps = ", ".join(tools.STEPS)
            raise command.Mistake(f"--until is {until!r}; expected one of {steps}, with an --fpga such as ecp5-85")
        if fpga is not None:
            device(fpga)
            tools.require(until)
        opened = open_network(network, size).narrowed(factor_bits)
        graph = ways(opened.graph).graph
        print(folder.write(graph, opened.plan, Path(out), clocks_per_pixel, fpga, _listed(unroll)), flush=True)
        if fpga is not None:
            print(tools.build(Path(out, project.FOLDER), device(fpga), until))

    def image(self, task: str, network: str, file: str):
        """Writes the task image of a run for a network that was compiled before: another task on the same frozen core.

        Args:
            task: a run folder.
            network: the compiled folder, or the run that it was made of.
            file: the .bin to write.
        Example:
            image runs/other out/ other.bin
        """
        from export.datapath import task_image
        from export.opening import open_network

        plan = open_network(task).as_task_of(open_network(network).plan).plan
        content = task_image.write(plan).content
        atomic_file.write(file, content)
        positions = "".join(f", {switch.name} {switch.position}" for switch in plan.switches)
        print(f"{file}: {len(content):,} bytes{positions}")

    def join(self, *runs: str, out: str, size: str | None = None):
        """Joins tasks on one frozen core to one network with an output each, and compares each with its task alone.

        Args:
            runs: two or more run folders; the first settles the frozen core for the others.
            out: the folder to write; what is deployed lies in its folder export, as in a run.
            size: height and width of the images, such as 480x640, if not those of the trainings.
        Example:
            join runs/settle runs/face runs/street --out=runs/joined
        """
        from export.deploy import join_runs

        print(join_runs(runs, out, size))

    def tflm(self, model: str, out: str, name: str | None = None):
        """Writes the application for TensorFlow Lite Micro of any int8 .tflite: C, operators, arena and a check.

        Args:
            model: the .tflite.
            out: the folder to write; made if need be.
            name: of the application, a C identifier in lower case; that of the file if not given.
        Example:
            tflm model_int8.tflite app/ --name=detector
        """
        from export.c.text import c_identifier
        from export.c.tflm import write_sources
        from export.tflite.file.flatbuffer import TfliteError

        try:
            written = write_sources(out, name or c_identifier(Path(model).stem).lower(), Path(model).read_bytes())
        except TfliteError as error:
            raise TfliteError(f"{model}: {error}") from None
        print(f"{len(written)} files in {out}; docs/tflm.md says how to build them")

    def live(self, *networks: str, port: int = 8000, size: str | None = None):
        """Serves a page on this computer that runs the networks' C, compiled to WebAssembly, on pictures and a camera.

        Tasks of one core are swapped on the page by their task images. Any int8 .tflite can be dropped on it.

        Args:
            networks: run folders, .tflite files or compiled folders.
            port: of http://127.0.0.1.
            size: height and width of the images, such as 480x640, if not those of the training.
        Example:
            live runs/face runs/classes
        """
        from export.live.serve import HOST, server
        from export.opening import open_network

        if not networks:
            raise ValueError("live needs a network; write for example: live runs/face")
        with server([open_network(network, size) for network in networks], port) as running:
            print(f"http://{HOST}:{running.server_port}/ runs until Ctrl-C; nothing leaves this computer", flush=True)
            at_work.hush()
            running.serve_forever()

    def report(self, *networks: str, on: str = "m4", out: str | None = None, fail_if: str | None = None):
        """Writes one HTML page about a network: accuracy, mistakes, memory, boards that it fits on, proof.

        Args:
            networks: a run folder, a .tflite or a compiled folder; or two, to see what changed.
            on: emulated boards on which it is measured, such as m4,m55,rv32. A board without its compiler is left out.
            out: the .html to write, with a .json of the same name; report.html in a run, else NAME_report.html here.
            fail_if: conditions for which it ends with status 1, such as "ram>64k,flash>256k"; of ram, flash, task_image,
                macs and instructions of the first board.
        Example:
            report runs/face --fail-if="ram>128k,flash>512k"
        """
        from export.report import gate, write

        if not 1 <= len(networks) <= 2:
            raise command.Mistake(f"report takes one network, or two to compare; got {len(networks)}")
        conditions = gate.parse(fail_if) if fail_if else []
        failed = write.report([Path(network) for network in networks], on, Path(out) if out else None, conditions)
        if failed:
            print("\n".join(failed), file=sys.stderr)
            sys.exit(command.FAILED)

    def verify(
        self,
        network: str,
        inputs: int | None = None,
        few: int = 4,
        json_file: str | None = None,
        task: str | None = None,
        on: str | None = None,
    ):
        """Proves that all exact backends give the same bytes at every tensor; ends with status 1 if one does not.

        A run is proven on its test images too, and its report.md written again.

        Args:
            network: a run folder, a .tflite or a compiled folder.
            inputs: how many random images; 20 if not given, and 100 of a run.
            few: how many of them for the slow backends: emulated boards, sanitizers, C that is not optimised.
            json_file: where to write the result with the CRC-32 of every tensor by backend; runs have verify.json too.
            task: a run whose task image the network then loads; proven against the task's own graph.
            on: one or several backends, such as tflm,c-native,m4; all if not given. docs/backends.md lists them.
        Example:
            verify runs/face --on=c-native,m4
        """
        from export.backends import registry

        backends = registry.select(on, registry.provable())
        registry.require_modules(backends)
        chosen = [backend.name for backend in backends]
        if not _prove(Path(network), inputs, few, json_file, task, chosen):
            sys.exit(command.FAILED)


def _quantised(path: str, pictures: str, pixels: str, size: str | None):
    from export.opening import quantised
    from export.predict import picture_codes

    return quantised(path, picture_codes.found([pictures]), pixels, size)


def _listed(words: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Return words of an option, separated by commas."""
    return tuple(words.split(",")) if isinstance(words, str) else tuple(words or ())


def _open_network_or_core(path: str, size: str | None, cores: int):
    """Open a network, or make one of a frozen core: a file NAME.npz, or the name of one that comes with sfkeras."""
    from export.graph.passes.resize import parse_size
    from export.hardware.estimate.core_network import network_of
    from export.network import Network
    from export.opening import open_network
    from sfkeras.nn.freezing.core import Core, names

    if Path(path).is_dir() or Path(path).suffix in (".graph", ".tflite"):
        return open_network(path, size)
    if Path(path).suffix != ".npz" and path not in names():
        raise ValueError(
            f"{path} is no run folder, and no frozen core: expected a core file (.npz) or one of {', '.join(names())}"
        )
    core = Core.load(path)
    return Network(network_of(core.codes, parse_size(size or "480x640"), cores, Path(path).stem))


def _prove(path: Path, inputs: int | None, few: int, json_file: str | None, task: str | None, on: list[str]) -> bool:
    if json_file:
        atomic_file.require_place(json_file)
    if (path / "recipe.yaml").is_file() and task is None:
        from sfkeras.startup import load_tensorflow

        load_tensorflow()
        from export.report.run_report import MOST_RANDOM, verify_run
        from sfkeras.training.run_folder.folder import Run
        from sfkeras.training.trainer import Training

        run = Run.at(path)
        passed = verify_run(Training(run), on, inputs or MOST_RANDOM, few)
        if json_file:
            atomic_file.write(json_file, (run.export / "verify.json").read_bytes())
        return passed

    from export.opening import open_network

    opened = open_network(path)
    if task is not None:
        opened = open_network(task).as_task_of(opened.plan)
    proof = opened.verify(inputs or 20, few, on)
    print(proof)
    if json_file:
        atomic_file.write(json_file, json.dumps(proof.to_json(), indent=1))
    return proof.passed


def main(words: list[str] | None = None) -> int:
    """Runs a command. Returns its exit code: 0 done, 1 a proof failed, 2 a mistake of the user, 130 interrupted."""
    startup.prepare_command()
    words = sys.argv[1:] if words is None else words
    return command.run("python -m export", Commands.__doc__, command.commands_of(Commands), words)


if __name__ == "__main__":
    sys.exit(main())
