from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from stages.errors import ConfigError
from stages.expression import basis
from stages.faces import layouts
from stages.media import planes
from stages.packets import Edit, Edits, Face, Faces, Floats, Frame, Units
from stages.render import mesh
from stages.render.deform import Deformed
from stages.render.warp import Warp, resample
from tests.stages.render.conftest import AT, values

Pictures = Callable[..., Frame]
Heads = Callable[..., Face]
Measured = Callable[..., Units]
Only = Callable[[Face], Faces]


@pytest.fixture
def warped(picture: Pictures, only: Only, measured: Measured) -> Callable[..., Edit | None]:
    """warped(face, {"AU12": 2.0}, frame=None, warp=None): the one edit, or None."""

    def make(face: Face, asked: dict[str, float], frame: Frame | None = None, warp: Warp | None = None) -> Edit | None:
        source = frame or picture()
        edits = (warp or Warp()).process(source, only(face), measured(), measured(asked))
        return edits.edits[0] if edits else None

    return make


def _at(channel: Floats, points: Floats) -> Floats:
    mapped: Floats = cv2.remap(channel, *(points[None, :, k].astype(np.float32) for k in (0, 1)), cv2.INTER_LINEAR)[0]
    return mapped


def _origin(edit: Edit, points: Floats) -> Floats:
    """Where the pixels now at `points` were taken from, read off their colours."""
    inside = points - np.array(edit.box[:2], np.float32)
    return np.stack([_at(np.ascontiguousarray(edit.after[..., k]), inside) * 2048 for k in (0, 1)], 1)


def test_nothing_asked_gives_no_edit(warped: Callable[..., Edit | None], face: Heads) -> None:
    assert warped(face(), {}) is None
    assert warped(face(), {"AU12": 5e-5}) is None


def test_a_face_that_is_not_measured_is_left_alone(picture: Pictures, face: Heads, only: Only) -> None:
    assert Warp().process(picture(), only(face()), Units(AT, ()), Units(AT, ())) is None


@pytest.mark.parametrize("interpolation", ["linear", "cubic", "lanczos4"])
def test_a_mesh_at_rest_keeps_every_bit(picture: Pictures, face: Heads, interpolation: str) -> None:
    points = mesh.place(face().landmarks[:, :2], 150.0)
    offsets = np.zeros_like(points)
    offsets[4] = 1e-9  # moves by less than a coordinate can tell, so that the region is drawn
    edit = resample(picture(), 0, Deformed(points, offsets, np.zeros(mesh.COUNT, np.float32)), 1, _code(interpolation))
    assert edit is not None
    assert np.array_equal(edit.after, edit.before)


def _code(interpolation: str) -> int:
    return {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "lanczos4": cv2.INTER_LANCZOS4}[interpolation]


def test_pixels_arrive_where_the_basis_sends_them(warped: Callable[..., Edit | None], face: Heads) -> None:
    still, asked = face(unit=200.0), {"AU12": 2.0}
    edit = warped(still, asked)
    assert edit is not None
    moves = np.tensordot(values(asked), basis.load().displacement, 2)[:, :2] * 200
    cheeks = np.array([205, 425, 50, 280, 57, 287, 186, 410])
    here = still.landmarks[cheeks, :2]
    assert np.linalg.norm(moves[cheeks], axis=1).max() > 8
    assert np.abs(_origin(edit, here + moves[cheeks]) - here).max() < 0.6


def test_a_dropping_jaw_takes_the_chin_and_its_outline_along(warped: Callable[..., Edit | None], face: Heads) -> None:
    still, asked = face(shown={"AU25": 3.0, "AU26": 2.0}), {"AU26": 3.0}
    edit = warped(still, asked)
    assert edit is not None
    chin = still.landmarks[[152, 148, 377, 175], :2]
    wanted = np.tensordot(values(asked), basis.load().displacement, 2)[[152, 148, 377, 175], :2] * 150
    assert wanted[:, 1].min() > 8
    assert np.abs(_origin(edit, chin + wanted) - chin).max() < 1.0
    below = chin[:1] + np.array([0, 0.25 * 150], np.float32)
    pulled = below - _origin(edit, below)
    assert 0.2 * wanted[0, 1] < pulled[0, 1] < wanted[0, 1]


def test_units_of_the_skin_leave_the_outline_alone(warped: Callable[..., Edit | None], face: Heads) -> None:
    still = face()
    edit = warped(still, {"AU01": 3.0, "AU06": 3.0, "AU12": 3.0})
    assert edit is not None
    outline = still.landmarks[layouts.OVAL, :2]
    box = edit.box
    inside = ((outline > box[:2]) & (outline < np.array(box[2:]) - 1)).all(1)
    assert np.abs(_origin(edit, outline[inside]) - outline[inside]).max() < 0.3


