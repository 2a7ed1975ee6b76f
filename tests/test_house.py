"""The rules of the house: which package imports which, and that importing one stays quick."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def imports(folder):
    """Return (file, imported module) of all imports in a folder, also those inside functions."""
    found = set()
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) else []
            found |= {(str(path.relative_to(ROOT)), module) for module in modules}
    return found


def test_sfkeras_imports_export_at_one_place():
    files = {file for file, module in imports("sfkeras") if module.split(".")[0] == "export"}
    assert files == {"sfkeras/training/deployment.py", "sfkeras/cli.py"}  # cli.py: the entry of the installed command


def test_the_graph_imports_only_numpy_and_the_standard_library():
    allowed = {*sys.stdlib_module_names, "numpy"}
    others = [(file, module) for file, module in imports("export/graph") if module.split(".")[0] not in allowed]
    assert not [(file, module) for file, module in others if not module.startswith("export.graph")]


@pytest.mark.parametrize("one, other", [("c", "hardware"), ("hardware", "c")])
def test_c_and_hardware_do_not_import_each_other(one, other):
    assert not [file for file, module in imports(f"export/{one}") if module.startswith(f"export.{other}")]


@pytest.mark.parametrize("package", ["sfkeras", "export"])
def test_data_flows_one_way_through_the_rooms(package):
    entries = {"__init__", "__main__", "cli"}
    read: dict[str, set[str]] = {}
    for file, module in imports(package):
        room, (top, *below) = Path(file).with_suffix("").parts[1], module.split(".")
        if top == package and below and room not in entries and below[0] != room:
            read.setdefault(room, set()).add(below[0])
    assert list(graphlib.TopologicalSorter(read).static_order())  # raises CycleError, which names a circle


@pytest.mark.parametrize("package", ["sfkeras", "export"])
def test_importing_a_package_does_not_import_tensorflow(package):
    code = f"import sys, {package}; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("package", ["sfkeras", "export"])
def test_a_room_has_so_few_files_that_one_finds_the_file(package):
    rooms = [room for room in (ROOT / package).rglob("*") if room.is_dir() and room.name != "__pycache__"]
    assert rooms and {str(room): n for room in rooms if (n := len(list(room.glob("*.py")))) > 14} == {}
