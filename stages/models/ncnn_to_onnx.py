"""Translate an ncnn network into ONNX nodes, layer by layer: the layers of the Real-ESRGAN family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from stages.models.ncnn_graph import Layer, Weights
from stages.models.onnx_writer import Writer

_SUM: Final = 1  # Eltwise: product, sum, maximum
_ADD: Final = 0  # BinaryOp
_RELU, _LEAKY_RELU = 1, 2  # what a convolution may have fused into it
_NEAREST: Final = 1  # Interp


@dataclass
class Translator:
    """One translation. names: ONNX name by ncnn blob."""

    writer: Writer
    weights: Weights
    names: dict[str, str] = field(default_factory=dict)

    def run(self, layers: tuple[Layer, ...], source: str) -> str:
        """Translate every layer, fed by the ONNX tensor `source` (NCHW); returns the last one's name.

        Raises:
            ValueError: a layer is of a kind, or has a setting, that our models do not have.
        """
        for layer in layers:
            if layer.kind == "Input":
                made = source
            elif layer.kind in _TRANSLATORS:
                made = _TRANSLATORS[layer.kind](self, layer, [self.names[blob] for blob in layer.inputs])
            else:
                raise ValueError(f"ncnn layer {layer.kind} cannot be translated")
            self.names.update(dict.fromkeys(layer.outputs, made))
        self.weights.finish()
        return self.names[layers[-1].outputs[0]]


def _must(layer: Layer, holds: bool) -> None:
    if not holds:
        raise ValueError(f"ncnn layer {layer.kind} {layer.name} has settings that cannot be translated")


def _same(_: Translator, __: Layer, inputs: list[str]) -> str:
    return inputs[0]


def _convolution(translator: Translator, layer: Layer, inputs: list[str]) -> str:
    channels, kernel, size = (int(layer.number(key)) for key in (0, 1, 6))
    _must(layer, layer.number(2, 1) == 1 and 11 not in layer.parameters)  # not dilated, square
    weights = translator.weights.tagged(size).reshape(channels, -1, kernel, kernel)
    stored = [translator.writer.constant(weights)]
    if layer.number(5):
        stored.append(translator.writer.constant(translator.weights.plain(channels)))
    stride, pad = int(layer.number(3, 1)), int(layer.number(4))
    window: dict[str, Any] = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
    return _activated(translator, layer, translator.writer.add("Conv", inputs[0], *stored, **window))


def _activated(translator: Translator, layer: Layer, name: str) -> str:
    activation = int(layer.number(9))
    if activation == _LEAKY_RELU:
        return translator.writer.add("LeakyRelu", name, alpha=layer.array(10)[0])
    _must(layer, activation in (0, _RELU))
    return translator.writer.add("Relu", name) if activation else name


def _prelu(translator: Translator, layer: Layer, inputs: list[str]) -> str:
    slopes = translator.weights.plain(int(layer.number(0))).reshape(-1, 1, 1)
    return translator.writer.add("PRelu", inputs[0], translator.writer.constant(slopes))


def _concat(translator: Translator, layer: Layer, inputs: list[str]) -> str:
    return translator.writer.add("Concat", *inputs, axis=1 + int(layer.number(0)))  # ncnn has no batch axis


def _eltwise(translator: Translator, layer: Layer, inputs: list[str]) -> str:
    _must(layer, layer.number(0) == _SUM and len(inputs) == 2)
    factors = layer.array(1) or (1.0, 1.0)
    terms = [
        name if factor == 1 else _times(translator, name, factor) for name, factor in zip(inputs, factors, strict=True)
    ]
    return translator.writer.add("Add", *terms)


def _times(translator: Translator, name: str, factor: float) -> str:
    return translator.writer.add("Mul", name, translator.writer.constant(factor, np.float32))


def _binary(translator: Translator, layer: Layer, inputs: list[str]) -> str:
    _must(layer, layer.number(0) == _ADD and not layer.number(1))
    return translator.writer.add("Add", *inputs)


def _interpolate(translator: Translator, layer: Layer, inputs: list[str]) -> str:
    _must(layer, layer.number(0) == _NEAREST and layer.number(1) > 0)
    scales = translator.writer.constant((1, 1, layer.number(1), layer.number(2)), np.float32)
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return translator.writer.add("Resize", inputs[0], "", scales, **how)


def _shuffle(translator: Translator, layer: Layer, inputs: list[str]) -> str:
    _must(layer, not layer.number(1))
    return translator.writer.add("DepthToSpace", inputs[0], blocksize=int(layer.number(0)), mode="CRD")


_TRANSLATORS: Final[dict[str, Callable[[Translator, Layer, list[str]], str]]] = {
    "Split": _same,
    "Convolution": _convolution,
    "PReLU": _prelu,
    "Concat": _concat,
    "Eltwise": _eltwise,
    "BinaryOp": _binary,
    "Interp": _interpolate,
    "PixelShuffle": _shuffle,
}
