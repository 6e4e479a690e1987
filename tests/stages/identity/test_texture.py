"""Faces drawn so that every texel can be told by its colour, and the rims of a real mouth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages import facs
from stages.expression import basis, chart, pose
from stages.faces import layouts
from stages.identity import clean, merge, rims, texture
from stages.identity.enrol import Enrolled
from stages.identity.flat import Flat
from stages.packets import Floats

SIDE = 256


def placed(unit: float = 120.0, yaw: float = 0.0, size: int = 420) -> Floats:
    head = pose.Pose(unit, pose.rotation(yaw, 0, 0), np.array([size / 2, size / 2.3, 0.0]))
    return head.to_image(basis.load().neutral)


def ramps(size: int = 420) -> Floats:
    """Red grows to the right, green downward."""
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    return np.stack([x, y, np.full_like(x, 0.5)], -1)


@pytest.mark.parametrize("unit", [60.0, 120.0, 400.0])
def test_every_texel_shows_its_own_spot(unit: float) -> None:
    size = round(3.6 * unit)
    marks = placed(unit, size=size)
    flat = texture.lay_flat(ramps(size), marks, SIDE)
    spots = np.rint(texture.places(SIDE)[[1, 4, 50, 280, 9, 200]]).astype(int)
    wanted = marks[[1, 4, 50, 280, 9, 200], :2] / size
    assert np.abs(flat.texture[spots[:, 1], spots[:, 0], :2] - wanted).max() < 0.012


def test_the_texture_is_as_fine_as_the_photo_within_limits() -> None:
    sides = [texture.side_for(placed(unit)) for unit in (20.0, 120.0, 300.0, 2000.0)]
    assert sides[0] == 192
    assert sides[3] == 1024
    assert 2 * 120 < sides[1] < 2 * 120 * 1.3
    assert all(side % 32 == 0 for side in sides)


def test_places_scale_as_a_resized_chart_does() -> None:
    ruler = np.repeat(np.arange(192, dtype=np.float32)[None], 192, 0)
    wide = cv2.resize(ruler, (768, 768), interpolation=cv2.INTER_LINEAR)
    there = cv2.remap(wide, *np.split(texture.places(768)[:, None], 2, -1), cv2.INTER_LINEAR)
    assert np.abs(there.ravel() - chart.places()[:, 0]).max() < 0.01


def test_a_turned_face_shows_its_near_side_only() -> None:
    flat = texture.lay_flat(ramps(), placed(yaw=35), SIDE)
    halves = flat.weight[:, : SIDE // 2].mean(), flat.weight[:, SIDE // 2 :].mean()
    assert max(halves) > 2 * min(halves)
    level = texture.lay_flat(ramps(), placed(), SIDE).weight
    assert level[:, : SIDE // 2].mean() == pytest.approx(level[:, SIDE // 2 :].mean(), rel=0.05)


def test_eyes_and_mouth_are_holes_filled_from_around() -> None:
    weight = texture.lay_flat(ramps(), placed(), SIDE).weight
    for ring in (layouts.LEFT_EYE, layouts.RIGHT_EYE):
        x, y = np.rint(texture.places(SIDE)[ring].mean(0)).astype(int)
        assert weight[y, x] == 0
    assert weight.max() == 1


def test_skin_behind_the_nose_is_not_seen() -> None:
    marks = placed(yaw=30)
    front = texture.lay_flat(ramps(), marks, SIDE).weight
    nearer = marks.copy()
    nearer[layouts.NOSE, 2] -= 200  # a nose so long that it hides what lies beside it
    nearer[layouts.NOSE, 0] += 40 * np.sign(marks[4, 0] - marks[:, 0].mean())
    assert texture.lay_flat(ramps(), nearer, SIDE).weight.sum() < 0.97 * front.sum()


def test_a_lip_brings_no_teeth_along() -> None:
    """A mouth whose white teeth reach a fifth of the lips' thickness beyond the landmarks' rim."""
    shown_units = np.zeros((facs.COUNT, 2), np.float32)
    shown_units[[facs.INDEX["AU25"], facs.INDEX["AU26"]]] = 3
    head = pose.Pose(200.0, pose.rotation(0, 0, 0), np.array([360.0, 310.0, 0.0]))
    marks = head.to_image(basis.load().deformed(shown_units))
    picture = np.full((720, 720, 3), (0.7, 0.5, 0.45), np.float32)
    inner, outer = marks[layouts.LIPS_INNER, :2], marks[layouts.LIPS_OUTER, :2]
    cv2.fillPoly(picture, [np.rint(outer).astype(np.int32)], (0.6, 0.25, 0.25))
    cv2.fillPoly(picture, [np.rint(inner + 0.22 * (outer - inner)).astype(np.int32)], (0.95, 0.95, 0.9))
    flat = texture.lay_flat(picture, marks, 512)
    lips = np.zeros((512, 512), np.uint8)
    cv2.fillPoly(lips, [np.rint(texture.places(512)[layouts.LIPS_OUTER]).astype(np.int32)], 1)
    shown = flat.texture[(lips > 0) & (flat.weight > 0)]
    assert (shown[:, 1] > 0.6).mean() < 0.02
    assert (rims.off(marks[:468], picture)[4] == marks[4]).all()  # nothing but rims moves


def test_a_real_smile_leaves_neither_teeth_nor_seam(collins: Enrolled) -> None:
    (shot,) = collins.shots
    flat = texture.lay_flat(shot.picture, shot.landmarks, SIDE)
    spots = texture.places(SIDE)
    rim = np.rint(spots[layouts.LIPS_INNER] + 0.1 * (spots[layouts.LIPS_OUTER] - spots[layouts.LIPS_INNER])).astype(int)
    middle = np.r_[3:8, 13:18]
    lip = np.rint((spots[layouts.LIPS_INNER] + spots[layouts.LIPS_OUTER]) / 2).astype(int)
    at_rim, inside = (flat.texture[at[middle, 1], at[middle, 0]] for at in (rim, lip))
    assert np.abs(at_rim - inside).max() < 0.2
    red = at_rim[:, 0] - at_rim[:, 1]
    assert (red > 0.05).all()  # lips are red, teeth and the dark between are not


def test_hair_from_the_outline_has_no_weight(collins: Enrolled) -> None:
    weight = collins.likeness.merged.weight.astype(np.float32)
    side = len(weight)
    x, y = np.rint(texture.places(side)[[10, 151]]).astype(int).T
    assert weight[y[0], x[0]] < 0.05  # under her fringe
    assert weight[np.rint(texture.places(side)[9]).astype(int)[1], x[1]] > 0.5  # between the brows
    texels = collins.likeness.merged.texture.astype(np.float32)
    skin = texels[np.rint(texture.places(side)[50]).astype(int)[1], np.rint(texture.places(side)[50]).astype(int)[0]]
    assert np.abs(np.log(texels[y[0], x[0]] / skin)).max() < 0.45  # filled with skin


def test_a_brow_in_the_shade_of_hair_is_taken_from_the_other_side() -> None:
    flat = Flat(np.full((SIDE, SIDE, 3), (0.8, 0.6, 0.5), np.float32), texture.skin(SIDE))
    clear, hidden = (np.rint(texture.places(SIDE)[point]).astype(int).tolist() for point in (70, 300))
    cv2.circle(flat.texture, clear, 3, (0.5, 0.4, 0.3), -1)
    cv2.circle(flat.texture, hidden, 3, (0.25, 0.18, 0.1), -1)
    cv2.line(flat.texture, (hidden[0], hidden[1] - 18), (hidden[0] + 40, 0), (0.15, 0.1, 0.05), 20)
    whole = merge.whole(clean.without_hair(flat)).texture
    assert np.abs(whole[hidden[1], hidden[0]] - whole[clear[1], clear[0]]).max() < 0.08


def test_one_sided_light_is_evened_out() -> None:
    flat = Flat(np.full((SIDE, SIDE, 3), 0.5, np.float32), texture.skin(SIDE))
    x = np.linspace(-0.4, 0.4, SIDE, dtype=np.float32)
    lit = Flat(flat.texture * np.exp(x)[None, :, None], flat.weight)
    even = clean.evenly_lit(lit).texture
    row = SIDE // 2

    def slope(texels: Floats) -> float:
        return float(np.log(texels[row, 3 * SIDE // 4, 0] / texels[row, SIDE // 4, 0]))

    assert 0.05 * slope(lit.texture) < slope(even) < 0.3 * slope(lit.texture)  # evened out, not turned round


def test_photos_of_other_light_meet_the_best_ones_colours(sample: Callable[[str], Path], collins: Enrolled) -> None:
    shot = collins.shots[0]
    best = texture.lay_flat(shot.picture, shot.landmarks, SIDE)
    warm = Flat(best.texture * np.array([1.3, 1.0, 0.7], np.float32), best.weight)
    alike = merge.harmonised(warm, best)
    seen = best.weight > 0.5
    assert np.abs(alike.texture - best.texture)[seen].mean() < 0.15 * np.abs(warm.texture - best.texture)[seen].mean()


def test_a_hand_in_one_photo_of_four_is_not_merged() -> None:
    clear = Flat(np.full((SIDE, SIDE, 3), 0.6, np.float32), texture.skin(SIDE))
    covered = clear.texture.copy()
    covered[130:170, 60:110] = (0.3, 0.2, 0.15)
    whole = merge.merged([clear, Flat(covered, clear.weight), clear, clear])
    assert np.abs(whole.texture[140:160, 70:100] - 0.6).max() < 0.05


def test_what_one_side_hides_is_taken_from_the_other() -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    speckled = np.where(((x // 6 + y // 6) % 2)[..., None] > 0, 0.5, 0.6).astype(np.float32).repeat(3, 2)
    weight = texture.skin(SIDE).copy()
    weight[:, : SIDE // 2] = 0
    filled = merge.filled(speckled, weight)
    assert filled[120:160, 60:100].std() > 0.03  # detail, not a smear
    assert np.isfinite(filled).all()
