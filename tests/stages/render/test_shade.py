"""Shading: what is multiplied, where, and that nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from stages import facs
from stages.errors import ConfigError
from stages.expression import chart
from stages.expression.textures.stage import POWER
from stages.packets import Edit, Edits, Face, Faces, Frame, Stamp, Texture, Textures, Units
from stages.render.shade import TINT, Off, Shade
from stages.render.warp import Warp

FURROW = 9  # between the brows


@pytest.fixture
def textures() -> Callable[[float], Textures]:
    """textures(log): AU4 changes luminance by this natural logarithm in a spot between the brows."""

    def make(log: float) -> Textures:
        x, y = chart.places()[FURROW]
        row, column = np.mgrid[: chart.SIZE, : chart.SIZE]
        spot = log * np.clip(2 - np.hypot(row - y, column - x) / 5, 0, 1)
        units, sides = np.array([facs.INDEX["AU04"]]), np.array([0])
        return Textures(
            Stamp("synthetic", 0, 0, Fraction(1, 25)), (Texture(0, units, sides, spot[None].astype(np.float16)),)
        )

    return make


@pytest.fixture
def edited(
    picture: Callable[..., Frame], face: Callable[..., Face], measured: Callable[..., Units], only: Callable[..., Faces]
) -> tuple[Edits, Faces, Units, Units]:
    """A frown's edit and what it was made of."""
    faces, now, then = only(face()), measured({"AU04": 1.0}), measured({"AU04": 3.0})
    edits = Warp().process(picture(), faces, now, then)
    assert edits is not None
    return edits, faces, now, then


def _place(edit: Edit, point: int) -> tuple[int, int]:
    x, y = edit.places[point] - np.array(edit.box[:2])
    return round(float(y)), round(float(x))


def test_luminance_changes_by_the_ratio_learned_times_the_change_of_the_unit(edited, textures):
    edits, faces, now, then = edited
    shaded = Shade(darkest=0.2).process(edits, faces, now, then, textures(-0.2)).edits[0]
    here = _place(shaded, FURROW)
    ratio = shaded.after[here] / edits.edits[0].after[here]
    factor = np.exp(-0.2 * 2 / POWER)
    assert ratio == pytest.approx(1 + (factor - 1) * TINT, abs=0.012)
    assert pytest.approx(1, abs=0.01) == TINT @ [0.299, 0.587, 0.114], "luma changes by the factor itself"


def test_less_of_the_unit_turns_shade_into_light(edited, textures):
    edits, faces, now, then = edited
    here = _place(edits.edits[0], FURROW)
    lit = Shade().process(edits, faces, then, now, textures(-0.2)).edits[0]
    assert (lit.after[here] > 1.1 * edits.edits[0].after[here]).all()


def test_skin_without_texture_keeps_every_bit(edited, textures):
    edits, faces, now, then = edited
    before, after = edits.edits[0], Shade().process(edits, faces, now, then, textures(-0.2)).edits[0]
    row, column = _place(after, FURROW)
    y, x = np.mgrid[: after.mask.shape[0], : after.mask.shape[1]]
    far = np.hypot(y - row, x - column) > 0.3 * 150
    assert np.array_equal(after.after[far], before.after[far])
    assert not np.array_equal(after.after, before.after)
    assert after.mask is before.mask
    assert after.before is before.before


def test_shade_lies_where_the_edit_has_put_the_skin(edited, textures):
    edits, faces, now, then = edited
    moved = replace(edits.edits[0], places=edits.edits[0].places + np.float32([8, 5]))
    one, other = (
        np.abs(Shade().process(Edits(edits.at, (edit,)), faces, now, then, textures(-0.2)).edits[0].after - edit.after)
        for edit in (edits.edits[0], moved)
    )
    centres = [
        np.array([(d.sum(2) * grid).sum() / d.sum() for grid in np.mgrid[: len(d), : d.shape[1]]]) for d in (one, other)
    ]
    assert centres[1] - centres[0] == pytest.approx([5, 8], abs=0.7)


def test_nothing_reaches_the_edge_of_the_mask(edited, textures):
    edits, faces, now, then = edited
    edit = edits.edits[0]
    _row, column = _place(edit, FURROW)
    mask = edit.mask.copy()
    mask[:, :column] = 0
    cut = replace(edit, mask=mask)
    shaded = Shade().process(Edits(edits.at, (cut,)), faces, now, then, textures(-0.2)).edits[0]
    assert np.array_equal(shaded.after[:, : column + 1], edit.after[:, : column + 1])


def test_factors_stay_within_their_limits(edited, textures):
    edits, faces, now, then = edited
    for log, darkest, brightest in ((-9.0, 0.6, 1.5), (9.0, 0.6, 1.5)):
        shade = Shade(darkest=darkest, brightest=brightest)
        shaded = shade.process(edits, faces, now, then, textures(log)).edits[0]
        luma = ((shaded.after / np.maximum(edits.edits[0].after, 1e-3)) @ [0.299, 0.587, 0.114])[
            edits.edits[0].mask > 0
        ]
        assert darkest - 0.02 <= luma.min()
        assert luma.max() <= brightest + 0.02
        assert luma.min() < 0.65 if log < 0 else luma.max() > 1.4


def test_a_unit_that_folds_nothing_hands_on_the_very_packet(edited, textures, measured):
    edits, faces, _, _ = edited
    now, then = measured({"AU26": 1.0, "AU04": 2.0}), measured({"AU26": 3.0, "AU04": 2.0})
    assert Shade().process(edits, faces, now, then, textures(-0.2)) is edits


def test_no_textures_no_strength_and_off_hand_on_the_very_packet(edited, textures):
    edits, faces, now, then = edited
    assert Shade().process(edits, faces, now, then, None) is edits
    assert Shade(strength=0.0).process(edits, faces, now, then, textures(-0.2)) is edits
    assert Off().process(edits) is edits


def test_it_fades_out_as_the_head_turns(edited, textures, face, only):
    edits, _, now, then = edited
    part, none = only(face(angles=(33.0, 0.0, 0.0))), only(face(angles=(50.0, 0.0, 0.0)))
    assert Shade().process(edits, none, now, then, textures(-0.2)) is edits
    here = _place(edits.edits[0], FURROW)
    straight = Shade().process(edits, edited[1], now, then, textures(-0.2)).edits[0].after[here]
    turned = Shade().process(edits, part, now, then, textures(-0.2)).edits[0].after[here]
    assert (straight < turned).all()
    assert (turned < edits.edits[0].after[here]).all()


def test_the_ratio_moves_smoothly_with_the_intensity(edited, textures, measured):
    edits, faces, now, _ = edited
    shades = [
        Shade().process(edits, faces, now, measured({"AU04": 1.0 + d}), textures(-0.1)).edits[0].after
        for d in np.linspace(0.5, 0.6, 5)
    ]
    steps = [np.abs(b - a).max() for a, b in pairwise(shades)]
    assert max(steps) < 1.3 * min(steps) < 0.004


@pytest.mark.parametrize(
    ("settings", "begins"),
    [
        ({"strength": 1.6}, "shade.strength"),
        ({"darkest": 1.2}, "shade.darkest"),
        ({"full_yaw": 60.0}, "shade.full_yaw"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, float], begins: str):
    with pytest.raises(ConfigError, match=f"^{begins}"):
        Shade(**settings)
