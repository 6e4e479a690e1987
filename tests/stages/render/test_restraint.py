"""The identity guard lets through as much as leaves the face the same person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from stages.backend import Cpu, Model
from stages.errors import ConfigError
from stages.faces.embed import Embedder
from stages.models.onnx_writer import Writer, tensor
from stages.models.own import OwnFile
from stages.packets import RESTORED, Edit, Edits, Face, Faces, Frame, Restored, Restraints, Stamp
from stages.render.restraint import Compare, Guard, changed
from tests.stages.expression.held import Held

BOX = (200, 120, 440, 400)
RATE = 25


@dataclass(frozen=True)
class Known:
    """An identity with one photo."""

    name: str | None
    vector: np.ndarray

    @property
    def likeness(self) -> Any:
        portrait = type("Portrait", (), {"vectors": {"colour": self.vector}})
        return type("Likeness", (), {"portraits": (portrait,)})


@pytest.fixture
def embedder(tmp_path: Path) -> Embedder:
    """Who a face is by its mean colour: a network, if a small one."""
    writer = Writer()
    floats = writer.add("Cast", "image", to=TensorProto.FLOAT)
    writer.add("ReduceMean", floats, output="vector", axes=[1, 2], keepdims=0)
    image = tensor("image", (1, 150, 150, 3), TensorProto.UINT8)
    (tmp_path / "colour.onnx").write_bytes(writer.model([image], [tensor("vector", (1, 3))], {}).SerializeToString())
    model = Model(asset=OwnFile(what="embed", path=str(tmp_path / "colour.onnx")), backend=Cpu())
    return Embedder(name="colour", model=model, layout="dlib_150", same=0.1)


@pytest.fixture
def scene(picture: Callable[..., Frame], face: Callable[..., Face]) -> tuple[Frame, Faces, Edits, Edits]:
    """An edit that changes nothing, and one that makes the same face redder."""
    frame = picture()
    h, w = BOX[3] - BOX[1], BOX[2] - BOX[0]
    grey = np.full((h, w, 3), 0.4, np.float32)
    old = Edit(0, BOX, grey, grey, np.ones((h, w), np.float32))
    new = replace(old, after=grey + np.array([0.3, 0, 0], np.float32))
    return frame, Faces(frame.at, (face(),)), Edits(frame.at, (old,)), Edits(frame.at, (new,))


def test_a_face_that_becomes_another_is_hurt(embedder: Embedder, scene: tuple[Frame, Faces, Edits, Edits]) -> None:
    frame, faces, before, after = scene
    compare = Compare(embedder=embedder)
    found = compare.process(frame, faces, before, after, Restraints(frame.at, (0,), (0.4,)))
    assert found is not None
    row = dict(zip(RESTORED, found.values[0].tolist(), strict=True))
    assert found.tracks == (0,)
    assert row["hurt"] == pytest.approx((1 - row["cosine"]) / 0.1, abs=1e-4)
    assert row["hurt"] > 0.1
    assert row["share"] == pytest.approx(0.4)
    assert row["change"] == pytest.approx(changed(before.edits[0], after.edits[0]), rel=1e-5)
    assert 10 < row["change"] < 60


def test_a_face_that_becomes_who_it_should_be_is_not_hurt(
    embedder: Embedder, scene: tuple[Frame, Faces, Edits, Edits]
) -> None:
    frame, faces, before, after = scene
    red = np.array([1, 0, 0], np.float32)
    for name, better in (("ada", True), (None, False)):
        found = Compare(embedder=embedder, identity=Known(name, red)).process(frame, faces, before, after)
        assert found is not None
        assert (found.values[0, RESTORED.index("hurt")] < 0) == better


def test_what_was_not_restored_is_not_compared(embedder: Embedder, scene: tuple[Frame, Faces, Edits, Edits]) -> None:
    frame, faces, before, after = scene
    assert Compare(embedder=embedder).process(frame, faces, before, before) is None
    later = replace(frame, at=Stamp("synthetic", 1, 1, Fraction(1, RATE)))
    assert Compare(embedder=embedder, every=5).process(later, faces, before, after) is None


def seen(count: int, tracks: Sequence[int], face: Face) -> Held:
    def packet(i: int) -> Faces | None:
        at = Stamp("clip", i, i, Fraction(1, RATE))
        return Faces(at, tuple(replace(face, track=track) for track in tracks)) if i % 10 != 7 else None

    return Held([packet(i) for i in range(count)])


def tried(line: Held, rows: Mapping[int, tuple[float, float]]) -> Held:
    """rows: frame -> hurt, share, of track 0."""
    found = [
        Restored(p.at, (0,), np.array([(0.8, rows[i][0], 1.0, rows[i][1])], np.float32)) if i in rows and p else None
        for i, p in enumerate(line)
    ]
    return Held(found)


def shares(packets: Iterator[Restraints | None], track: int = 0) -> np.ndarray:
    return np.array([np.nan if packet is None else packet.of(track) for packet in packets])


def test_frames_are_tried_all_over_the_clip_and_only_where_there_is_a_face(face: Callable[..., Face]) -> None:
    line = seen(100, (0, 3), face())
    frames = Guard(frames=10).rehearsed(line)
    assert len(frames) == 10
    assert (frames[0], frames[-1]) == (0, 99)
    assert max(np.diff(frames)) <= 12
    assert not any(i % 10 == 7 for i in frames)


def test_until_something_was_tried_everything_is_allowed(face: Callable[..., Face]) -> None:
    line = seen(30, (0,), face())
    made = shares(Guard().process(line))
    np.testing.assert_array_equal(np.isnan(made), [i % 10 == 7 for i in range(30)])
    assert np.nanmin(made) == np.nanmax(made) == 1


def test_the_share_falls_where_the_identity_is_hurt_and_only_there(face: Callable[..., Face]) -> None:
    line = seen(200, (0, 3), face())
    rows = {i: (0.05 if i < 100 else 0.4, 1.0) for i in range(0, 200, 10)}
    guard = Guard(tolerance=0.1, smooth_s=0.2)
    made = shares(guard.process(line, tried(line, rows)))
    np.testing.assert_allclose(made[[20, 60]], 1, atol=1e-6)
    np.testing.assert_allclose(made[[140, 180]], 0.25, atol=1e-6)
    assert np.nanmax(np.abs(np.diff(made))) < 0.2
    assert np.nanmin(shares(guard.process(line, tried(line, rows)), track=3)) == 1


def test_a_second_round_goes_on_from_the_first(face: Callable[..., Face]) -> None:
    line = seen(50, (0,), face())
    made = shares(Guard(tolerance=0.1).process(line, tried(line, dict.fromkeys(range(0, 50, 5), (0.2, 0.5)))))
    np.testing.assert_allclose(made[20], 0.25, atol=1e-6)


def test_the_share_cannot_flicker(face: Callable[..., Face]) -> None:
    line = seen(200, (0,), face())
    rows = {i: (0.2 * (i % 20 == 0), 1.0) for i in range(0, 200, 10)}
    made = shares(Guard(tolerance=0.1, smooth_s=1.0).process(line, tried(line, rows)))
    inside = made[30:-60][~np.isnan(made[30:-60])]
    assert np.ptp(inside) < 0.05


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tolerance": -1}, r"enhance\.guard\.tolerance must be 0\.\.1"),
        ({"frames": 0}, r"enhance\.guard\.frames must be 1\.\.200"),
        ({"rounds": 9}, r"enhance\.guard\.rounds must be 0\.\.3"),
        ({"smooth_s": 0}, r"enhance\.guard\.smooth_s must be above 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Guard(**settings)
