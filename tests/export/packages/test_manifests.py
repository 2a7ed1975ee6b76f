"""What each ecosystem requires of a package, as far as it can be checked without the ecosystem's own tools."""

import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from export.backends.programs.machines import STRICT

INTERFACES = Path(__file__).parents[2] / "support" / "board_interfaces"
SEMVER = r"\d+\.\d+\.\d+"


# --- Arduino: "Library specification" of arduino-cli ------------------------------------------------------------------

CATEGORIES = (
    "Display|Communication|Signal Input/Output|Sensors|Device Control|Timing|Data Storage|Data Processing|Other"
)
REQUIRED = "name version author maintainer sentence paragraph category url architectures"


@pytest.fixture
def properties(packages):
    lines = (packages / "arduino" / "library.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_library_properties_has_what_arduino_requires(properties):
    assert all(properties.get(key) for key in REQUIRED.split())
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.\-]{0,62}", properties["name"])
    assert not re.match("arduino", properties["name"], re.IGNORECASE)
    assert re.fullmatch(SEMVER, properties["version"])
    assert re.fullmatch(CATEGORIES, properties["category"])
    assert properties["url"].startswith("https://")


def test_arduino_finds_headers_keywords_and_sketch(properties, packages):
    folder = packages / "arduino"
    assert (folder / "src" / properties["includes"]).is_file()
    assert (folder / "examples" / "net_demo" / "net_demo.ino").is_file()  # named as its folder
    for line in (folder / "keywords.txt").read_text().splitlines():
        assert re.fullmatch(r"\w+\t(KEYWORD1|KEYWORD2|LITERAL1)", line)
    assert not list(folder.rglob("*.exe")) and not any(path.is_symlink() for path in folder.rglob("*"))


@pytest.mark.cross
@pytest.mark.parametrize("form", ["arduino", "platformio"])
def test_the_sketch_is_cpp(form, packages):
    """As Arduino makes it: with its header first, and as gnu++17."""
    sketch = packages / form / "examples" / "net_demo" / "net_demo.ino"
    flags = ["-std=gnu++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-include", "Arduino.h", "-xc++"]
    folders = [f"-I{INTERFACES}", f"-I{packages / form / 'src'}"]
    for slots in "-DDEMO_SLOTS=0", "-DDEMO_SLOTS=1":
        command = ["arm-none-eabi-g++", "-mcpu=cortex-m4", "-mthumb", *flags, slots, *folders, sketch]
        subprocess.run(command, check=True)


# --- ESP-IDF and Zephyr -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form, main", [("esp-idf", "examples/net_demo/main"), ("zephyr", "samples/net_demo/src")])
@pytest.mark.compiler
def test_the_demo_keeps_to_the_interface_of_its_system(form, main, packages):
    folders = [f"-I{INTERFACES}", f"-I{packages / form / 'src'}"]
    command = ["gcc", *STRICT, "-std=gnu11", "-fsyntax-only", *folders, packages / form / main / "main.c"]
    subprocess.run(command, check=True)


@pytest.mark.parametrize("form", ["esp-idf", "zephyr", "cmake"])
def test_cmake_compiles_exactly_the_sources(form, packages):
    named = re.findall(r"src/[\w/]+\.c", (packages / form / "CMakeLists.txt").read_text())
    there = [str(path.relative_to(packages / form)) for path in (packages / form / "src").rglob("*.c")]
    assert sorted(named) == sorted(there)


def test_the_component_of_esp_idf(packages):
    manifest = yaml.safe_load((packages / "esp-idf" / "idf_component.yml").read_text())
    assert re.fullmatch(SEMVER, manifest["version"])
    assert manifest["dependencies"]["idf"] == ">=5.0"
    demo = packages / "esp-idf" / "examples" / "net_demo" / "main"
    (own,) = yaml.safe_load((demo / "idf_component.yml").read_text())["dependencies"].values()
    assert (demo / own["override_path"]).resolve() == packages / "esp-idf"


def test_the_module_of_zephyr(packages):
    """By the schema of Zephyr's scripts/zephyr_module.py: these keys, of these types, and files that there are."""
    folder = packages / "zephyr"
    module = yaml.safe_load((folder / "zephyr" / "module.yml").read_text())
    assert module == {"name": "net", "build": {"cmake": ".", "kconfig": "Kconfig"}, "samples": ["samples"]}
    assert (folder / "Kconfig").is_file() and (folder / "CMakeLists.txt").is_file()
    assert "config SFKERAS_NET\n\tbool " in (folder / "Kconfig").read_text()
    assert "CONFIG_SFKERAS_NET=y" in (folder / "samples" / "net_demo" / "prj.conf").read_text()
    sample = yaml.safe_load((folder / "samples" / "net_demo" / "sample.yaml").read_text())
    assert sample["sample"]["name"] and "sample.sfkeras.net" in sample["tests"]


# --- PlatformIO and Open-CMSIS-Pack -----------------------------------------------------------------------------------


def test_the_library_of_platformio(packages):
    library = json.loads((packages / "platformio" / "library.json").read_text())
    assert library["name"] == "net" and library["version"] == "1.2.3"
    assert (packages / "platformio" / "src" / library["headers"]).is_file()


def test_the_description_of_a_pack(packages):
    """What PACK.xsd requires of the elements that are used; a pack was also checked against it (version 1.7.60) by hand."""
    folder = packages / "cmsis-pack"
    pack = ElementTree.parse(folder / "sfkeras.net.pdsc").getroot()
    assert pack.tag == "package" and re.fullmatch(SEMVER, pack.attrib["schemaVersion"])
    assert [each.tag for each in pack][:5] == ["vendor", "name", "description", "url", "license"]
    assert (folder / pack.findtext("license")).is_file()
    assert pack.find("releases/release").attrib == {"version": "1.2.3"}
    component = pack.find("components/component")
    assert {"Cclass", "Cgroup", "Cversion"} <= set(component.attrib)
    assert component.attrib["condition"] in [each.attrib["id"] for each in pack.findall("conditions/condition")]
    kinds = {"doc", "include", "header", "sourceC"}
    for file in component.findall("files/file"):
        assert file.attrib["category"] in kinds
        assert (folder / file.attrib["name"]).exists(), file.attrib["name"]
    compiled = {file.attrib["name"] for file in component.findall("files/file") if "select" not in file.attrib}
    assert {f"src/{path.relative_to(folder / 'src')}" for path in (folder / "src").rglob("*.c")} <= compiled
