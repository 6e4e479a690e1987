"""Read a TensorFlow Lite file into plain Python: operations, shapes, weights.

Only float models are read; half-precision weights behind a DEQUANTIZE come out as float32. Reading needs the packages
`tflite` (the generated FlatBuffers schema) and `flatbuffers`, and no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

_TYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
    tflite.TensorType.INT64: np.int64,
    tflite.TensorType.UINT8: np.uint8,
    tflite.TensorType.BOOL: np.bool_,
}
_OPERATORS = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
_OPTIONS = {
    "CONV_2D": tflite.Conv2DOptions,
    "DEPTHWISE_CONV_2D": tflite.DepthwiseConv2DOptions,
    "ADD": tflite.AddOptions,
    "MAX_POOL_2D": tflite.Pool2DOptions,
    "CONCATENATION": tflite.ConcatenationOptions,
}


@dataclass(frozen=True)
class Operation:
    """One operation: its TFLite name, tensor indices, and its options table (None where there is none)."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


@dataclass(frozen=True)
class Graph:
    """The first subgraph of a file. shapes: by tensor index. constants: the tensors whose values are in the file."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operations: tuple[Operation, ...]
    shapes: dict[int, tuple[int, ...]]
    constants: dict[int, NDArray[Any]] = field(repr=False)


def read(data: bytes) -> Graph:
    """Parse a file's bytes.

    Raises:
        KeyError: a tensor has a type that float models do not use.
    """
    model = tflite.Model.GetRootAsModel(data, 0)
    graph = model.Subgraphs(0)
    shapes = {i: _ints(graph.Tensors(i).ShapeAsNumpy()) for i in range(graph.TensorsLength())}
    constants = dict(_constants(model, graph, shapes))
    operations = [_operation(model, graph.Operators(i)) for i in range(graph.OperatorsLength())]
    kept = []
    for operation in operations:
        source = operation.inputs[0]
        if operation.name == "DEQUANTIZE" and source in constants:
            constants[operation.outputs[0]] = constants[source].astype(np.float32)
        else:
            kept.append(operation)
    return Graph(_ints(graph.InputsAsNumpy()), _ints(graph.OutputsAsNumpy()), tuple(kept), shapes, constants)


def _ints(array: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in np.atleast_1d(array)) if not isinstance(array, int) else ()


def _constants(model: Any, graph: Any, shapes: dict[int, tuple[int, ...]]) -> Iterator[tuple[int, NDArray[Any]]]:
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        buffer = model.Buffers(tensor.Buffer())
        if buffer is not None and buffer.DataLength():
            values: NDArray[Any] = np.frombuffer(buffer.DataAsNumpy().tobytes(), _TYPES[tensor.Type()])
            yield index, values.reshape(shapes[index])


def _operation(model: Any, operator: Any) -> Operation:
    code = model.OperatorCodes(operator.OpcodeIndex())
    name = _OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    table, options = operator.BuiltinOptions(), None
    if table is not None and name in _OPTIONS:
        options = _OPTIONS[name]()
        options.Init(table.Bytes, table.Pos)
    return Operation(name, _ints(operator.InputsAsNumpy()), _ints(operator.OutputsAsNumpy()), options)
