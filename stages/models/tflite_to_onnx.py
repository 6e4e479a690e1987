"""Translate a TFLite graph into ONNX nodes, operation by operation.

TFLite pictures are channels-last (NHWC), ONNX convolutions channels-first (NCHW). A tensor is kept in the layout in
which it was made and transposed only when someone needs the other one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stages.models.onnx_writer import Writer
from stages.models.tflite_graph import Graph, Operation

Layout = Literal["nhwc", "nchw"]
_TO: dict[Layout, list[int]] = {"nchw": [0, 3, 1, 2], "nhwc": [0, 2, 3, 1]}
_SAME = 0
_RELU = 1


@dataclass
class Translator:
    """One translation. `names` holds, for each tensor, its ONNX name in every layout in which it exists so far."""

    graph: Graph
    writer: Writer
    names: dict[int, dict[Layout, str]] = field(default_factory=dict)

    def feed(self, index: int, name: str, layout: Layout) -> None:
        """Bind a graph input to an ONNX tensor that exists already."""
        self.names[index] = {layout: name}

    def run(self) -> None:
        """Translate every operation.

        Raises:
            ValueError: the file uses an operation that our models do not have.
        """
        for operation in self.graph.operations:
            translate = _TRANSLATORS.get(operation.name)
            if translate is None:
                raise ValueError(f"TFLite operation {operation.name} cannot be translated")
            translate(self, operation)

    def name(self, index: int, layout: Layout = "nhwc") -> str:
        """A tensor's ONNX name in a layout; transposes it if it exists only in the other one."""
        known = self.names.setdefault(index, {})
        if layout not in known:
            if index in self.graph.constants and not known:
                known[layout] = self.writer.constant(self.constant(index, layout))
            else:
                (other,) = known.values()
                known[layout] = self.writer.add("Transpose", other, perm=_TO[layout])
        return known[layout]

    def constant(self, index: int, layout: Layout = "nhwc") -> NDArray[Any]:
        """A stored tensor; in NCHW with four axes."""
        values = self.graph.constants[index]
        if layout == "nhwc":
            return values
        return values.reshape((1,) * (4 - values.ndim) + values.shape).transpose(_TO["nchw"])

    def put(self, operation: Operation, name: str, layout: Layout = "nhwc") -> None:
        """Bind the operation's output, after the ReLU that TFLite may have fused into it."""
        code = getattr(operation.options, "FusedActivationFunction", int)()
        if code not in (0, _RELU):
            raise ValueError(f"TFLite activation {code} of {operation.name} cannot be translated")
        self.names[operation.outputs[0]] = {layout: self.writer.add("Relu", name) if code == _RELU else name}

    def has_nchw(self, indices: Sequence[int]) -> bool:
        """Whether one of these pictures was made channels-first."""
        dynamic = [index for index in indices if index in self.names and index not in self.graph.constants]
        pictures = all(len(self.graph.shapes[index]) == 4 for index in dynamic)
        return pictures and any("nchw" in self.names[index] for index in dynamic)


def _window(
    translator: Translator, operation: Operation, kernel: tuple[int, int], dilation: list[int]
) -> dict[str, Any]:
    options = operation.options
    strides = [options.StrideH(), options.StrideW()]
    pads = [0, 0, 0, 0]
    if options.Padding() == _SAME:
        size = translator.graph.shapes[operation.inputs[0]][1:3]
        totals = [_same(*axis) for axis in zip(size, kernel, strides, dilation, strict=True)]
        pads = [total // 2 for total in totals] + [total - total // 2 for total in totals]
    return {"kernel_shape": list(kernel), "strides": strides, "pads": pads}


def _same(size: int, kernel: int, stride: int, dilation: int) -> int:
    """How much TensorFlow's SAME pads one axis."""
    return max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)


def _convolution(translator: Translator, operation: Operation) -> None:
    source, weights, *bias = operation.inputs
    values = translator.constant(weights).astype(np.float32)
    groups, options = 1, operation.options
    if operation.name == "DEPTHWISE_CONV_2D":
        groups = values.shape[3]
        kernel = values.transpose(3, 0, 1, 2)
    else:
        kernel = values.transpose(0, 3, 1, 2)
    dilation = [options.DilationHFactor(), options.DilationWFactor()]
    window = _window(translator, operation, kernel.shape[2:], dilation)
    inputs = [translator.name(source, "nchw"), translator.writer.constant(kernel)]
    inputs += [translator.writer.constant(translator.constant(index).astype(np.float32)) for index in bias]
    made = translator.writer.add("Conv", *inputs, group=groups, dilations=dilation, **window)
    translator.put(operation, made, "nchw")


def _max_pool(translator: Translator, operation: Operation) -> None:
    kernel = (operation.options.FilterHeight(), operation.options.FilterWidth())
    window = _window(translator, operation, kernel, [1, 1])
    made = translator.writer.add("MaxPool", translator.name(operation.inputs[0], "nchw"), **window)
    translator.put(operation, made, "nchw")


def _prelu(translator: Translator, operation: Operation) -> None:
    source, slope = operation.inputs
    values = translator.constant(slope).astype(np.float32).reshape(-1, 1, 1)
    name = translator.name(source, "nchw")
    translator.put(operation, translator.writer.add("PRelu", name, translator.writer.constant(values)), "nchw")


def _pad(translator: Translator, operation: Operation) -> None:
    amounts = translator.constant(operation.inputs[1]).astype(np.int64)
    layout: Layout = "nchw" if len(amounts) == 4 else "nhwc"
    if layout == "nchw":
        amounts = amounts[_TO["nchw"]]
    pads = translator.writer.constant(np.concatenate([amounts[:, 0], amounts[:, 1]]))
    translator.put(operation, translator.writer.add("Pad", translator.name(operation.inputs[0], layout), pads), layout)


def _unary(operator: str) -> Callable[[Translator, Operation], None]:
    def translate(translator: Translator, operation: Operation) -> None:
        layout: Layout = "nchw" if translator.has_nchw(operation.inputs) else "nhwc"
        name = translator.name(operation.inputs[0], layout)
        translator.put(operation, translator.writer.add(operator, name), layout)

    return translate


def _add(translator: Translator, operation: Operation) -> None:
    layout: Layout = "nchw" if translator.has_nchw(operation.inputs) else "nhwc"
    names = [translator.name(index, layout) for index in operation.inputs]
    translator.put(operation, translator.writer.add("Add", *names), layout)


def _reshape(translator: Translator, operation: Operation) -> None:
    shape = translator.writer.constant(translator.graph.shapes[operation.outputs[0]], np.int64)
    translator.put(operation, translator.writer.add("Reshape", translator.name(operation.inputs[0]), shape))


def _concatenate(translator: Translator, operation: Operation) -> None:
    names = [translator.name(index) for index in operation.inputs]
    translator.put(operation, translator.writer.add("Concat", *names, axis=operation.options.Axis()))


_TRANSLATORS: dict[str, Callable[[Translator, Operation], None]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "MAX_POOL_2D": _max_pool,
    "PRELU": _prelu,
    "PAD": _pad,
    "RELU": _unary("Relu"),
    "LOGISTIC": _unary("Sigmoid"),
    "ADD": _add,
    "RESHAPE": _reshape,
    "CONCATENATION": _concatenate,
}
