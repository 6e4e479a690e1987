"""Restorers against networks whose answer is known: made here, with the signature of the real ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto

from stages.backend import Cpu, Model
from stages.errors import ConfigError, ModelError
from stages.expression import basis, pose
from stages.models import registry
from stages.models.onnx_writer import Writer, tensor
from stages.models.own import OwnFile
from stages.packets import Floats
from stages.render.restorers import AlignedFace, SuperResolution

SIZE = 128


def saved(path: Path, writer: Writer, inputs: list, shape: tuple) -> Model:
    path.write_bytes(writer.model(inputs, [tensor("output", shape)], {}).SerializeToString())
    return Model(asset=OwnFile(what="enhance.path (GFPGAN)", path=str(path)), backend=Cpu())


@pytest.fixture
def brighter(tmp_path: Path) -> Model:
    """A GFPGAN that gives back its crop, lighter by 0.1 (0.2 of the range -1..1)."""
    writer = Writer()
    writer.add("Add", "input", writer.constant(0.2, np.float32), output="output")
    return saved(tmp_path / "gfpgan.onnx", writer, [tensor("input", (1, 3, SIZE, SIZE))], (1, 3, SIZE, SIZE))


@pytest.fixture
def weighted(tmp_path: Path) -> Model:
    """A CodeFormer that makes the crop as much lighter as its number says."""
    writer = Writer()
    more = writer.add("Cast", "weight", to=TensorProto.FLOAT)
    writer.add("Add", "input", more, output="output")
    inputs = [tensor("input", (1, 3, SIZE, SIZE)), tensor("weight", (1,), TensorProto.DOUBLE)]
    return saved(tmp_path / "codeformer.onnx", writer, inputs, (1, 3, SIZE, SIZE))


@pytest.fixture
def repeated(tmp_path: Path) -> Model:
    """An enlarger that repeats every pixel four times."""
    writer = Writer()
    scales = writer.constant((1, 4, 4, 1), np.float32)
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    writer.add("Resize", "image", "", scales, output="output", **how)
    return saved(tmp_path / "larger.onnx", writer, [tensor("image", (1, "h", "w", 3))], (1, "H", "W", 3))


@pytest.fixture
def points() -> Floats:
    """(478, 2) a face of about 150 pixels, tilted, in a picture of 300 by 260."""
    head = pose.Pose(90.0, pose.rotation(0, 0, 15), np.array([150.0, 120.0, 0.0]))
    return head.to_image(basis.load().mean)[:, :2]


@pytest.fixture
def picture() -> Floats:
    """(260, 300, 3) waves that a crop of `SIZE` can show."""
    y, x = np.mgrid[:260, :300] / 12.0
    return np.stack([0.4 + 0.2 * np.sin(x), 0.4 + 0.2 * np.cos(y), 0.4 + 0.1 * np.sin(x + y)], 2).astype(np.float32)


def test_an_aligned_restorer_adds_its_difference_where_the_face_is(
    brighter: Model, picture: Floats, points: Floats
) -> None:
    restorer = AlignedFace(model=brighter, size=SIZE)
    more = restorer.added(picture, points)
    assert more.shape == picture.shape
    x, y = points[1].astype(int)
    np.testing.assert_allclose(more[y, x], 0.1, atol=1e-5)
    x0, y0, x1, y1 = restorer.reach(points, (140, 100, 150, 120))
    assert (np.abs(more).max(2) > 1e-3).mean() > 0.2
    assert not more[: max(0, int(y0) - 1)].any()
    assert x0 < points[:, 0].min() < points[:, 0].max() < x1
    assert y0 < points[:, 1].min() < points[:, 1].max() < y1


def test_a_fidelity_is_handed_on_in_the_type_that_the_network_takes(
    weighted: Model, picture: Floats, points: Floats
) -> None:
    x, y = points[1].astype(int)
    for fidelity in (0.0, 0.3):
        more = AlignedFace(model=weighted, size=SIZE, fidelity=fidelity).added(picture, points)
        np.testing.assert_allclose(more[y, x], fidelity / 2, atol=1e-5)


def test_a_network_of_another_kind_is_refused_in_words(brighter: Model, weighted: Model, repeated: Model) -> None:
    AlignedFace(model=brighter, size=SIZE).prepare()
    with pytest.raises(ModelError, match=r"gfpgan: takes input 1x3x128x128 tensor\(float\); .*1x3x512x512 floats"):
        AlignedFace(model=brighter, size=512).prepare()
    with pytest.raises(ModelError, match=r"codeformer: takes weight 1 tensor\(double\).*choose another enhance"):
        AlignedFace(model=weighted, size=SIZE).prepare()
    with pytest.raises(ModelError, match=r"gfpgan: takes 1 inputs; .* and one number"):
        AlignedFace(model=brighter, size=SIZE, fidelity=0.5).prepare()
    with pytest.raises(ModelError, match="larger: takes image"):
        AlignedFace(model=repeated, size=SIZE).prepare()


def test_a_file_that_is_not_there_is_told_before_the_first_frame(tmp_path: Path) -> None:
    gone = Model(asset=OwnFile(what="enhance.path (GPEN-BFR)", path=str(tmp_path / "gpen.onnx")), backend=Cpu())
    with pytest.raises(ModelError, match=r"enhance\.path \(GPEN-BFR\): there is no file .*gpen\.onnx"):
        AlignedFace(model=gone).prepare()


def test_tiles_leave_no_seams(picture: Floats, points: Floats) -> None:
    model = Model(asset=registry.shipped()["super_resolution_fast"], backend=Cpu())
    one = SuperResolution(model=model, size=64, tile=64).added(picture, points)
    four = SuperResolution(model=model, size=64, tile=32, overlap=24).added(picture, points)
    assert np.abs(one).max() > 0.02
    np.testing.assert_allclose(four, one, atol=2e-3)


def test_what_is_finer_than_the_network_can_show_is_left_as_it_was(repeated: Model, points: Floats) -> None:
    noise = np.random.default_rng(2).random((640, 640, 3), np.float32)
    more = SuperResolution(model=repeated, size=48).added(noise, points)
    before, after = (cv2.subtract(picture, cv2.GaussianBlur(picture, (0, 0), 2)) for picture in (noise, noise + more))
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.99
    assert after.std() > 0.97 * before.std()


def test_a_region_smaller_than_asked_is_not_enlarged_first(repeated: Model, points: Floats) -> None:
    flat = np.repeat(np.random.default_rng(2).random((40, 1, 3), np.float32), 60, 1)
    np.testing.assert_allclose(SuperResolution(model=repeated, size=160).added(flat, points), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"size": 20}, r"enhance\.size must be 48\.\.1024"), ({"overlap": 99}, r"enhance\.overlap must be 0\.\.32")],
)
def test_settings_out_of_range_are_refused(repeated: Model, settings: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        SuperResolution(model=repeated, **settings)


def test_an_unknown_template_is_refused(brighter: Model) -> None:
    with pytest.raises(ConfigError, match=r"enhance\.template must be one of .*ffhq_512"):
        AlignedFace(model=brighter, template="ffhq")
    with pytest.raises(ConfigError, match=r"enhance\.fidelity must be 0\.\.1"):
        AlignedFace(model=brighter, fidelity=1.5)
