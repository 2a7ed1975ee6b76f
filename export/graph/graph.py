"""The integer graph: what a network computes, in int8 codes.

The contract between training and everything deployed.

A graph is a list of operators in the order of data flow. Every operator makes one tensor, which has
the operator's name, such as "frozen.stage2.unit3.pointwise". All tensors are int8 maps of (height,
width, channels) without a batch; value = scale * (code - zero_point). The .tflite, the golden
arithmetic (golden.py), the C code and the hardware are readings of the graph.

`frozen` on an operator means that its int8 codes are taped out. Biases, requantisation and clamps
are configurable.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from export.graph import limits
from export.graph.operators import (
    ChannelScale,
    Conv2D,
    Convolution,
    MatMul,
    Operator,
    ReadState,
    Recurrent,
    Window,
    WriteState,
    is_frozen,
)
from export.graph.tensor import GraphError, Tensor


def kernel_name(operator: Convolution) -> str:
    """Return the name of a frozen kernel.

    It is the same in every pass of a repeated module (Fig. 5).
    """
    return re.sub(r"\.pass\d+", "", operator.name)


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters.

    The biases of frozen operators are configurable: they hold the batch-norm.
    """

    frozen_codes: int
    frozen_biases: int
    configurable_codes: int
    configurable_biases: int


