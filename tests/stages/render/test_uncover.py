"""What lies before a face is left alone, where it is seen and where the edit would have carried it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from stages.expression import chart
from stages.media import planes
from stages.packets import Cover, Covers, Edit, Edits, Face, Faces, Frame, Units
from stages.render.uncover import Uncover, enlarged, laid
from stages.render.warp import Warp

SIDE = 64
CHEEK, OTHER_CHEEK, LIP = 425, 205, 13


@pytest.fixture
def smiling(
    picture: Callable[..., Frame], face: Callable[..., Face], measured: Callable[..., Units], only: Callable[..., Faces]
) -> tuple[Frame, Faces, Edits]:
    """A smile's edit."""
    frame, faces = picture(), only(face())
    edits = Warp().process(frame, faces, measured(), measured({"AU12": 3.0, "AU26": 2.0}))
    assert edits is not None
    return frame, faces, edits


def covers(edits: Edits, *points: int, radius: float = 6, track: int = 0) -> Covers:
    """Discs of so many texels around points of the mesh."""
    y, x = np.mgrid[:SIDE, :SIDE]
    hidden = np.zeros((SIDE, SIDE), np.uint8)
    for point in points:
        at = (chart.places()[point] + 0.5) * SIDE / chart.SIZE - 0.5
        hidden[np.hypot(x - at[0], y - at[1]) < radius] = 255
    return Covers(edits.at, (Cover(track, hidden),))


def at(edit: Edit, points: np.ndarray, vertex: int) -> tuple[int, int]:
    x, y = points[vertex] - np.array(edit.box[:2])
    return round(float(y)), round(float(x))


def test_a_cover_takes_the_mask_away_and_only_there(smiling):
    _, faces, edits = smiling
    old, new = edits.edits[0], Uncover().process(edits, faces, covers(edits, CHEEK)).edits[0]
    for points in (old.sources, old.places):
        assert new.mask[at(old, points, CHEEK)] < 0.05
        assert new.mask[at(old, points, OTHER_CHEEK)] == old.mask[at(old, points, OTHER_CHEEK)] == 1
    assert new.after is old.after
    assert (new.mask <= old.mask).all()


def test_what_the_edit_would_have_moved_is_left_alone_at_both_ends(smiling):
    _, faces, edits = smiling
    edit = edits.edits[0]
    shift = np.linalg.norm(edit.places[308] - edit.sources[308])
    assert shift > 4, "the corner of the mouth moves far enough to tell"
    mask = Uncover().process(edits, faces, covers(edits, 308, radius=1.6)).edits[0].mask
    assert mask[at(edit, edit.sources, 308)] < 0.4
    assert mask[at(edit, edit.places, 308)] < 0.4


def test_no_cover_gives_the_very_same_packet(smiling):
    _, faces, edits = smiling
    assert Uncover().process(edits, faces, None) is edits
    assert Uncover().process(edits, faces, covers(edits, CHEEK, track=5)) is edits
    assert Uncover().process(edits, faces, covers(edits)) is edits


def test_a_covered_face_is_not_written_to_at_all(smiling):
    frame, faces, edits = smiling
    whole = Covers(edits.at, (Cover(0, np.full((SIDE, SIDE), 255, np.uint8)),))
    kept = Uncover().process(edits, faces, whole).edits
    before, after = (planes.crop(one, edits.edits[0].box) for one in (frame, planes.paste(frame, kept)))
    changed = np.abs(planes.crop(planes.paste(frame, edits.edits), edits.edits[0].box) - before).max(2) > 0
    assert changed.any()
    assert not np.abs(after - before)[changed & (kept[0].mask == 0)].any()
    assert np.mean(kept[0].mask[edits.edits[0].mask > 0.5]) < 0.02


@pytest.mark.parametrize("side", [32, 64, 192])
def test_a_texel_lies_where_the_mesh_says_at_any_size(smiling, side):
    _, faces, edits = smiling
    edit, column = edits.edits[0], np.arange(side)
    ramp = np.broadcast_to(np.rint(255 * column / (side - 1)).astype(np.uint8), (side, side))
    shown = enlarged(laid(np.ascontiguousarray(ramp), edit, faces.faces[0], edit.places), edit.mask.shape)
    for vertex in (CHEEK, OTHER_CHEEK, LIP, 4):
        wanted = ((chart.places()[vertex, 0] + 0.5) * side / chart.SIZE - 0.5) / (side - 1)
        assert shown[at(edit, edit.places, vertex)] == pytest.approx(wanted, abs=0.012)


def test_a_cover_at_the_outline_reaches_beyond_it(smiling):
    _, faces, edits = smiling
    edit = edits.edits[0]
    hidden = covers(edits, 152, radius=10).covers[0].hidden
    shown = enlarged(laid(hidden, edit, faces.faces[0], edit.places), edit.mask.shape)
    below = edit.places[152] + (edit.places[152] - edit.places[10]) * 0.04
    x, y = (below - np.array(edit.box[:2])).round().astype(int)
    assert shown[y, x] > 0.9
