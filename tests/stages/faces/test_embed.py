"""Embeddings on real people: one person from clip to clip, and different ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from stages.backend import Cpu, Model
from stages.errors import ConfigError, ModelError
from stages.faces.chips import CHIPS
from stages.faces.embed import Embed, Embedder, Planar, distance, mean
from stages.models.own import OwnFile
from stages.models.registry import shipped
from stages.packets import Face, Faces, Frame


@pytest.fixture(scope="module", params=["cc0_128", "arcface_512"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return build(request.param)


def build(name: str) -> Embedder:
    asset, layout, same = {
        "cc0_128": ("identity_128", "dlib_150", 0.075),
        "arcface_512": ("identity_512", "arcface_112_v2", 0.5),
    }[name]
    return Embedder(name=name, model=Model(asset=shipped()[asset], backend=Cpu()), layout=layout, same=same)


@pytest.fixture(scope="module")
def people(near, mesh478, clip_frames) -> dict[str, list[tuple[Frame, NDArray[np.float32]]]]:
    """Three pictures each of four people, from more than one clip where there are more."""
    shown = {
        "man": [("talking_man_mild", 5), ("talking_man_mild", 70), ("talking_man_strong", 60)],
        "woman": [("talking_woman_mild", 5), ("talking_woman_strong", 30), ("talking_woman_strong", 70)],
        "smiling": [("smile_onset", 3), ("smile_onset", 60), ("face_noface", 3)],
        "crying": [("arc_cry_laugh", 10), ("arc_cry_laugh", 250), ("arc_cry_laugh", 440)],
    }
    return {
        name: [faced(clip_frames(clip, at, at + 1)[0], near, mesh478) for clip, at in places]
        for name, places in shown.items()
    }


def faced(frame: Frame, near, mesh478) -> tuple[Frame, NDArray[np.float32]]:
    return frame, mesh478.from_detection(frame, near.find(frame)[0]).landmarks


def test_people_are_told_apart_and_found_again(embedder: Embedder, people) -> None:
    vectors = {name: [embedder.vector(*seen) for seen in rows] for name, rows in people.items()}
    for name, rows in vectors.items():
        for one in rows:
            assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
            assert all(embedder.says_same(one, other) for other in rows), name
            strangers = [row for who, other in vectors.items() if who != name for row in other]
            assert min(distance(one, stranger) for stranger in strangers) > 1.15 * embedder.same


def test_turning_the_picture_does_not_change_who_it_is(embedder: Embedder, people, rgb_frames) -> None:
    frame, landmarks = people["man"][0]
    rgb = frame.native.to_ndarray(format="rgb24")
    turned = cv2.getRotationMatrix2D((640, 360), 30, 0.5)
    (picture,) = rgb_frames([cv2.warpAffine(rgb, turned, (1280, 720), flags=cv2.INTER_AREA)])
    # Landmarks are continuous, with a pixel's centre at .5; OpenCV's matrices have it at 0.
    moved = np.array(landmarks)
    moved[:, :2] = (landmarks[:, :2] - 0.5) @ turned[:, :2].T.astype(np.float32) + turned[:, 2].astype(np.float32) + 0.5
    assert distance(embedder.vector(frame, landmarks), embedder.vector(picture, moved)) < embedder.same / 3


@pytest.mark.parametrize("layout", CHIPS)
def test_eyes_are_level_and_where_the_layout_wants_them(layout: str, people) -> None:
    chip, (_, landmarks) = CHIPS[layout], people["woman"][0]
    roi = chip.roi(landmarks)
    cos, sin = np.cos(roi.angle), np.sin(roi.angle)
    centred = (chip.points(landmarks) - (roi.x, roi.y)) / roi.side
    placed = centred @ np.array([[cos, -sin], [sin, cos]]) + 0.5
    np.testing.assert_allclose(placed, chip.places, atol=0.04)
    np.testing.assert_allclose(placed.mean(0), np.mean(chip.places, 0), atol=1e-5)


def test_only_every_nth_frame_and_only_clear_faces(people) -> None:
    embed = Embed(embedder=build("cc0_128"), every=10, smallest=48)
    frame, landmarks = people["man"][1]  # frame 70
    assert frame.at.index == 70
    box = np.array([0, 0, 300, 300], np.float32)
    faces = Faces(
        frame.at,
        (
            Face(2, box, landmarks, 1.0),
            Face(5, box, landmarks, 1.0, bridged=True),
            Face(6, np.array([0, 0, 40, 30], np.float32), landmarks, 1.0),
        ),
    )
    prints = embed.process(frame, faces)
    assert prints is not None
    assert prints.tracks == (2,)
    np.testing.assert_array_equal(prints.vectors[0], embed.embedder.vector(frame, landmarks))
    other, _ = people["man"][0]  # frame 5
    assert embed.process(other, faces) is None
    assert embed.process(frame, Faces(frame.at, faces.faces[1:])) is None


def averages(path: Path, shape: tuple[int, ...]) -> OwnFile:
    """A network of one node: the mean of each channel."""
    node = helper.make_node("ReduceMean", ["in"], ["out"], axes=[2, 3], keepdims=0)
    given = helper.make_tensor_value_info("in", TensorProto.FLOAT, shape)
    made = helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, 3))
    graph = helper.make_graph([node], "mean", [given], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return OwnFile(what="embed.embedder.model.asset.path", path=str(path))


def own(asset: OwnFile, order: str = "rgb") -> Embedder:
    model = Model(asset=asset, backend=Cpu())
    return Embedder(name="file", model=model, layout="arcface_112_v2", same=0.6, input=Planar(order=order))


def test_a_network_of_ones_own_gets_planar_floats_in_its_order(tmp_path: Path, people, rgb_frames) -> None:
    _, landmarks = people["man"][0]
    (red,) = rgb_frames([np.broadcast_to(np.uint8([255, 0, 0]), (720, 1280, 3))])
    asset = averages(tmp_path / "mean.onnx", (1, 3, 112, 112))
    embedder = own(asset)
    embedder.prepare()
    np.testing.assert_allclose(embedder.vector(red, landmarks) * np.sqrt(3), [1, -1, -1], atol=0.02)
    np.testing.assert_allclose(own(asset, "bgr").vector(red, landmarks) * np.sqrt(3), [-1, -1, 1], atol=0.02)
    assert asset.sha256[:12] in embedder.key


def test_a_network_for_other_pictures_is_refused_before_the_first_frame(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^embed\.layout: mean takes .*160, 160\], but arcface_112_v2 is"):
        own(averages(tmp_path / "mean.onnx", (1, 3, 160, 160))).prepare()
    with pytest.raises(ModelError, match="there is no file"):
        own(OwnFile(what="embed.embedder.model.asset.path", path=str(tmp_path / "gone.onnx"))).prepare()


def test_the_mean_of_a_persons_vectors_is_a_vector_of_that_person(embedder: Embedder, people) -> None:
    rows = np.stack([embedder.vector(*seen) for seen in people["crying"]])
    assert all(distance(mean(rows), row) < embedder.same / 2 for row in rows)


@pytest.mark.parametrize(("field", "value"), [("every", 0), ("smallest", -1.0)])
def test_nonsense_is_refused(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^embed\.{field}"):
        Embed(embedder=build("cc0_128"), **{field: value})
