"""Small .tflite files for tests, operator by operator, also ones that export/tflite/writing/writer.py would never write."""

import numpy as np

from export.tflite.file import schema
from export.tflite.file.flatbuffer import FileOperator, FileTensor, Model, Quantization, to_bytes


def options(kind, **values):
    """Options of an operator, such as options("Conv2D", strideH=1)."""
    table = getattr(schema, f"{kind}OptionsT")()
    for name, value in values.items():
        assert hasattr(table, name), name
        setattr(table, name, value)
    return table


class FileBuilder:
    """Collects tensors and operators, and gives the file. Tensors are known by their index."""

    def __init__(self, seed=0):
        self.random = np.random.default_rng(seed)
        self.tensors, self.operators = [], []

    def tensor(self, *shape, scale=2.0**-4, zero_point=0, type="INT8", name=None, axis=0, data=None, **fields):
        """A tensor of this shape; scale may be several, or None for none."""
        quantization = None
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            zero_points = np.broadcast_to(np.asarray(zero_point, np.int64), len(scales))
            quantization = Quantization(scales, zero_points, axis)
        name = f"tensor{len(self.tensors)}" if name is None else name
        self.tensors.append(FileTensor(name, shape, type, quantization, data, **fields))
        return len(self.tensors) - 1

    def constant(self, values, scale=None, **fields):
        values = np.asarray(values)
        return self.tensor(*values.shape, scale=scale, type=values.dtype.name.upper(), data=values, **fields)

    def ints(self, *values):
        """A constant int32 vector, or a number."""
        return self.constant(np.array(values if len(values) > 1 else values[0], np.int32))

    def codes(self, *shape):
        return self.random.integers(-127, 128, shape).astype(np.int8)

    def add(self, kind, inputs, output, options=None, version=1):
        outputs = output if isinstance(output, (list, tuple)) else [output]
        self.operators.append(FileOperator(kind, tuple(inputs), tuple(outputs), options, version))
        return output

    def convolution(self, input, output, kernel=(3, 3), groups=1, axis=0, per_channel=True, **fields):
        """A CONV_2D from one tensor to another, with random weights that use the range of the output."""
        channels, out = self.tensors[input].shape[3], self.tensors[output].shape[3]
        codes = self.codes(out, *kernel, channels // groups)
        values = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, **fields}
        weights = self.weights(codes, input, output, out if per_channel else 1, axis)
        return self.add("CONV_2D", [input, *weights], output, options("Conv2D", **values), 3)

    def weights(self, codes, input, output, scales, axis=0):
        """Weights whose scales make sums of the input's codes use the range of the output, and biases."""
        scale, target = (float(self.tensors[index].quantization.scales[0]) for index in (input, output))
        taps = codes.size / self.tensors[output].shape[-1]
        each = target / scale / (73 * np.sqrt(taps)) * self.random.uniform(0.5, 1.5, scales)
        bias = self.random.integers(-3000, 3000, self.tensors[output].shape[-1]).astype(np.int32)
        return self.constant(codes, scale=each, axis=axis), self.constant(bias, scale=each * scale)

    def content(self, inputs, outputs):
        return to_bytes(Model("file", tuple(self.tensors), tuple(self.operators), tuple(inputs), tuple(outputs)))
