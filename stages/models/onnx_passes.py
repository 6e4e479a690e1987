"""Rewrites of ONNX nodes that make a converted model faster, or usable, without changing what it computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.models.onnx_writer import Writer


def without_prelu(writer: Writer) -> Writer:
    """Every PRelu as relu(x) (1 - a) + a x.

    ONNX Runtime's PRelu is a scalar loop over broadcast slopes; these four nodes are vectorised.
    """
    made = Writer(weights=dict(writer.weights))
    for node in writer.nodes:
        if node.op_type != "PRelu":
            made.nodes.append(node)
            continue
        source, slope = node.input
        values = writer.weights[slope]
        rest = made.constant(np.float32(1) - values)
        positive = made.add("Mul", made.add("Relu", source, output=f"{node.name}_r"), rest, output=f"{node.name}_p")
        linear = made.add("Mul", source, made.constant(values), output=f"{node.name}_l")
        made.add("Add", positive, linear, output=node.output[0])
    return made


def with_free_size(model: Any) -> None:
    """Make the outputs' heights and widths free and drop the stored sizes in between.

    Weights that older exporters listed among the inputs are taken out of that list, so that they can be folded.
    """
    weights = {weight.name for weight in model.graph.initializer}
    for value in [value for value in model.graph.input if value.name in weights]:
        model.graph.input.remove(value)
    del model.graph.value_info[:]
    for value in model.graph.output:
        size = value.type.tensor_type.shape.dim
        size[0].dim_value = 1
        size[2].dim_param, size[3].dim_param = "rows", "columns"
