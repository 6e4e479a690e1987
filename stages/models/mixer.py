"""The blendshape network as few, large products: an MLP-Mixer on landmarks (Tolstikhin et al., *MLP-Mixer: an all-MLP
architecture for vision*, 2021).

Its TFLite file spells matrix products as 1x1 convolutions of pictures that are transposed before and after each, and
layer normalisation as a dozen operations. Here a layer is one node. Only the first token is read in the end, so the
last block makes no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.models.onnx_writer import Writer
from stages.models.tflite_graph import Graph

Floats = NDArray[np.float32]

Layer = tuple[Floats, Floats]
"""Weights (outputs, inputs) and bias (outputs,)."""


@dataclass(frozen=True)
class Mixer:
    """The weights. layers: points to tokens, places to channels, four of every block, the head. gains: two of every
    block, (channels,). first: (1, channels) the token that is read. scale: of the points. epsilon: of layer
    normalisation."""

    layers: tuple[Layer, ...]
    gains: tuple[Floats, ...]
    first: Floats
    scale: float
    epsilon: float

    @classmethod
    def of(cls, graph: Graph) -> Mixer:
        """Those of MediaPipe's file."""
        factors = list(_constants(graph, "MUL"))
        (first,) = _constants(graph, "CONCATENATION")
        return cls(
            layers=tuple(_layers(graph)),
            gains=tuple(values for values in factors if values.size > 1),
            first=first.reshape(1, -1),
            scale=next(float(values.reshape(())) for values in factors if values.size == 1),
            epsilon=next(float(values.reshape(())) for values in _constants(graph, "ADD")),
        )

    def write(self, writer: Writer, points: str, output: str) -> None:
        """`points` (n, 2), of any scale and place, -> scores (1, 52)."""
        to_tokens, to_channels, *blocks, head = self.layers
        apart = writer.add("Sub", points, writer.add("ReduceMean", points, axes=[0], keepdims=1))
        far = writer.add("ReduceL2", apart, axes=[1], keepdims=1)
        unit = writer.add("Div", apart, writer.add("ReduceMean", far, axes=[0], keepdims=1))
        places = _left(writer, (to_tokens[0] * np.float32(self.scale), to_tokens[1]), unit)
        tokens = writer.add("Concat", writer.constant(self.first), _right(writer, to_channels, places), axis=0)
        for at in range(0, len(blocks), 4):
            last = at + 4 == len(blocks)
            tokens = self._block(writer, tokens, blocks[at : at + 4], self.gains[at // 2 : at // 2 + 2], last)
        writer.add("Sigmoid", _right(writer, head, tokens), output=output)

    def _block(self, writer: Writer, tokens: str, layers: list[Layer], gains: tuple[Floats, ...], last: bool) -> str:
        """Mix tokens, then channels; of the last block only the first token."""
        over, back, wider, narrow = layers
        mixed = writer.add("Relu", _left(writer, over, self._normal(writer, tokens, gains[0])))
        if last:
            back = (back[0][:1], back[1][:1])
            from_to = (writer.constant((at,), np.int64) for at in (0, 1, 0))
            tokens = writer.add("Slice", tokens, *from_to)
        tokens = writer.add("Add", tokens, _left(writer, back, mixed))
        mixed = writer.add("Relu", _right(writer, wider, self._normal(writer, tokens, gains[1])))
        return writer.add("Add", tokens, _right(writer, narrow, mixed))

    def _normal(self, writer: Writer, tokens: str, gain: Floats) -> str:
        return writer.add("LayerNormalization", tokens, writer.constant(gain), axis=-1, epsilon=self.epsilon)


def _left(writer: Writer, layer: Layer, rows: str) -> str:
    """A layer over the rows of a matrix."""
    return writer.add("Gemm", writer.constant(layer[0]), rows, writer.constant(layer[1][:, None]))


def _right(writer: Writer, layer: Layer, rows: str) -> str:
    """A layer over what is in every row."""
    return writer.add("Gemm", rows, writer.constant(layer[0]), writer.constant(layer[1]), transB=1)


def _layers(graph: Graph) -> Iterator[Layer]:
    for operation in graph.operations:
        if operation.name == "CONV_2D":
            weights, bias = (graph.constants[index].astype(np.float32) for index in operation.inputs[1:])
            yield weights.reshape(len(weights), -1), bias


def _constants(graph: Graph, name: str) -> Iterator[Floats]:
    """What is stored among the inputs of all operations of a name."""
    for operation in graph.operations:
        if operation.name == name:
            yield from (graph.constants[i].astype(np.float32) for i in operation.inputs if i in graph.constants)
