"""The C kernels as Python functions: each makes a whole map, row by row as an engine does.

Built with the sanitizer of undefined behaviour, which ends the process with a message. Kernels for the instructions of
another processor are built with plain C in place of these.
"""

import ctypes
import shutil
import subprocess
from ctypes import c_int8, c_int16, c_int32, c_uint8, c_uint16
from functools import singledispatchmethod
from pathlib import Path

import numpy as np

from export.backends.programs import machines
from export.c import project
from export.datapath.structure import weight_layout
from export.graph.arithmetic.rounding import mean_multiplier, quantize_multiplier
from export.graph.arithmetic.softmax import factor_and_smallest
from export.graph.operators import (
    Add,
    AveragePool,
    ChannelScale,
    Conv2D,
    Convolution,
    Lookup,
    MaxPool,
    Mean,
    Multiply,
    Softmax,
    Window,
)

PROGRAMS = Path(__file__).parent / "programs"
STRICT = [*machines.STRICT, "-Wconversion"]
UNDEFINED = ["-O0", "-fsanitize=undefined", "-fno-sanitize-recover=all"]  # to optimise takes longer than to run
BOUNDS = ["-g", "-fsanitize=address", *UNDEFINED, str(PROGRAMS / "bounds.c")]
GUARD = np.full(64, 85, np.int8)  # around outputs: a kernel that writes there is found out
VARIANTS = {  # and the folder of headers that stand in for instructions, with what a compiler for them would define
    "portable": (None,),
    "dsp": (PROGRAMS / "dsp_model", "-D__ARM_FEATURE_DSP", "-D__ARM_FEATURE_UNALIGNED"),
    "mve": (PROGRAMS / "mve_model", "-D__ARM_FEATURE_MVE"),
}


def copy_kernels(folder: Path) -> Path:
    """Copies the kernels side by side into a folder, as they are in an exported one. Returns the folder."""
    folder.mkdir(parents=True)
    for path in project.library_files("kernels"):
        shutil.copy(path, folder)
    return folder


def compile_c(compiler: str, target: Path, *options: str, variant: str = "portable") -> Path:
    """Compiles the kernels, with strict warnings as errors, and other C files that are among the options.

    Each kernel by itself, because ccache keeps objects, not programs.
    """
    folder = copy_kernels(target.parent / variant)
    model, *defined = VARIANTS[variant]
    if model:
        shutil.copytree(model, folder, dirs_exist_ok=True)
    others = [option for option in options if option.endswith(".c")]
    flags = [option for option in options if option not in (*others, "-shared")]
    objects = []
    for source in (*sorted(path.name for path in folder.glob("*.c")), *others):
        objects.append(f"{Path(source).stem}.o")
        command = [compiler, *STRICT, *defined, "-I.", *flags, "-c", source, "-o", objects[-1]]
        subprocess.run(command, cwd=folder, check=True)  # there, so that no name of a temporary folder is in an object
    shared = ["-shared"] if "-shared" in options else []
    subprocess.run([compiler, *flags, *shared, *objects, "-o", str(target)], cwd=folder, check=True)
    return target


class Factor(ctypes.Structure):
    _fields_ = [("multiplier", c_int32), ("shift", c_int32)]


class WindowStruct(ctypes.Structure):
    _fields_ = [
        *((name, c_uint16) for name in ("input_width", "input_channels", "output_width", "output_channels")),
        *((name, c_uint8) for name in ("kernel_height", "kernel_width", "stride", "dilation", "left")),
        ("groups", c_uint16),
        *((name, c_int16) for name in ("input_zero_point", "output_zero_point")),
        *((name, c_int8) for name in ("minimum", "maximum")),
    ]


class Scaling(ctypes.Structure):
    _fields_ = [
        *((name, c_uint16) for name in ("width", "channels")),
        *((name, c_int16) for name in ("input_zero_point", "constant_zero_point", "output_zero_point")),
        *((name, c_int8) for name in ("minimum", "maximum")),
    ]