@dataclass(frozen=True, eq=False)
class Graph:
    """A network. inputs and outputs are tensor names; operators come in the order of data flow.

    Every Graph object is valid: its constructor raises GraphError, which names the operator or
    tensor that does not fit.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    metadata: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs", "tensors", "operators"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        self.validate()

    @cached_property
    def _tensors(self) -> dict[str, Tensor]:
        return {tensor.name: tensor for tensor in self.tensors}

    @cached_property
    def _operators(self) -> dict[str, Operator]:
        return {operator.name: operator for operator in self.operators}

    def tensor(self, name: str) -> Tensor:
        """Return the tensor of that name. Raises KeyError."""
        return self._tensors[name]

    def operator(self, name: str) -> Operator:
        """Return the operator of that name, which makes the tensor of that name.

        Raises KeyError.
        """
        return self._operators[name]

    def inputs_of(self, operator: Operator) -> list[Tensor]:
        """Return the tensors that an operator reads."""
        return [self._tensors[name] for name in operator.inputs]

    def validate(self) -> None:
        """Raise GraphError unless every name, shape, scale and constant fits."""
        self._check_names()
        for tensor in self.tensors:
            tensor.check()
        self._check_size()
        made = set(self.inputs)
        for operator in self.operators:
            for name in operator.inputs:
                if name not in made:
                    raise GraphError(f"{operator.name}: it reads {name}, which no input or earlier operator makes")
            self._check_operator(operator)
            made.add(operator.output)
        self._check_states()
        self._check_work()

    @cached_property
    def states(self) -> tuple[ReadState, ...]:
        """The maps that are kept from one call to the next."""
        return tuple(operator for operator in self.operators if isinstance(operator, ReadState))

    @cached_property
    def remembers(self) -> bool:
        """Whether what it makes of an image depends on the images before it."""
        return bool(self.states) or any(isinstance(operator, Recurrent) for operator in self.operators)

    def macs(self) -> dict[str, int]:
        """Return the number of multiplications by constants per input, by operator name."""
        return {operator.name: self.macs_of(operator) for operator in self.operators}

    def macs_of(self, operator: Operator) -> int:
        """Return the number of multiplications by constants per input."""
        return operator.macs(self.tensor(operator.output))

    def frozen_kernels(self) -> dict[str, npt.NDArray[np.int8]]:
        """Return the codes of each frozen kernel, by name.

        All passes of a repeated module have the same codes, which are taped out once.

        Raises: GraphError if two passes differ.
        """
        found: dict[str, npt.NDArray[np.int8]] = {}
        for operator in self.operators:
            if isinstance(operator, Convolution) and operator.frozen:
                codes = found.setdefault(kernel_name(operator), operator.codes)
                if not np.array_equal(codes, operator.codes):
                    raise GraphError(f"{operator.name}: its frozen codes are not those of {kernel_name(operator)}")
        return dict(sorted(found.items()))

    def parameters(self) -> Parameters:
        """Count codes and biases, apart for frozen and other operators."""
        convolutions = [operator for operator in self.operators if isinstance(operator, Convolution)]
        frozen = [operator for operator in convolutions if is_frozen(operator)]
        others = [operator for operator in convolutions if not is_frozen(operator)]
        scales = sum(operator.codes.size for operator in self.operators if isinstance(operator, ChannelScale))
        return Parameters(
            frozen_codes=sum(codes.size for codes in self.frozen_kernels().values()),
            frozen_biases=sum(operator.bias.size for operator in frozen),
            configurable_codes=scales + sum(operator.codes.size for operator in others),
            configurable_biases=sum(operator.bias.size for operator in others),
        )

    def _check_names(self) -> None:
        if not self.inputs or not self.outputs:
            raise GraphError(f"{self.name}: a graph needs at least one input and one output")
        made = [*self.inputs, *(operator.output for operator in self.operators)]
        for names in (made, [tensor.name for tensor in self.tensors], list(self.outputs)):
            twice = sorted(name for name, count in Counter(names).items() if count > 1)
            if twice or "" in names:
                raise GraphError(f"{self.name}: every name must be unique and not empty; got twice: {twice}")
        if missing := sorted(set(made) ^ set(self._tensors)):
            raise GraphError(f"{self.name}: inputs and operators need one tensor each of their name; not so: {missing}")
        if missing := sorted(set(self.outputs) - set(made)):
            raise GraphError(f"{self.name}: outputs {missing} are made by no operator")

    def _check_size(self) -> None:
        """Raise GraphError if names, or all maps and constants together, are beyond export/graph/limits.py."""
        for what, name, most in [
            ("its name", self.name, limits.MOST_NETWORK_NAME),
            *(("the name of a tensor", tensor.name, limits.MOST_NAME) for tensor in self.tensors),
        ]:
            self._require_at_most(f"letters in {what} ({name[:20]}...)", len(name), most)
        constants = sum(
            array.nbytes for operator in self.operators for array in vars(operator).values() if _is_array(array)
        )
        self._require_at_most("operators", len(self.operators), limits.MOST_OPERATORS)
        self._require_at_most("rows in all maps", sum(each.shape[0] for each in self.tensors), limits.MOST_ROWS)
        self._require_at_most("values in all maps", sum(each.size for each in self.tensors), limits.MOST_VALUES_IN_ALL)
        self._require_at_most("bytes of constants", constants, limits.MOST_CONSTANT_BYTES)

    def _check_states(self) -> None:
        """Raise GraphError unless every WriteState has a ReadState of its own."""
        writes = [operator for operator in self.operators if isinstance(operator, WriteState)]
        for name, count in Counter(write.state for write in writes).items():
            if count > 1 or not isinstance(self._operators.get(name), ReadState):
                raise GraphError(f"{name}: a WriteState keeps it, so it must be a ReadState, and kept once")

    def _check_work(self) -> None:
        """Raise GraphError if the work per input is beyond export/graph/limits.py."""
        macs = sum(count for name, count in self.macs().items() if isinstance(self.operator(name), Conv2D | Recurrent))
        windows = [each for each in self.operators if isinstance(each, Window) and not isinstance(each, Conv2D)]
        taps = sum(self.tensor(each.output).size * math.prod(each.kernel) for each in windows)
        products = [each for each in self.operators if isinstance(each, MatMul)]
        macs += sum(self.tensor(each.output).size * self.inputs_of(each)[0].channels for each in products)
        self._require_at_most("MACs per input", macs, limits.MOST_MACS)
        self._require_at_most("values under the windows of pools and depthwise convolutions", taps, limits.MOST_TAPS)

    def _require_at_most(self, what: str, got: int, most: int) -> None:
        if got > most:
            raise GraphError(f"{self.name[:20]}: {got:,} {what}; a network can have up to {most:,}")

    def _check_operator(self, operator: Operator) -> None:
        inputs, output = self.inputs_of(operator), self.tensor(operator.output)
        if not inputs or operator.arity not in (0, len(inputs)):
            expected = operator.arity or "at least 1"
            raise GraphError(f"{operator.name}: it reads {len(inputs)} tensors; it must read {expected}")
        shape = operator.output_shape(*(tensor.shape for tensor in inputs))
        if shape != output.shape:
            raise GraphError(f"{operator.name}: its tensor has shape {output.shape}; its inputs make it {shape}")
        operator.check(inputs, output)


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray)


NO_CORE = "0" * 64
LEFT_OUT = "left_out"  # in the metadata: a sentence about what a file has and the graph does not


def core_digest(graph: Graph) -> str:
    """Return the SHA-256 of a graph's frozen codes, in hexadecimal; zeros if it has none."""
    return graph.metadata.get("core", NO_CORE)
