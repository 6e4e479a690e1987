"""The network written anew against its file, taken operation by operation in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.backend import Cpu
from stages.faces import layouts
from stages.models import recipes, registry, tflite_graph
from stages.models.tflite_graph import Graph, Operation

Floats = NDArray[np.float64]


def convolved(picture: Floats, weights: Floats, bias: Floats) -> Floats:
    return picture @ weights.reshape(len(weights), -1).T + bias


_RUN: dict[str, Callable[..., Floats]] = {
    "CONV_2D": convolved,
    "ADD": np.add,
    "SUB": np.subtract,
    "MUL": np.multiply,
    "DIV": np.divide,
    "NEG": np.negative,
    "SQRT": np.sqrt,
    "RSQRT": lambda x: x**-0.5,
    "LOGISTIC": lambda x: 1 / (1 + np.exp(-x)),
    "SQUARED_DIFFERENCE": lambda x, y: (x - y) ** 2,
    "MEAN": lambda x, axes: x.mean(tuple(np.atleast_1d(axes).astype(int)), keepdims=True),
    "SUM": lambda x, axes: x.sum(tuple(np.atleast_1d(axes).astype(int)), keepdims=True),
    "TRANSPOSE": lambda x, order: x.transpose(order.astype(int)),
    "CONCATENATION": lambda *parts: np.concatenate(parts, -2),
    "RESHAPE": lambda x, _: x,
    "STRIDED_SLICE": lambda x, *_: x,  # what is taken always comes first
}


def told(graph: Graph, operation: Operation, values: dict[int, Floats]) -> Floats:
    made = _RUN[operation.name](*(values[index] for index in operation.inputs))
    if operation.name == "CONV_2D" and operation.options.FusedActivationFunction():
        made = np.maximum(made, 0)
    shape = graph.shapes[operation.outputs[0]]
    if operation.name == "STRIDED_SLICE":
        made = made[tuple(slice(size) for size in shape)] if len(shape) == made.ndim else made[0]
    return made.reshape(shape)


def test_scores_are_those_of_the_file(tmp_path: Path) -> None:
    registry.shipped()["face_blendshapes"].sources[0].deliver(tmp_path / "raw", offline=False)
    data = (tmp_path / "raw").read_bytes()
    (tmp_path / "model.onnx").write_bytes(recipes.blendshapes(data, {}).SerializeToString())
    session, graph = Cpu().open(tmp_path / "model.onnx"), tflite_graph.read(data)
    face = np.zeros((478, 2), np.float32)
    face[:468] = layouts.CANONICAL[:, :2] * (20, -20) + 300
    for iris, eye in ((layouts.LEFT_IRIS, layouts.LEFT_EYE), (layouts.RIGHT_IRIS, layouts.RIGHT_EYE)):
        face[iris] = face[eye].mean(0)
    random = np.random.default_rng(5)
    for spread in (0, 2, 8):
        points = (face + random.normal(0, spread, face.shape)).astype(np.float32)
        values = {index: array.astype(np.float64) for index, array in graph.constants.items()}
        values[graph.inputs[0]] = points[None, list(recipes.BLENDSHAPE_POINTS)].astype(np.float64)
        for operation in graph.operations:
            values[operation.outputs[0]] = told(graph, operation, values)
        (scores,) = session.run({"landmarks": points[None]})
        np.testing.assert_allclose(scores[0], values[graph.outputs[0]].ravel(), atol=1e-5)
    assert np.ptp(scores) > 0.1
