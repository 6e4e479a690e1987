"""The rewritten graphs against the plain translation of the same file, and what is known of the models."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from stages.backend import Cpu
from stages.models import convert, onnx_passes, recipes, registry, tflite_graph


@pytest.fixture(scope="module")
def landmark_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("raw") / "raw"
    registry.shipped()["face_landmarks"].sources[0].deliver(path, offline=False)
    return path.read_bytes()


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    """Six crops that are no faces but have structure at every scale."""
    noise = np.random.default_rng(7).integers(0, 256, (6, 256, 256, 3)).astype(np.float32)
    blurred = [cv2.GaussianBlur(picture, (0, 0), 2.0 ** (i / 1.5)) for i, picture in enumerate(noise)]
    return np.stack([cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX) for picture in blurred]).astype(np.uint8)


def run(model: onnx.ModelProto, folder: Path, image: NDArray[np.uint8]) -> tuple[NDArray, ...]:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return Cpu().open(path).run({"image": image})


def test_rewritten_landmark_graph_equals_the_plain_one(
    landmark_file: bytes, pictures: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = recipes.landmarks(landmark_file, {})
    for name in ("pad_channels_by_convolution", "widen_narrow_prelus", "split_prelus"):
        monkeypatch.setattr(onnx_passes, name, lambda writer: None)
    plain = recipes.landmarks(landmark_file, {})
    assert {"PRelu", "Pad"} <= {node.op_type for node in plain.graph.node}
    assert not {"PRelu", "Pad"} & {node.op_type for node in fast.graph.node}
    spread = []
    for picture in pictures:
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1))[None]
        wanted, got = (run(model, tmp_path, planes) for model in (plain, fast))
        np.testing.assert_allclose(got[1], wanted[1], atol=1e-5)
        spread.append(np.abs(got[0] - wanted[0]).max())
    assert np.median(spread) < 1e-3
    assert max(spread) < 5e-3


def test_conversion_is_deterministic_and_says_what_it_was_made_from(landmark_file: bytes, tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(landmark_file)
    for name in ("a", "b"):
        convert.STEPS["face_landmarks"].run(tmp_path / "raw", tmp_path / name, "cafe")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    metadata = {entry.key: entry.value for entry in onnx.load(tmp_path / "a").metadata_props}
    assert metadata["source_sha256"] == "cafe"
    assert metadata["converter_version"] == str(convert.STEPS["face_landmarks"].version)


def test_half_precision_weights_come_out_as_float32(landmark_file: bytes) -> None:
    graph = tflite_graph.read(landmark_file)
    convolutions = [operation for operation in graph.operations if operation.name == "CONV_2D"]
    assert len(convolutions) == 72
    assert all(graph.constants[operation.inputs[1]].dtype == np.float32 for operation in convolutions)


def test_an_unknown_operation_is_named(landmark_file: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    from stages.models import tflite_to_onnx

    monkeypatch.delitem(tflite_to_onnx._TRANSLATORS, "MAX_POOL_2D")
    with pytest.raises(ValueError, match="TFLite operation MAX_POOL_2D cannot be translated"):
        recipes.landmarks(landmark_file, {})


def test_blendshape_scores_are_probabilities_and_ignore_place_and_scale() -> None:
    session = Cpu().open(registry.shipped()["face_blendshapes"].fetch())
    from stages.faces import layouts

    face = np.zeros((1, 478, 2), np.float32)
    face[0, :468] = layouts.CANONICAL[:, :2] * (1, -1)
    for iris, eye in ((layouts.LEFT_IRIS, layouts.LEFT_EYE), (layouts.RIGHT_IRIS, layouts.RIGHT_EYE)):
        face[0, iris] = face[0, eye].mean(0)
    (scores,) = session.run({"landmarks": face * 20 + 300})
    assert scores.shape == (1, 52)
    assert 0 <= scores.min() <= scores.max() <= 1
    (moved,) = session.run({"landmarks": face * 55 - 100})
    np.testing.assert_allclose(moved, scores, atol=1e-3)


def test_group_detector_takes_any_multiple_of_32() -> None:
    session = Cpu().open(registry.shipped()["group_faces"].fetch())
    for height, width in ((64, 96), (160, 32)):
        heat, size, offset, points = session.run({"image": np.zeros((1, height, width, 3), np.uint8)})
        assert heat.shape == (1, 1, height // 4, width // 4)
        assert (size.shape[1], offset.shape[1], points.shape[1]) == (2, 2, 10)
