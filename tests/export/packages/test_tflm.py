"""Packages for TensorFlow Lite Micro, where an ecosystem has it. TFLM itself is no part of the tests (see test_tflm in c/)."""

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from export import __main__
from export.graph import graph_file
from export.packages import folder, package
from export.tflite.writing.writer import write
from tests.export.packages.test_builds import tool
from tests.support.networks.graphs import Builder, semifreddo

INTERFACE = Path(__file__).parents[2] / "support" / "tflm_interface"
CONTENT = write(semifreddo()).content
MAIN = {"esp-idf": "examples/net_demo/main", "zephyr": "samples/net_demo/src", "cmsis-pack": "examples/net_demo"}
MAIN["cmake"] = "examples/net_demo"


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    place = tmp_path_factory.mktemp("tflm")
    parts = package.of_tflite("net", CONTENT, "1.2.3")
    for form in folder.WITH_TFLM:
        folder.write(parts, form, place / form)
    return place


@pytest.mark.clang
@pytest.mark.parametrize("form", folder.WITH_TFLM)
def test_the_demo_keeps_to_the_interface_of_tflm(form, packages):
    strict = ["-Wall", "-Wextra", "-Werror", "-std=c++17", "-fno-rtti", "-fno-exceptions", "-fsyntax-only"]
    for system in [], ["-DESP_PLATFORM"]:
        command = ["clang++", *strict, *system, f"-I{INTERFACE}", f"-I{packages / form / 'src'}"]
        subprocess.run([*command, packages / form / MAIN[form] / "main.cc"], check=True)


@pytest.mark.parametrize("form", folder.WITH_TFLM)
def test_a_package_holds_the_model_and_says_what_was_not_checked(form, packages):
    text = (packages / form / "README.md").read_text()
    assert "Not checked" in text and "${" not in text and "run by TensorFlow Lite Micro" in text
    assert (packages / form / "extras" / "net.tflite").read_bytes() == CONTENT
    assert {path.name for path in (packages / form / "src").rglob("*.c")} == {"net_model.c", "sf_crc32.c"}


@pytest.mark.packers
def test_the_component_of_esp_idf_is_packed_and_asks_for_tflm(packages, tmp_path):
    words = ["component", "pack", "--name", "net", "--project-dir", packages / "esp-idf", "--dest-dir", tmp_path]
    subprocess.run([tool("compote"), *words], check=True)
    assert (tmp_path / "net_1.2.3.tgz").is_file()
    manifest = yaml.safe_load((packages / "esp-idf" / "idf_component.yml").read_text())
    assert set(manifest["dependencies"]) == {"idf", "espressif/esp-tflite-micro"}


def test_zephyr_and_cmsis_ask_for_tflm(packages):
    kconfig = (packages / "zephyr" / "Kconfig").read_text()
    assert "\tselect TENSORFLOW_LITE_MICRO\n" in kconfig and "\tdepends on CPP\n" in kconfig
    pack = ElementTree.parse(packages / "cmsis-pack" / "sfkeras.net.pdsc").getroot()
    required = [each.attrib for each in pack.findall("conditions/condition[@id='TFLM']/require")]
    assert {"Cclass": "Machine Learning", "Cgroup": "TensorFlow", "Csub": "Kernel"} in required
    assert pack.find("components/component").attrib["condition"] == "TFLM"
    for file in pack.findall("components/component/files/file"):
        assert (packages / "cmsis-pack" / file.attrib["name"]).exists()


def test_cmake_says_that_tflm_is_missing(packages, tmp_path):
    ended = subprocess.run(["cmake", "-S", packages / "cmake", "-B", tmp_path], capture_output=True, text=True)
    said = re.sub(r"\s+", " ", ended.stderr)
    assert ended.returncode != 0 and "TFLM_DIR is ''; it must be a source tree of TensorFlow Lite Micro" in said


@pytest.mark.parametrize(
    "options, said",
    [
        (
            ["--form=arduino", "--runtime=tflm"],
            "--runtime=tflm needs a form that can bring TensorFlow Lite Micro, one of",
        ),
        (["--form=cmake", "--runtime=onnx"], "--runtime is 'onnx'; it must be one of stream, tflm"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(options, said, tmp_path, capsys):
    (tmp_path / "net.graph").write_bytes(graph_file.to_bytes(semifreddo()))
    assert __main__.main(["package", str(tmp_path / "net.graph"), str(tmp_path / "out"), *options]) == 2
    assert capsys.readouterr().err.startswith(f"error: {said}")
    assert not (tmp_path / "out").exists()


def test_a_model_without_an_image_is_refused():
    net = Builder()
    content = write(net.graph(net.convolution("conv", net.input((6, 5, 2)), 4))).content
    with pytest.raises(ValueError, match="net has inputs of shapes .*; a package needs one image of 1 or 3 channels"):
        package.of_tflite("net", content, "1.0.0")
