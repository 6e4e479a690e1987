"""What is planted in the pictures is what the scores tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from stages.errors import ConfigError
from stages.media import planes
from stages.media.pixels import components
from stages.packets import FACE_SCORES, Clip, Colour, Edits, Faces, Frame, Job, Quality
from stages.quality.background import identical
from stages.quality.pictures import ComparePictures
from tests.stages.quality.conftest import BASE, BOX

Scene = Callable[..., Frame]
Edited = Callable[..., tuple[Frame, Edits]]
Around = Callable[[int], Faces]

CODE = 1 / 255
JOB = Job(Clip(Path("planted"), "planted", 320, 240, BASE, 1 / BASE, None, "yuv420p", Colour(), "raw", "video"), Path())


def run(
    scene: Scene, edited: Edited, around: Around, shifts: Sequence[float | None], stage: ComparePictures
) -> list[Quality | None]:
    """Scores of frames whose middle is brighter by `shifts`; None leaves a frame alone."""
    state, made = stage.begin(JOB), []
    for index, shift in enumerate(shifts):
        frame = scene(index)
        after, edits = (frame, None) if shift is None else edited(frame, shift)
        made.append(stage.process(state, frame, after, around(index), edits))
    return made


def score(quality: Quality | None, name: str) -> float:
    assert quality is not None
    assert quality.tracks == (0,)
    return float(quality.values[0, FACE_SCORES.index(name)])


def test_a_steady_edit_does_not_flicker(scene: Scene, edited: Edited, around: Around) -> None:
    made = run(scene, edited, around, [0.05] * 4, ComparePictures(every=1))
    assert max(score(one, "flicker") for one in made[1:]) < 1.2  # the mask stands still while the skin moves


def test_planted_flicker_is_measured(scene: Scene, edited: Edited, around: Around) -> None:
    steady, *_ = [score(one, "flicker") for one in run(scene, edited, around, [0.05] * 2, ComparePictures(every=1))[1:]]
    for codes, least in ((2, 1.3), (4, 2.0)):
        shifts = [0.05, 0.05 + codes * CODE, 0.05, 0.05 + codes * CODE]
        found = [score(one, "flicker") for one in run(scene, edited, around, shifts, ComparePictures(every=1))[1:]]
        assert min(found) > least * steady


def test_an_edit_that_pops_in_or_out_flickers(scene: Scene, edited: Edited, around: Around) -> None:
    made = run(scene, edited, around, [None, 0.05, 0.05, None, None], ComparePictures(every=1))
    assert score(made[1], "flicker") > 3
    assert score(made[3], "flicker") > 3
    assert made[4] is not None
    assert made[4].tracks == ()


def test_a_shrunk_region_tells_the_same(scene: Scene, edited: Edited, around: Around) -> None:
    shifts = [0.05, 0.05 + 4 * CODE]
    small = run(scene, edited, around, shifts, ComparePictures(every=1, size=64))[1]
    assert score(small, "flicker") > 1.5


def test_blur_and_sharpening_are_told_apart(scene: Scene, edited: Edited, around: Around) -> None:
    frame = scene(0)
    before = planes.crop(frame, BOX)
    fine = before - cv2.GaussianBlur(before, (0, 0), 1.5)
    stage = ComparePictures(every=1)
    for change, low, high in ((-0.5 * fine, 0.5, 0.9), (0.5 * fine, 1.1, 1.6), (0 * fine, 0.999, 1.001)):
        after, edits = edited(frame, change)
        made = stage.process(stage.begin(JOB), frame, after, around(0), edits)
        assert low < score(made, "sharpness.ratio") < high


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "nv12", "gbrp12le", "gray"])
def test_one_changed_sample_outside_the_mask_is_found(scene: Scene, edited: Edited, pixel_format: str) -> None:
    frame = scene(0, pixel_format)
    after, edits = edited(frame, 0.05)
    masks = [(edit.box, edit.mask) for edit in edits.edits]
    assert identical(frame, after, masks) == 1
    for view in components(after.native):
        spoilt = planes.paste(after, ())
        spoilt.native.make_writable()
        components(spoilt.native)[-1][2, 3] ^= 1
        assert view.size
        assert 0.99 < identical(frame, spoilt, masks) < 1


def test_a_change_inside_the_mask_is_no_change_of_the_background(scene: Scene, edited: Edited) -> None:
    frame = scene(0)
    after, edits = edited(frame, 0.05)
    assert identical(frame, after, [(edit.box, edit.mask) for edit in edits.edits]) == 1
    assert identical(frame, after, []) < 1


def test_only_every_nth_frame_is_compared(scene: Scene, edited: Edited, around: Around) -> None:
    made = run(scene, edited, around, [0.05] * 5, ComparePictures(every=2))
    assert [one is None for one in made] == [False, True, False, True, False]
    assert math.isnan(score(made[0], "flicker"))  # nothing comes before it
    assert score(made[2], "flicker") > 0


@pytest.mark.parametrize(("field", "value"), [("every", 0), ("size", 10)])
def test_a_setting_out_of_range_is_refused(field: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"quality\.pictures\.{field}"):
        ComparePictures(**{field: value})  # type: ignore[arg-type]


def test_what_lies_before_a_face_is_not_judged(scene: Scene, edited: Edited, around: Around) -> None:
    frame = scene(0)
    before = planes.crop(frame, BOX)
    _, edits = edited(frame, -0.5 * (before - cv2.GaussianBlur(before, (0, 0), 1.5)))
    mask = edits.edits[0].mask.copy()
    mask[:, mask.shape[1] // 2 :] = 0
    shown = Edits(edits.at, (replace(edits.edits[0], mask=mask),))
    after, stage = planes.paste(frame, shown.edits), ComparePictures(every=1)
    part, whole = (
        score(stage.process(stage.begin(JOB), frame, after, around(0), shown, drawn), "sharpness.ratio")
        for drawn in (shown, edits)
    )
    assert whole == pytest.approx(part, abs=1e-6)
    assert whole < 0.9
