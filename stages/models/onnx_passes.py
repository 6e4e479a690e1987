"""Rewrites of ONNX nodes that make a converted model faster, or usable, without changing what it computes."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from stages.models.onnx_writer import Writer


def scale_input(writer: Writer, name: str, factor: float) -> None:
    """Multiply what goes into the only convolution that reads `name`, by scaling its weights.

    Right only for a pure factor: the zeros that a convolution pads with stay zeros.
    """
    (node,) = (node for node in writer.nodes if name in node.input)
    node.input[1] = writer.constant(writer.weights[node.input[1]] * np.float32(factor))


def widen_narrow_prelus(writer: Writer, most: int = 8) -> None:
    """1x1 convolution, PRelu of at most `most` channels, depthwise, 1x1 convolution: the same with a plain Relu.

    prelu(z) = relu(z) - a relu(-z). So the first convolution makes z and -z, a Relu (which ONNX Runtime fuses into it)
    keeps the positive part of each, the depthwise weights carry 1 and -a, and the last one adds the halves up. Twice
    the channels cost nothing: ONNX Runtime's blocked layout fills 8 or 16 anyway, and leaves that layout for fewer.
    """
    for prelu in [node for node in writer.nodes if node.op_type == "PRelu"]:
        chain = _chain(writer, prelu)
        if chain is None or writer.weights[prelu.input[1]].size > most:
            continue
        first, depthwise, last = chain
        slope = writer.weights[prelu.input[1]].reshape(-1, 1, 1, 1)
        weights = [writer.weights[node.input[1]] for node in chain]
        biases = [writer.weights[node.input[2]] for node in chain[:2]]
        first.input[1] = writer.constant(np.concatenate([weights[0], -weights[0]]))
        first.input[2] = writer.constant(np.concatenate([biases[0], -biases[0]]))
        depthwise.input[1] = writer.constant(np.concatenate([weights[1], -slope * weights[1]]))
        depthwise.input[2] = writer.constant(np.concatenate([biases[1], np.zeros_like(biases[1])]))
        next(item for item in depthwise.attribute if item.name == "group").i *= 2
        last.input[1] = writer.constant(np.concatenate([weights[2], weights[2]], axis=1))
        prelu.op_type = "Relu"
        del prelu.input[1]


def _chain(writer: Writer, prelu: Any) -> tuple[Any, Any, Any] | None:
    """The convolutions around a PRelu, if they are first -> prelu -> depthwise -> last and nobody else reads in
    between."""
    (first,) = (node for node in writer.nodes if prelu.input[0] in node.output)
    chain = [first, prelu]
    for _ in range(2):
        readers = [node for node in writer.nodes if chain[-1].output[0] in node.input]
        if len(readers) != 1:
            return None
        chain.append(readers[0])
    first, _, depthwise, last = chain
    if [node.op_type for node in (first, depthwise, last)] != ["Conv"] * 3:
        return None
    is_depthwise = writer.weights[depthwise.input[1]].shape[1] == 1 != writer.weights[first.input[1]].shape[1]
    alone = sum(first.output[0] in node.input for node in writer.nodes) == 1
    return (first, depthwise, last) if is_depthwise and alone else None


def split_prelus(writer: Writer) -> None:
    """Every PRelu with slopes a as x + relu((a - 1) x), or as x - relu((1 - a) x) where a exceeds 1.

    ONNX Runtime's PRelu is a scalar loop over broadcast slopes; these are two vectorised nodes. Where x is above 0 the
    second term is exactly 0; below, nothing larger than x and a x is added up (relu(x) (1 - a) + a x would cancel:
    slopes reach 20).
    """
    nodes, writer.nodes = writer.nodes, []
    for node in nodes:
        if node.op_type != "PRelu":
            writer.nodes.append(node)
            continue
        source, slope = node.input
        name, values = node.output[0], writer.weights[slope]
        sign = np.where(values > 1, np.float32(-1), np.float32(1))
        # A factor per channel becomes a convolution in blocked layout, with the Relu after it or the Add fused into it.
        bent = writer.add("Mul", source, writer.constant((values - 1) * sign), output=f"{name}_bent")
        below = writer.add("Relu", bent, output=f"{name}_below")
        if (sign < 0).any():
            below = writer.add("Mul", below, writer.constant(sign), output=f"{name}_signed")
        writer.add("Add", source, below, output=name)


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


def pad_channels_by_convolution(writer: Writer) -> None:
    """Every Pad that appends zero channels as a 1x1 convolution with an identity matrix: exact, and in blocked layout.

    ONNX Runtime has no blocked Pad, and one alone keeps the whole residual stream after it out of that layout.
    """
    convolutions = [node for node in writer.nodes if node.op_type == "Conv"]
    channels = {node.output[0]: len(writer.weights[node.input[1]]) for node in convolutions}
    for index, node in enumerate(writer.nodes):
        if node.op_type != "Pad":
            continue
        amounts = writer.weights[node.input[1]]
        if np.flatnonzero(amounts).tolist() != [5]:
            continue
        count = _channels(writer, node.input[0], channels)
        identity = np.eye(count + int(amounts[5]), count, dtype=np.float32)[:, :, None, None]
        channels[node.output[0]] = len(identity)
        inputs = [node.input[0], writer.constant(identity)]
        writer.nodes[index] = helper.make_node("Conv", inputs, list(node.output), name=node.name, kernel_shape=[1, 1])


def _channels(writer: Writer, name: str, known: dict[str, int]) -> int:
    """How many channels a tensor has: those of the convolution that it comes from."""
    while name not in known:
        (maker,) = (node for node in writer.nodes if name in node.output)
        name = maker.input[0]
    return known[name]
