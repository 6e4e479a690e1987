from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.errors import ConfigError
from stages.faces.blendshapes import INDEX, NAMES
from stages.packets import Clip, Colour, Face, Faces, Frame, Job, Page, Scores, Stamp
from stages.render.album import KeepPages

Pictures = Callable[..., Frame]
Heads = Callable[..., Face]
CLIP = Clip(Path("c"), "c", 640, 480, Fraction(1, 25), Fraction(25), 6000, "gbrp16le", Colour(), "", "video")


class Keeper:
    """Feeds faces to one `KeepPages` and remembers which frames gave a page."""

    def __init__(self, picture: Frame, stage: KeepPages) -> None:
        self.picture, self.stage, self.index = picture, stage, 0
        self.state = stage.begin(Job(CLIP, Path()))

    def see(self, face: Face, **scores: float) -> Page | None:
        at = Stamp("synthetic", self.index, self.index, Fraction(1, 25))
        self.index += 1
        row = np.zeros((1, len(NAMES)), np.float32)
        for name, value in scores.items():
            row[0, INDEX[name]] = value
        frame = replace(self.picture, at=at)
        made = self.stage.process(self.state, frame, Faces(at, (face,)), Scores(at, (face.track,), row))
        return made.pages[0] if made else None


@pytest.fixture
def keeper(picture: Pictures) -> Callable[..., Keeper]:
    return lambda **settings: Keeper(picture(), KeepPages(**settings))


def test_a_face_is_kept_once_and_again_when_it_shows_something_new(keeper: Callable[..., Keeper], face: Heads) -> None:
    one = keeper()
    assert one.see(face()) is not None
    assert [one.see(face()) for _ in range(5)] == [None] * 5
    assert one.see(face(), eyeBlinkLeft=0.8, eyeBlinkRight=0.8) is not None
    assert one.see(face(shown={"AU25": 4.0, "AU26": 4.0})) is not None
    assert one.see(face(), browInnerUp=0.9) is not None
    assert one.see(face(angles=(12.0, 0.0, 0.0))) is not None
    assert one.see(face(), eyeBlinkLeft=0.8, eyeBlinkRight=0.8) is None


def test_a_clearly_better_face_of_a_kind_is_kept_too(keeper: Callable[..., Keeper], face: Heads) -> None:
    one, blink = keeper(), {"eyeBlinkLeft": 0.9, "eyeBlinkRight": 0.9}
    one.see(face())
    assert one.see(face(presence=0.62), **blink) is not None
    assert one.see(face(presence=0.7), **blink) is None
    assert one.see(face(presence=1.0), **blink) is not None


def test_a_page_shows_the_face_with_its_landmarks_and_pose(keeper: Callable[..., Keeper], face: Heads) -> None:
    still = face(angles=(5.0, -4.0, 3.0))
    page = keeper().see(still)
    assert page is not None
    assert np.allclose(page.pose, (5, -4, 3), atol=0.1)
    assert np.array_equal(page.landmarks, still.landmarks)
    x0, y0, x1, y1 = page.box
    assert page.pixels.shape == (y1 - y0, x1 - x0, 3)
    assert (still.landmarks[:468, :2].min(0) > (x0, y0)).all()
    assert (still.landmarks[:468, :2].max(0) < (x1, y1)).all()
    x, y = (int(v) for v in still.landmarks[4, :2])
    assert np.allclose(page.pixels[y - y0, x - x0, :2] * 2048.0, (x, y), atol=0.6)


def test_a_large_face_is_made_smaller(keeper: Callable[..., Keeper], face: Heads) -> None:
    page = keeper(size=100).see(face())
    assert page is not None
    high = np.ptp(face().landmarks[:468, 1])
    assert page.pixels.shape[0] == pytest.approx((page.box[3] - page.box[1]) * 100 / high, abs=1)


@pytest.mark.parametrize(
    "shown",
    [{"presence": 0.4}, {"unit": 20.0}, {"angles": (55.0, 0.0, 0.0)}, {"centre": (20.0, 200.0)}],
    ids=["unsure", "small", "turned", "cut by the frame"],
)
def test_a_face_that_has_nothing_to_lend_is_not_kept(
    keeper: Callable[..., Keeper], face: Heads, shown: dict[str, Any]
) -> None:
    assert keeper().see(face(**shown)) is None


def test_no_more_pages_than_the_limit(keeper: Callable[..., Keeper], face: Heads) -> None:
    one, kept = keeper(limit=10), 0
    for k in range(60):
        shown = {"AU25": k % 7 * 1.0, "AU26": k % 5 * 1.0}
        kept += (
            one.see(face(shown=shown), eyeBlinkLeft=k % 4 / 4, mouthSmileLeft=k % 3 / 2, browInnerUp=k % 3 / 2)
            is not None
        )
    assert 5 <= kept <= 15  # every reason may round up by one


def test_a_calm_face_is_kept_now_and_then(keeper: Callable[..., Keeper], face: Heads) -> None:
    one = keeper(limit=20)
    seen = [index for index in range(4001) if one.see(face()) is not None]
    assert seen[0] == 0
    assert len(seen) == 3  # 6000 frames hold 240 seconds: every 80 s
    assert np.diff(seen).tolist() == [2000, 2000]


@pytest.mark.parametrize(
    "wrong", [{"limit": 0}, {"size": 10}, {"least_size": -1.0}, {"min_presence": 2.0}, {"max_yaw": 0.0}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"^{next(iter(wrong))} "):
        KeepPages(**wrong)  # type: ignore[arg-type]
