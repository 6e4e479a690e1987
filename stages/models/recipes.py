"""How each model file becomes the ONNX graph that we run.

Pictures go in as uint8 (1, h, w, 3) RGB, into the landmark model as planes; scaling and layout are the graph's own
business, so that callers never copy a picture to floats. Every recipe is deterministic: the same bytes give the same
graph.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from stages.models import dlib_resnet, ncnn_graph, onnx_passes, tflite_graph
from stages.models.mixer import Mixer
from stages.models.ncnn_to_onnx import Translator as NcnnTranslator
from stages.models.onnx_writer import Writer, tensor
from stages.models.tflite_to_onnx import Translator

# fmt: off
BLENDSHAPE_POINTS: Final = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249,
    251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314,
    317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382,
    384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473,
    474, 475, 476, 477,
)
"""The landmarks that the blendshape model reads (MediaPipe's `face_blendshapes_graph.cc`)."""
# fmt: on


def landmarks(data: bytes, metadata: dict[str, str]) -> Any:
    """image uint8 [1,3,256,256] RGB -> landmarks [1,478,3] pixels of the crop, presence [1] probability."""
    graph = tflite_graph.read(data)
    points, presence = graph.outputs[:2]
    writer = Writer()
    writer.add("Cast", "image", to=TensorProto.FLOAT, output="picture")
    translator = Translator(graph, writer)
    translator.feed(graph.inputs[0], "picture", "nchw")
    translator.run()
    onnx_passes.scale_input(writer, "picture", 1 / 255)
    _reshape(writer, translator.name(points, "nchw"), (1, 478, 3), "landmarks")
    _reshape(writer, writer.add("Sigmoid", translator.name(presence, "nchw")), (1,), "presence")
    onnx_passes.pad_channels_by_convolution(writer)
    onnx_passes.widen_narrow_prelus(writer)
    onnx_passes.split_prelus(writer)
    outputs = [tensor("landmarks", (1, 478, 3)), tensor("presence", (1,))]
    return writer.model([tensor("image", (1, 3, 256, 256), TensorProto.UINT8)], outputs, metadata)


def blendshapes(data: bytes, metadata: dict[str, str]) -> Any:
    """landmarks [1,478,2] in pixels of any scale -> scores [1,52] in 0..1."""
    writer = Writer()
    chosen = writer.add("Gather", "landmarks", writer.constant(BLENDSHAPE_POINTS, np.int64), axis=1)
    points = writer.add("Reshape", chosen, writer.constant((len(BLENDSHAPE_POINTS), 2), np.int64))
    Mixer.of(tflite_graph.read(data)).write(writer, points, "scores")
    return writer.model([tensor("landmarks", (1, 478, 2))], [tensor("scores", (1, 52))], metadata)


def near_faces(data: bytes, metadata: dict[str, str]) -> Any:
    """image uint8 [1,128,128,3] RGB -> boxes [1,896,16] relative to the anchors, logits [1,896,1]."""
    graph = tflite_graph.read(data)
    by_size = {graph.shapes[index][2]: index for index in graph.outputs}
    writer = _picture(Writer(), scale=2 / 255, shift=-1)
    translator = Translator(graph, writer)
    translator.feed(graph.inputs[0], "picture", "nchw")
    translator.run()
    _reshape(writer, translator.name(by_size[16]), (1, 896, 16), "boxes")
    _reshape(writer, translator.name(by_size[1]), (1, 896, 1), "logits")
    onnx_passes.pad_channels_by_convolution(writer)
    outputs = [tensor("boxes", (1, 896, 16)), tensor("logits", (1, 896, 1))]
    return writer.model([tensor("image", (1, 128, 128, 3), TensorProto.UINT8)], outputs, metadata)


def group_faces(data: bytes, metadata: dict[str, str]) -> Any:
    """image uint8 [1,h,w,3] RGB, h and w multiples of 32 -> heat, size, offset, points on a grid of h/4 x w/4."""
    model = onnx.load_model_from_string(data)
    source = model.graph.input[0].name
    renamed = dict(zip([value.name for value in model.graph.output], ("heat", "size", "offset", "points"), strict=True))
    renamed[source] = "picture"
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    onnx_passes.with_free_size(model)
    for value in model.graph.output:
        value.name = renamed[value.name]
    writer = Writer()
    writer.add("Transpose", writer.add("Cast", "image", to=TensorProto.FLOAT), output="picture", perm=[0, 3, 1, 2])
    _put_before(model, writer)
    del model.graph.input[:]
    model.graph.input.append(tensor("image", (1, "h", "w", 3), TensorProto.UINT8))
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    return model


def super_resolution(files: dict[str, bytes], metadata: dict[str, str]) -> Any:
    """image float32 [1,h,w,3] R'G'B' nominal 0..1 -> larger [1,4h,4w,3]; files: one ncnn `.param` and its `.bin`."""
    named = {name.rpartition(".")[2]: data for name, data in files.items()}
    writer = Writer()
    picture = writer.add("Transpose", "image", perm=[0, 3, 1, 2])
    translator = NcnnTranslator(writer, ncnn_graph.Weights(named["bin"]))
    made = translator.run(ncnn_graph.layers(named["param"].decode()), picture)
    writer.add("Transpose", made, perm=[0, 2, 3, 1], output="larger")
    onnx_passes.split_prelus(writer)
    return writer.model([tensor("image", (1, "h", "w", 3))], [tensor("larger", (1, "H", "W", 3))], metadata)


def identity_128(data: bytes, metadata: dict[str, str]) -> Any:
    """image uint8 [1,150,150,3] RGB -> vector [1,128], Euclidean; data: the weights as face-api.js packs them."""
    writer = _picture(Writer())
    dlib_resnet.Network(writer, dlib_resnet.weights(data)).run("picture", "vector")
    side = dlib_resnet.SIDE
    image = tensor("image", (1, side, side, 3), TensorProto.UINT8)
    return writer.model([image], [tensor("vector", (1, 128))], metadata)


def identity_512(data: bytes, metadata: dict[str, str]) -> Any:
    """image uint8 [1,112,112,3] RGB -> vector [1,512]; the network itself takes BGR, (value - 127) / 128, planar."""
    model = onnx.load_model_from_string(data)
    source, made = model.graph.input[0].name, model.graph.output[0].name
    for node in model.graph.node:
        node.input[:] = ["picture" if name == source else name for name in node.input]
        node.output[:] = ["vector" if name == made else name for name in node.output]
        node.ClearField("doc_string")  # paths of the machine that exported it
    writer = Writer()
    turned = writer.add("Gather", "image", writer.constant((2, 1, 0), np.int64), axis=3)
    floats = writer.add("Cast", writer.add("Transpose", turned, perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)
    centred = writer.add("Sub", floats, writer.constant(127, np.float32))
    writer.add("Mul", centred, writer.constant(1 / 128, np.float32), output="picture")
    _put_before(model, writer)
    del model.graph.input[:], model.graph.output[:]
    model.graph.input.append(tensor("image", (1, 112, 112, 3), TensorProto.UINT8))
    model.graph.output.append(tensor("vector", (1, 512)))
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    return model


def _put_before(model: Any, writer: Writer) -> None:
    """Nodes and weights of `writer` in front of what the model does."""
    for node in reversed(writer.nodes):
        model.graph.node.insert(0, node)
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in writer.weights.items())


def _picture(writer: Writer, scale: float = 1, shift: float = 0) -> Writer:
    """`image`, uint8 NHWC -> `picture`, float NCHW, times `scale` plus `shift`."""
    order = [0, 3, 1, 2]
    if scale == 1 and shift == 0:
        writer.add("Cast", writer.add("Transpose", "image", perm=order), to=TensorProto.FLOAT, output="picture")
        return writer
    floats = writer.add("Cast", writer.add("Transpose", "image", perm=order), to=TensorProto.FLOAT)
    scaled = writer.add("Mul", floats, writer.constant(scale, np.float32))
    writer.add("Add", scaled, writer.constant(shift, np.float32), output="picture")
    return writer


def _reshape(writer: Writer, name: str, shape: tuple[int, ...], output: str) -> None:
    writer.add("Reshape", name, writer.constant(shape, np.int64), output=output)
