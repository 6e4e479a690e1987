from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from stages.errors import ConfigError
from stages.expression import basis, pose
from stages.expression.occlusion import REGIONS
from stages.faces.blendshapes import NAMES
from stages.packets import Cues, Donors, Face, Faces, Frame, Page, Pages, Stamp, Units
from stages.render import mesh
from stages.render.album import cut
from stages.render.donors import ChooseDonors, donor
from tests.stages.expression.held import Held
from tests.stages.render.conftest import AT

Pictures = Callable[..., Frame]
Heads = Callable[..., Face]
Measured = Callable[..., Units]
OPEN, SHUT = {}, {"AU43": 5.0}


@pytest.fixture
def page(picture: Pictures) -> Callable[[Face], Page]:
    """The page that shows a face, as wide as the frame."""
    frame = picture()
    scores = np.zeros(len(NAMES), np.float32)
    box = (0, 0, frame.width, frame.height)
    return lambda seen: cut(frame, seen, scores, pose.fit(seen.landmarks, basis.load().mean), box, 512)


class Scene:
    """A clip of faces with what is measured and asked of each, and pages on some frames."""

    def __init__(self, face: Heads, measured: Measured, page: Callable[[Face], Page]) -> None:
        self.face, self.measured, self.page = face, measured, page
        self.faces: list[Faces | None] = []
        self.units: list[Units | None] = []
        self.asked: list[Units | None] = []
        self.pages: list[Pages | None] = []
        self.cues: Held | None = None

    def add(self, now: dict[str, float], then: dict[str, float], *, kept: bool = False, turn: float = 0.0) -> None:
        at = Stamp("synthetic", len(self.faces), len(self.faces), Fraction(1, 25))
        seen = self.face(shown=now, angles=(turn, 0.0, 0.0))
        self.faces.append(Faces(at, (seen,)))
        self.units.append(replace(self.measured(now), at=at))
        self.asked.append(replace(self.measured(then), at=at))
        self.pages.append(Pages(at, (self.page(seen),)) if kept else None)

    def chosen(self, stage: ChooseDonors | None = None) -> list[Donors | None]:
        wires = (Held(wire) for wire in (self.faces, self.units, self.asked, self.pages))
        return list((stage or ChooseDonors()).process(*wires, self.cues))


@pytest.fixture
def scene(face: Heads, measured: Measured, page: Callable[[Face], Page]) -> Scene:
    return Scene(face, measured, page)


def _blink(scene: Scene, asked: float, frames: int = 5) -> None:
    for level in (1.0, 3.0, *[4.0] * (frames - 4), 3.0, 1.0):
        scene.add({"AU43": level}, {"AU43": level * asked})


def test_an_eye_that_is_asked_to_open_gets_both_eyes_of_one_page_for_the_whole_blink(scene: Scene) -> None:
    scene.add(OPEN, OPEN, kept=True)
    scene.add(OPEN, OPEN)
    _blink(scene, 0.0)
    scene.add(OPEN, OPEN)
    chosen = scene.chosen()
    assert chosen[:2] == [None, None]
    assert chosen[-1] is None
    blink = [packet for packet in chosen if packet is not None]
    assert len(blink) >= 3
    assert all(packet is blink[0] for packet in blink)
    assert [one.opening for one in blink[0].donors] == [0, 1]


def test_nothing_is_lent_where_nothing_is_asked(scene: Scene) -> None:
    scene.add(OPEN, OPEN, kept=True)
    _blink(scene, 1.0)
    assert scene.chosen() == [None] * 6


def test_a_shut_eye_is_no_donor_for_an_open_one(scene: Scene) -> None:
    scene.add(SHUT, SHUT, kept=True)
    _blink(scene, 0.0)
    assert scene.chosen() == [None] * 6


def test_an_open_eye_asked_to_shut_gets_a_lid(scene: Scene) -> None:
    scene.add(SHUT, SHUT, kept=True)
    scene.add(OPEN, OPEN, kept=True)
    for level in (0.0, 2.0, 5.0, 5.0, 2.0, 0.0):
        scene.add(OPEN, {"AU43": level})
    lids = [packet for packet in scene.chosen() if packet is not None]
    assert len(lids) >= 3
    for one in lids[0].donors:
        opening = mesh.OPENINGS[one.opening]
        assert (one.places[opening.lower] - one.places[opening.upper])[2:-2, 1].max() < 3


def test_of_two_pages_the_one_with_the_head_turned_alike_is_lent(scene: Scene) -> None:
    for turn in (0.0, 15.0):
        scene.add(OPEN, OPEN, kept=True, turn=turn)
    for level in (1.0, 4.0, 4.0, 1.0):
        scene.add({"AU43": level}, OPEN, turn=15.0)
    lent = next(packet for packet in scene.chosen() if packet is not None)
    page = scene.pages[1]
    assert page is not None
    assert np.array_equal(lent.donors[0].places, donor(page.pages[0], 0).places)


def test_lips_that_part_get_a_mouth_and_no_eyes(scene: Scene) -> None:
    wide = {"AU25": 4.0, "AU26": 3.0}
    scene.add(wide, wide, kept=True)
    for level in (0.0, 2.0, 4.0, 2.0, 0.0):
        scene.add({}, {"AU25": level, "AU26": 0.75 * level})
    lent = [packet for packet in scene.chosen() if packet is not None]
    assert lent
    assert [one.opening for one in lent[0].donors] == [2]


def test_a_page_with_a_hand_over_an_eye_lends_no_eyes(scene: Scene) -> None:
    scene.add(OPEN, OPEN, kept=True)
    _blink(scene, 0.0)
    for region, lent in (("mouth", True), ("eye_left", False)):
        covered = np.zeros((1, len(REGIONS)), np.float32)
        covered[0, REGIONS.index(region)] = 1
        one = np.ones(1, np.float32)
        scene.cues = Held([Cues(AT, (0,), one[None], covered, one, one, *_nothing_seen())] * 6)
        assert any(packet is not None for packet in scene.chosen()) == lent


def _nothing_seen() -> tuple[np.ndarray, np.ndarray]:
    """Relief and complexion of a face that nobody looked at."""
    return np.zeros((1, 2, 2), np.uint8), np.zeros((1, 2, 2, 3), np.uint8)


def test_a_clip_without_an_album_has_no_donors(scene: Scene) -> None:
    _blink(scene, 0.0)
    wires = (Held(wire) for wire in (scene.faces, scene.units, scene.asked))
    assert list(ChooseDonors().process(*wires, None, None)) == [None] * 5


def test_a_donor_shows_its_opening_where_its_mesh_says(page: Callable[[Face], Page], face: Heads) -> None:
    seen = face()
    lent = donor(page(seen), 1)
    x, y = lent.places[263].round().astype(int)
    assert np.allclose(lent.pixels[y, x, :2].astype(float) * 2048, seen.landmarks[263, :2], atol=1.2)
    assert max(lent.pixels.shape[:2]) < 150


@pytest.mark.parametrize("wrong", [{"longest": 0.0}, {"keep": 1.5}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"^{next(iter(wrong))} "):
        ChooseDonors(**wrong)