class Pair(ctypes.Structure):
    _fields_ = [
        *((name, c_int16) for name in ("first_zero_point", "second_zero_point", "output_zero_point")),
        *((name, c_int8) for name in ("minimum", "maximum")),
    ]


def factor(value: float) -> Factor:
    return Factor(*map(int, quantize_multiplier(value)))


def is_narrow(multipliers) -> bool:
    """Whether factors fit into the narrow form of sf_constants."""
    return bool(np.all(quantize_multiplier(multipliers)[0] % 128 == 0))


class Pointers(tuple):
    """Arrays that a kernel is given as an array, or as a structure, of pointers; None for NULL."""


def address(array: np.ndarray | None) -> int | None:
    return None if array is None else array.ctypes.data


class Kernels:
    """The kernels of a library; see compile_c. Maps are int8 (height, width, channels)."""

    def __init__(self, library: Path):
        self.library = ctypes.CDLL(str(library))

    def call(self, kernel: str, *arguments) -> None:
        """Calls a kernel; arrays and structures are given by pointer."""

        def as_c(argument):
            if isinstance(argument, np.ndarray):
                return ctypes.c_void_p(address(argument))
            if isinstance(argument, Pointers):
                return (ctypes.c_void_p * len(argument))(*map(address, argument))
            return ctypes.byref(argument) if isinstance(argument, ctypes.Structure) else argument

        getattr(self.library, kernel)(*map(as_c, arguments))

    def row(self, kernel: str, shape: tuple, *arguments) -> np.ndarray:
        """Calls a kernel whose last argument says where to write int8 values of a shape. Returns these."""
        size = int(np.prod(shape))
        memory = np.concatenate([GUARD, np.zeros(size, np.int8), GUARD])
        begin, end = len(GUARD), len(GUARD) + size
        self.call(kernel, *arguments, memory[begin:])
        np.testing.assert_array_equal(np.concatenate([memory[:begin], memory[end:]]), np.tile(GUARD, 2))
        return memory[begin:end].reshape(shape)

    def run(self, graph, name: str, *maps: np.ndarray) -> np.ndarray:
        """Makes the map of an operator from its inputs. Factors of a convolution are given narrow if they can be."""
        operator = graph.operator(name)
        contiguous = map(np.ascontiguousarray, maps)
        return self._run(operator, graph.inputs_of(operator), graph.tensor(name), *contiguous)

    def run_widened(self, graph, name: str, x: np.ndarray) -> np.ndarray:
        """Makes the map of a Conv2D by widened codes."""
        operator, inputs = graph.operator(name), graph.inputs_of(graph.operator(name))
        constants = (weight_layout.paired(operator.codes), *self._factors(operator, inputs, graph.tensor(name)))
        return self._slide("sf_convolve_widened_row", operator, inputs[0], graph.tensor(name), x, Pointers(constants))

    def running_average(self, graph, name: str, x: np.ndarray) -> np.ndarray:
        """Makes the map of an AveragePool over the whole map by running sums."""
        operator, output = graph.operator(name), graph.tensor(name)
        window = self._window(operator, *graph.inputs_of(operator), output)
        return self.row("sf_average_sums", output.shape, window, x.shape[0] * x.shape[1], self._sums(x))

    @singledispatchmethod
    def _run(self, operator, inputs, output, *maps) -> np.ndarray:
        raise TypeError(f"there is no kernel for {type(operator).__name__}")

    @_run.register
    def _(self, operator: Convolution, inputs, output, x):
        constants = Pointers((operator.codes, *self._factors(operator, inputs, output)))
        kernel = "sf_depthwise_row"
        if isinstance(operator, Conv2D):
            kernel = "sf_multiplied_row" if operator.is_multiplied else "sf_convolve_row"
        return self._slide(kernel, operator, inputs[0], output, x, constants)

    @_run.register
    def _(self, operator: AveragePool, inputs, output, x):
        return self._slide("sf_average_pool_row", operator, inputs[0], output, x)

    @_run.register
    def _(self, operator: MaxPool, inputs, output, x):
        return self._slide("sf_max_pool_row", operator, inputs[0], output, x)

    @_run.register
    def _(self, operator: Mean, inputs, output, x):
        count = x.shape[0] * x.shape[1]
        quantised = quantize_multiplier(operator.multiplier(inputs[0], output))
        factor = Factor(*map(int, mean_multiplier(*quantised, count)))
        zero_points = inputs[0].zero_point, output.zero_point
        return self.row("sf_mean_sums", output.shape, x.shape[2], count, *zero_points, factor, self._sums(x))

    @_run.register
    def _(self, operator: ChannelScale, inputs, output, x):
        zero_points = inputs[0].zero_point, operator.constant_zero_point, output.zero_point
        scaling = Scaling(*x.shape[1:], *zero_points, operator.minimum, operator.maximum)
        scale = factor(operator.multiplier(inputs[0], output))
        rows = (self.row("sf_scale_row", row.shape, scaling, operator.codes, scale, row) for row in x)
        return np.stack(list(rows))

    @_run.register
    def _(self, operator: Add, inputs, output, first, second):
        factors = (Factor * 3)(*map(factor, operator.multipliers(*inputs, output)))
        return self._pair("sf_add_row", operator, inputs, output, factors, first, second)

    @_run.register
    def _(self, operator: Multiply, inputs, output, first, second):
        return self._pair(
            "sf_multiply_row", operator, inputs, output, factor(operator.multiplier(*inputs, output)), first, second
        )

    @_run.register
    def _(self, operator: Lookup, inputs, output, x):
        return np.stack([self.row("sf_lookup_row", row.shape, row.size, operator.table, row) for row in x])

    @_run.register
    def _(self, operator: Softmax, inputs, output, x):
        multiplier, shift, smallest = factor_and_smallest(operator.multiplier(inputs[0]))
        scale = Factor(int(multiplier), int(shift))
        return np.stack([self.row("sf_softmax_row", row.shape, *row.shape, scale, smallest, row) for row in x])

    def _slide(self, kernel: str, operator: Window, input, output, x, *constants) -> np.ndarray:
        (above, _), _ = operator.pads(x.shape[:2])
        window = self._window(operator, input, output)
        made = []
        for y in range(output.shape[0]):
            under = [y * operator.strides[0] - above + i * operator.dilations[0] for i in range(operator.kernel[0])]
            rows = [x[row] if 0 <= row < len(x) else None for row in under]
            made.append(self.row(kernel, output.shape[1:], window, *constants, Pointers(rows)))
        return np.stack(made)

    def _factors(self, operator: Convolution, inputs, output) -> tuple:
        """Bias, factors and shifts of sf_constants."""
        factors = operator.multipliers(inputs[0], output)
        multipliers, shifts = (array.astype(np.int32) for array in quantize_multiplier(factors))
        if is_narrow(factors):
            return operator.bias, multipliers | (shifts + 64), None
        return operator.bias, multipliers, shifts.astype(np.int8)

    def _window(self, operator: Window, input, output) -> WindowStruct:
        return WindowStruct(
            *input.shape[1:],
            *output.shape[1:],
            *operator.kernel,
            operator.strides[1],
            operator.dilations[1],
            operator.pads(input.shape[:2])[1][0],
            getattr(operator, "groups", 1),
            input.zero_point,
            output.zero_point,
            operator.minimum,
            operator.maximum,
        )

    def _pair(self, kernel: str, operator, inputs, output, factors, first, second) -> np.ndarray:
        zero_points = [tensor.zero_point for tensor in (*inputs, output)]
        pair = Pair(*zero_points, operator.minimum, operator.maximum)
        rows = (self.row(kernel, a.shape, a.size, pair, factors, a, b) for a, b in zip(first, second))
        return np.stack(list(rows))

    def _sums(self, x: np.ndarray) -> np.ndarray:
        sums = np.zeros(x.shape[2], np.int32)
        for row in x:
            self.call("sf_sum_row", *row.shape, row, sums)
        return sums