def test_the_region_is_the_part_that_moves(warped: Callable[..., Edit | None], face: Heads) -> None:
    still = face()
    edit = warped(still, {"AU02": 2.0})
    assert edit is not None
    assert edit.box[3] < still.landmarks[0, 1]
    assert edit.box[1] < still.landmarks[[105, 334], 1].min()


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "gbrp16le"])
def test_samples_outside_the_mask_stay_bit_identical(
    picture: Pictures, warped: Callable[..., Edit | None], face: Heads, pixel_format: str
) -> None:
    frame = picture(pixel_format=pixel_format)
    edit = warped(face(), {"AU12": 3.0, "AU26": 2.0}, frame)
    assert edit is not None
    written = planes.WriteBack().process(frame, Edits(AT, (edit,)))
    x0, y0, x1, y1 = edit.box
    touched = np.zeros((frame.height, frame.width), bool)
    touched[y0:y1, x0:x1] = edit.mask > 0
    old, new = (np.frombuffer(f.native.planes[0], np.uint8).reshape(frame.height, -1) for f in (frame, written))
    step = old.shape[1] // f_width if (f_width := frame.native.planes[0].width) else 1
    changed = (old != new)[:, : f_width * step].reshape(frame.height, f_width, step).any(2)
    assert changed.any()
    assert not (changed & ~touched).any()
    assert np.array_equal(edit.after[edit.mask == 0], edit.before[edit.mask == 0])


@pytest.mark.parametrize("centre", [(20.0, 200.0), (320.0, 10.0), (630.0, 230.0), (320.0, 470.0), (5.0, 475.0)])
def test_a_face_cut_by_the_frame_is_edited_up_to_it(
    warped: Callable[..., Edit | None], face: Heads, centre: tuple[float, float]
) -> None:
    edit = warped(face(centre), {"AU12": 3.0, "AU26": 3.0, "AU01": 3.0, "AU43": 3.0})
    assert edit is not None
    assert np.isfinite(edit.after).all()
    assert np.isfinite(edit.mask).all()
    assert 0 <= edit.box[0] < edit.box[2] <= 640
    assert 0 <= edit.box[1] < edit.box[3] <= 480
    edges = {0: edit.box[0] == 0, -1: edit.box[2] == 640}
    for column, cut in edges.items():
        if cut:
            assert np.abs(edit.after[:, column] - edit.before[:, column])[:, :2].max() * 2048 < 1


def test_a_face_outside_the_frame_gives_no_edit(warped: Callable[..., Edit | None], face: Heads) -> None:
    assert warped(face((-400.0, 200.0)), {"AU12": 3.0}) is None


def test_a_tiny_face_is_left_alone(warped: Callable[..., Edit | None], face: Heads) -> None:
    assert warped(face(unit=15.0), {"AU12": 3.0}) is None
    assert warped(face(unit=40.0), {"AU12": 3.0}) is not None


def test_the_edit_fades_as_the_head_turns_away(warped: Callable[..., Edit | None], face: Heads) -> None:
    def change(yaw: float) -> float:
        edit = warped(face(angles=(yaw, 0.0, 0.0)), {"AU12": 2.0})
        return 0.0 if edit is None else float(np.abs(edit.after - edit.before)[..., 2].sum())

    assert change(25) > change(38) > change(43) > 0
    assert change(46) == 0


def test_the_edit_fades_with_the_presence_of_the_face(warped: Callable[..., Edit | None], face: Heads) -> None:
    assert warped(face(presence=0.2), {"AU12": 2.0}) is None
    assert warped(replace(face(presence=0.0), bridged=True), {"AU12": 2.0}) is not None
    assert warped(replace(face(), bridged=True), {"AU12": 2.0}, warp=Warp(bridged=0.0)) is None


def test_left_and_right_go_apart(
    warped: Callable[..., Edit | None], picture: Pictures, face: Heads, only: Only, measured: Measured
) -> None:
    asked = measured({"AU12": 2.0})
    asked.faces[0].values[:, 1] = 0
    edits = Warp().process(picture(), only(face()), measured(), asked)
    assert edits is not None
    # The performer's left is on the right of the picture.
    x = np.arange(edits.edits[0].box[0], edits.edits[0].box[2])
    change = np.abs(edits.edits[0].after - edits.edits[0].before).sum((0, 2))
    assert change[x > 330].sum() > 10 * change[x < 300].sum()


def test_half_the_samples_give_nearly_the_same_picture(warped: Callable[..., Edit | None], face: Heads) -> None:
    still, asked = face(shown={"AU25": 2.0}), {"AU12": 2.0}
    full, half = warped(still, asked, warp=Warp(step=1)), warped(still, asked, warp=Warp(step=2))
    assert full is not None
    assert half is not None
    apart = np.abs(full.after - half.after)[..., :2] * 2048
    assert np.percentile(apart, 99) < 0.3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("interpolation", "area"),
        ("step", 3),
        ("full_yaw", 50.0),
        ("no_presence", 0.7),
        ("bridged", 1.5),
        ("eye_growth", 0.5),
        ("mouth_slack", -0.1),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"^{field}|^no_presence|^full_yaw"):
        Warp(**{field: value})  # type: ignore[arg-type]
