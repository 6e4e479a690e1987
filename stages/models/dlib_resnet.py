"""dlib's face recognition network as a graph: the residual network of He et al. (2016) in D. King's layout of 2017.

Weights are read as face-api.js packs them: tensor after tensor, most of them one byte a weight with a scale and an
offset for the tensor. `dlib_resnet.json` holds name, shape, scale and offset (null: float32) in the order of the file
(face-api 1.7.15, MIT; the weights themselves are CC0).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stages.models.onnx_writer import Writer

SIDE: Final = 150
MEAN: Final = (122.782, 117.001, 104.298)
"""What dlib's `input_rgb_image_sized` takes away from red, green and blue before it divides by 256."""
_BLOCKS: Final = (
    *("conv32_1", "conv32_2", "conv32_3", "conv64_down", "conv64_1", "conv64_2", "conv64_3", "conv128_down"),
    *("conv128_1", "conv128_2", "conv256_down", "conv256_1", "conv256_2", "conv256_down_out"),
)
_OUTPUT: Final = "fc"

Floats = NDArray[np.float32]


def weights(data: bytes) -> dict[str, Floats]:
    """The tensors by name, convolutions as (height, width, inputs, outputs).

    Raises:
        ValueError: the file is longer or shorter than the table says.
    """
    table = json.loads(Path(__file__).with_suffix(".json").read_text())
    sizes = [int(np.prod(shape)) * (4 if scale is None else 1) for _, shape, scale, _ in table]
    if sum(sizes) != len(data):
        raise ValueError(f"weights of dlib's network have {sum(sizes)} bytes, not {len(data)}")
    parts = np.split(np.frombuffer(data, np.uint8), np.cumsum(sizes)[:-1])
    return {
        name: _unpacked(part, scale, low).reshape(shape)
        for (name, shape, scale, low), part in zip(table, parts, strict=True)
    }


def _unpacked(part: NDArray[np.uint8], scale: float | None, low: float) -> Floats:
    return part.view(np.float32) if scale is None else part * np.float32(scale) + np.float32(low)


@dataclass
class Network:
    """One graph in the making. size: rows (and columns) of what the last block made."""

    writer: Writer
    weights: dict[str, Floats]
    size: int = SIDE

    def run(self, picture: str, output: str) -> None:
        """Append everything from `picture`, float [1,3,150,150] RGB 0..255, to `output`, [1,128]."""
        centred = self.writer.add("Sub", picture, self._stored(np.array(MEAN, np.float32).reshape(1, 3, 1, 1)))
        name = self.writer.add("Mul", centred, self.writer.constant(1 / 256, np.float32))
        name = self._convolved(name, "conv32_down", stride=2, pad=0, relu=True)
        name = self.writer.add("MaxPool", name, kernel_shape=[3, 3], strides=[2, 2])
        self.size = _shrunk(_shrunk(self.size, 7), 3)
        for block in _BLOCKS:
            name = self._halving(name, block) if "down" in block else self._residual(name, block)
        pooled = self.writer.add("ReduceMean", name, axes=[2, 3], keepdims=0)
        self.writer.add("MatMul", pooled, self._stored(self.weights[_OUTPUT]), output=output)

    def _residual(self, name: str, block: str) -> str:
        inner = self._convolved(name, f"{block}/conv1", stride=1, pad=1, relu=True)
        inner = self._convolved(inner, f"{block}/conv2", stride=1, pad=1, relu=False)
        return self.writer.add("Relu", self.writer.add("Add", inner, name))

    def _halving(self, name: str, block: str) -> str:
        """The block beside an average of 2 x 2; whichever has fewer rows, columns or channels is filled with zeros."""
        inner = self._convolved(name, f"{block}/conv1", stride=2, pad=0, relu=True)
        inner = self._convolved(inner, f"{block}/conv2", stride=1, pad=1, relu=False)
        beside = self.writer.add("AveragePool", name, kernel_shape=[2, 2], strides=[2, 2])
        taken = self.weights[f"{block}/conv1/conv/filters"].shape[2]
        made = self.weights[f"{block}/conv2/conv/filters"].shape[3]
        inner = self._filled(inner, 0, self.size // 2 - _shrunk(self.size, 3))
        beside = self._filled(beside, made - taken, 0)
        self.size //= 2
        return self.writer.add("Relu", self.writer.add("Add", inner, beside))

    def _filled(self, name: str, channels: int, rows: int) -> str:
        if channels == rows == 0:
            return name
        return self.writer.add("Pad", name, self.writer.constant((0, 0, 0, 0, 0, channels, rows, rows), np.int64))

    def _convolved(self, name: str, layer: str, *, stride: int, pad: int, relu: bool) -> str:
        """A convolution with the scale and shift that follow it folded in."""
        scale, shift = self.weights[f"{layer}/scale/weights"], self.weights[f"{layer}/scale/biases"]
        kernel = self.weights[f"{layer}/conv/filters"].transpose(3, 2, 0, 1) * scale.reshape(-1, 1, 1, 1)
        bias = self.weights[f"{layer}/conv/bias"] * scale + shift
        window: dict[str, Any] = {"kernel_shape": list(kernel.shape[2:]), "strides": [stride] * 2, "pads": [pad] * 4}
        made = self.writer.add("Conv", name, self._stored(kernel), self._stored(bias), **window)
        return self.writer.add("Relu", made) if relu else made

    def _stored(self, values: Floats) -> str:
        return self.writer.constant(values, np.float32)


def _shrunk(size: int, kernel: int) -> int:
    """Rows after a window of `kernel` at every second row, without padding."""
    return (size - kernel) // 2 + 1
