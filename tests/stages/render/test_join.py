"""Two layers as one difference to the frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.packets import Edit, Edits, Faces, Moved
from stages.render.join import Join
from tests.stages.render.conftest import AT


@pytest.fixture
def under() -> Edit:
    """Grey that became lighter in the left half."""
    before = np.full((40, 60, 3), 0.4, np.float32)
    mask = np.zeros((40, 60), np.float32)
    mask[:, :30] = 1
    return Edit(0, (100, 100, 160, 140), before, before + np.float32(0.2), mask)


@pytest.fixture
def over(under: Edit) -> Edit:
    """Red in the middle, across the edge of the edit underneath."""
    mask = np.zeros((40, 60), np.float32)
    mask[10:30, 10:50] = 0.5
    red = np.zeros_like(under.after) + np.array([1, 0, 0], np.float32)
    return replace(under, before=under.after, after=red, mask=mask)


def _shown(edit: Edit) -> np.ndarray:
    return edit.before + edit.mask[..., None] * (edit.after - edit.before)


def test_the_face_lies_over_the_performer_under_it(face, only, under, over):
    made = Join(width=0.0).process(Edits(AT, (under,)), only(face()), Edits(AT, (over,)))
    shown = _shown(made.edits[0])
    assert shown[20, 20] == pytest.approx([0.6 + 0.5 * 0.4, 0.3, 0.3], abs=1e-6), "half red over the moved picture"
    assert shown[2, 20] == pytest.approx([0.6] * 3, abs=1e-6), "moved and not painted"
    assert shown[2, 45] == pytest.approx([0.4] * 3, abs=1e-6), "neither"
    assert made.edits[0].mask[2, 45] == 0


def test_a_frame_without_a_painted_face_keeps_what_lies_under(face, only, under):
    made = Join(width=0.0).process(Edits(AT, (under,)), only(face()))
    assert made.edits[0] is under


def test_a_painted_face_may_be_smaller_than_what_lies_under(face, only, under, over):
    part = slice(8, 32), slice(8, 52)
    small = Edit(0, (108, 108, 152, 132), over.before[part], over.after[part], over.mask[part])
    whole, less = (
        Join(width=0.0).process(Edits(AT, (under,)), only(face()), Edits(AT, (one,))) for one in (over, small)
    )
    assert np.array_equal(whole.edits[0].after, less.edits[0].after)
    assert np.array_equal(whole.edits[0].mask, less.edits[0].mask)


def test_on_what_only_moves_a_face_goes_on_as_a_layer(face, only, over, picture):
    still = np.zeros((2, 20, 30), np.float32)
    moved = Moved(0, over.box, picture(), still, still[0] + np.float32(1), over.places, over.sources)
    made = Join(width=0.0).process(Edits(AT, (moved,)), only(face()), Edits(AT, (over,))).edits[0]
    assert made.painted is over
    assert made.offsets is moved.offsets


def test_layers_of_different_places_are_refused(face, only, under, over):
    moved = replace(over, box=(102, 100, 162, 140))
    with pytest.raises(ValueError, match=r"\(102, 100, 162, 140\)"):
        Join().process(Edits(AT, (under,)), Faces(AT, (face(),)), Edits(AT, (moved,)))
