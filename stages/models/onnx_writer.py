"""Build an ONNX graph node by node, with names that depend on nothing but the order of the calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import helper, numpy_helper

OPSET = 17
IR_VERSION = 9  # what opset 17 came with; older runtimes refuse newer numbers


@dataclass
class Writer:
    """Nodes and weights in the making. Equal constants are stored once."""

    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    _names: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Append a node; returns the name of its (first) output."""
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=f"make_{name}", **attributes))
        return name

    def constant(self, values: ArrayLike, dtype: type | None = None) -> str:
        """The name of a stored constant."""
        array = np.array(values, dtype, order="C")
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._names:
            self._names[key] = f"w{len(self.weights)}"
            self.weights[self._names[key]] = array
        return self._names[key]

    def model(self, inputs: Sequence[Any], outputs: Sequence[Any], metadata: dict[str, str]) -> Any:
        """The checked model; weights that no node uses are left out."""
        used = {name for node in self.nodes for name in node.input}
        stored = [numpy_helper.from_array(array, name) for name, array in self.weights.items() if name in used]
        graph = helper.make_graph(self.nodes, "glabella", list(inputs), list(outputs), stored)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="glabella")
        model.ir_version = IR_VERSION
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        return model


def tensor(name: str, shape: Sequence[int | str], kind: int = onnx.TensorProto.FLOAT) -> Any:
    """A graph input or output."""
    return helper.make_tensor_value_info(name, kind, list(shape))
