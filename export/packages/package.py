"""What a package holds in every form: the C of a network, a demo for boards, a check, and texts about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from export.c import project, tflm
from export.c.text import c_identifier
from export.datapath import task_image
from export.graph import graph_file
from export.network import Network
from export.tflite.file import flatbuffer
from sfkeras import places

Files = dict[str, str | bytes]  # content by path, with slashes

TFLM_LIBRARY = ("stream", "sf_crc32.c"), ("stream", "sf_crc32.h"), ("device", "sf_pixels.h")  # of MICRO, for TFLM
URL = "https://arxiv.org/abs/2006.06888"  # the paper: a package must name some page


@dataclass(frozen=True)
class Package:
    """The parts of a package, which a form puts where its ecosystem looks for them.

    Attributes:
        name: of the network, a C identifier in lower case; it is the name of the package too.
        sources: C and headers by path; NAME.h includes all that a firmware needs.
        demo: main.c and demo.h, or main.cc: a program for boards.
        extras: by path below extras/: what is not compiled into a firmware.
        values: by placeholder, for the templates.
        templates: folder of micro with a folder of templates per form.
    """

    name: str
    sources: Files
    demo: Files
    extras: Files
    values: dict[str, object]
    templates: str = "packages"

    @property
    def c_files(self) -> list[str]:
        """The sources that are compiled."""
        return sorted(path for path in self.sources if path.endswith(".c"))

    def filled_in(self, form: str, **more: object) -> Files:
        """The files that only this form has, by path, from the form's templates."""
        return {**project.filled_in(f"{self.templates}/{form}", self.values | more)}

    def below(self, folder: str, files: Files) -> Files:
        """Files put into a folder."""
        return {f"{folder}/{path}": content for path, content in files.items()}

    def laid_out(self, form: str, demo: str, **more: object) -> Files:
        """Sources below src/, extras, the demo in a folder, and the form's own files.

        Args:
            demo: where demo.h goes, and main.c unless the form has a main program of its own there.
            more: values of placeholders that only this form has.
        """
        own = self.filled_in(form, **more)
        has_main = any(path.startswith(f"{demo}/") and path.endswith((".c", ".ino")) for path in own)
        shown = {name: text for name, text in self.demo.items() if not (has_main and name == "main.c")}
        return {
            **self.below("src", self.sources),
            **self.below("extras", self.extras),
            **self.below(demo, shown),
            **own,
            "LICENSE": places.shipped("LICENSE").read_text(),
        }


def of_network(network: Network, version: str) -> Package:
    """Return the package of a network as line-streaming C.

    Raises: ValueError if the version is not of the form 1.2.3; GraphError if C cannot hold the network.
    """
    require_version(version)
    plan = network.plan
    name, image = c_identifier(plan.graph.name), task_image.write(plan)
    values = project.placeholders(plan, image)
    shape = "x".join(str(values[part]) for part in ("height", "width", "channels"))
    values |= {
        "version": version,
        "url": URL,
        "sentence": f"{name}, an int8 neural network for images of {shape}, row by row.",
        "paragraph": (
            f"{plan.macs:,} MACs per image, {values['memory']:,} bytes of RAM and the stack. "
            "C99 that needs nothing else; made by sfkeras."
        ),
    }
    compiled = project.files_of(plan, image, values)
    outside = {
        "main.c": "check/main.c",
        f"{name}_task.bin": f"{name}_task.bin",
        "sf/sf_measure.h": "check/sf/sf_measure.h",
    }
    sources = {
        path: content for path, content in compiled.items() if path.endswith((".c", ".h")) and path not in outside
    }
    demo = project.filled_in("packages/demo", values)
    extras = {place: compiled[path] for path, place in outside.items()}
    extras |= {"send_task.py": demo.pop("send_task.py"), f"{name}.graph": graph_file.to_bytes(network.graph)}
    headers = [f"{name}_stream.h", "sf/sf_crc32.h", "sf/sf_people.h", "sf/sf_pixels.h", "sf/sf_slots.h"]
    sources[f"{name}.h"] = umbrella(name, [header for header in headers if header in sources])
    values["readme"] = project.filled_in("packages/readme", values)["stream.md"]
    return Package(name, sources, {**demo}, extras, values)


def of_tflite(name: str, content: bytes, version: str) -> Package:
    """Return the package of a .tflite as an application of TensorFlow Lite Micro.

    Args:
        name: a C identifier in lower case.
    Raises: ValueError if the version is not of the form 1.2.3, or the input is not one image; as tflm.sources.
    """
    require_version(version)
    made, values = tflm.sources(name, content), tflm.placeholders(name, content)
    (shape,) = image_shapes(name, content)
    values |= {
        **dict(zip(("height", "width", "channels"), shape)),
        "version": version,
        "url": URL,
        "sentence": f"{name}, an int8 neural network for images of {'x'.join(map(str, shape))}, run by TensorFlow Lite Micro.",
        "paragraph": f"A .tflite of {len(content):,} bytes with its application; made by sfkeras.",
    }
    library = {f"sf/{path}": (project.MICRO / folder / path).read_text() for folder, path in TFLM_LIBRARY}
    own = {path: text for path, text in made.items() if path.startswith(f"{name}_")}
    headers = [f"{name}_app.h", "sf/sf_crc32.h", "sf/sf_pixels.h"]
    sources: Files = {**own, **library, f"{name}.h": umbrella(name, headers)}
    values["readme"] = project.filled_in("packages/tflm/readme", values)["tflm.md"]
    demo = project.filled_in("packages/tflm/demo", values)
    return Package(name, sources, {**demo}, {f"{name}.tflite": content}, values, "packages/tflm")


def image_shapes(name: str, content: bytes) -> list[tuple[int, ...]]:
    """Return the shape of a model's one image, without the batch. Raises: ValueError if it has no such input."""
    model = flatbuffer.parse(content)
    shapes = [model.tensors[index].shape for index in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] not in (1, 3):
        raise ValueError(f"{name} has inputs of shapes {shapes}; a package needs one image of 1 or 3 channels")
    return [shapes[0][1:]]


def require_version(version: str) -> None:
    """Raise ValueError unless a version is of the form 1.2.3."""
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version, re.ASCII):
        raise ValueError(f"--version is {version!r}; it must be three numbers, such as 1.0.0")


def umbrella(name: str, headers: list[str]) -> str:
    """The header that includes all that a firmware needs."""
    guard = f"{name.upper()}_H_"
    lines = [f'#include "{header}"' for header in headers]
    return "\n".join([f"#ifndef {guard}", f"#define {guard}", "", *lines, "", f"#endif  // {guard}", ""])
