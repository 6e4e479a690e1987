from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stages import facs
from stages.backend import Cpu, Model
from stages.expression import basis, pose
from stages.faces.blendshapes import INDEX, NAMES, Blendshapes
from stages.faces.detect import Near
from stages.faces.landmarks import Mesh478
from stages.faces.track import TrackFaces
from stages.media import decode, planes
from stages.models.registry import shipped
from stages.packets import Donors, Edit, Edits, Face, Faces, FaceUnits, Floats, Frame, Job, Page, Pages, Units
from stages.render import mesh
from stages.render.album import KeepPages, cut
from stages.render.donors import ChooseDonors, donor
from stages.render.reveal import Off, Reveal
from stages.render.warp import Warp
from tests.stages.expression.held import Held
from tests.stages.render.conftest import AT

Heads = Callable[..., Face]
Made = Callable[..., tuple[Edit, Edit]]
SHUT, OPEN = {"AU43": 5.0}, {"AU43": 0.0}
IRIS = np.array([0.1, 0.9, 0.2], np.float32)


def _page(frame: Frame, seen: Face, openings: tuple[int, ...], light: float = 1.0) -> Page:
    """A page of `seen` in which what lies in these openings is of one colour that the frame has nowhere."""
    box = (0, 0, frame.width, frame.height)
    scores = np.zeros(len(NAMES), np.float32)
    page = cut(frame, seen, scores, pose.fit(seen.landmarks, basis.load().mean), box, 512)
    pixels = page.pixels.astype(np.float32)
    for k in openings:
        opening = mesh.OPENINGS[k]
        ring = [opening.corners[0], *opening.upper, opening.corners[1], *opening.lower[::-1]]
        cv2.fillPoly(pixels, [seen.landmarks[ring, :2].round().astype(np.int32)], IRIS.tolist())
    return replace(page, pixels=(pixels * light).astype(np.float16))


@pytest.fixture
def made(picture: Callable[..., Frame], face: Heads, only: Callable[..., Any], measured: Callable[..., Units]) -> Made:
    """made(now, then, page's face): the warp's edit, and what is revealed in it."""

    def make(
        now: dict[str, float], then: dict[str, float], lent: dict[str, float], light: float = 1.0
    ) -> tuple[Edit, Edit]:
        frame, seen = picture(), face(shown=now)
        openings = (0, 1) if "AU43" in then else (2,)
        page = _page(frame, face(shown=lent), openings, light)
        donors = Donors(AT, tuple(donor(page, k) for k in openings))
        edits = Warp().process(frame, only(seen), measured(now), measured(then), donors=donors)
        assert edits is not None
        return edits.edits[0], Reveal().process(edits, donors).edits[0]

    return make


def _middle(edit: Edit, k: int) -> Floats:
    """The colour in the middle of opening k as the edit places it."""
    opening = mesh.OPENINGS[k]
    at = edit.places[[*opening.upper, *opening.lower]].mean(0) - np.array(edit.box[:2])
    x, y = at.round().astype(int)
    return edit.after[y - 1 : y + 2, x - 1 : x + 2].mean((0, 1))


@pytest.mark.parametrize("k", [0, 1])
def test_an_eye_that_opens_shows_the_eye_of_the_donor(made: Made, k: int) -> None:
    warped, revealed = made(SHUT, OPEN, OPEN)
    assert np.abs(_middle(warped, k) - IRIS).max() > 0.3
    assert np.abs(_middle(revealed, k) - IRIS).max() < 0.03


def test_lips_that_part_show_the_mouth_of_the_donor(made: Made) -> None:
    wide = {"AU25": 4.0, "AU26": 2.0}
    warped, revealed = made({}, wide, wide)
    assert np.abs(_middle(warped, 2) - IRIS).max() > 0.3
    assert np.abs(_middle(revealed, 2) - IRIS).max() < 0.05


def test_an_eye_opens_no_wider_than_the_donor_shows_it(made: Made) -> None:
    def gap(edit: Edit) -> Floats:
        return (edit.places[mesh.LEFT_EYE.lower] - edit.places[mesh.LEFT_EYE.upper])[2:-2, 1]

    wide, narrow = (made(SHUT, OPEN, lent)[0] for lent in (OPEN, {"AU43": 3.0}))
    assert (gap(narrow) < 0.8 * gap(wide)).all()


def test_a_frame_that_shows_it_itself_keeps_its_own(made: Made) -> None:
    for now, then, lent in ((OPEN, {"AU43": 0.3}, SHUT), ({"AU25": 3.0}, {"AU25": 3.6}, {"AU25": 5.0})):
        warped, revealed = made(now, then, lent)
        assert revealed is warped


def test_a_donor_that_is_no_more_open_than_the_frame_is_not_drawn(made: Made) -> None:
    warped, revealed = made(SHUT, OPEN, SHUT)
    assert revealed is warped


def test_a_donor_in_other_light_takes_on_the_light_of_the_frame(made: Made) -> None:
    plain, dim = made(SHUT, OPEN, OPEN)[1], made(SHUT, OPEN, OPEN, light=0.7)[1]
    assert np.allclose(_middle(dim, 0), _middle(plain, 0), rtol=0.06)


def test_only_the_surroundings_of_the_opening_change(made: Made) -> None:
    warped, revealed = made(SHUT, OPEN, OPEN)
    changed = np.argwhere(np.abs(revealed.after - warped.after).max(2) > 1e-6)[:, ::-1] + np.array(warped.box[:2])
    rims = warped.places[[*mesh.RIGHT_EYE.rim, *mesh.LEFT_EYE.rim]]
    assert np.linalg.norm(changed[:, None] - rims[None], axis=2).min(1).max() < 0.22 * 150
    assert np.array_equal(revealed.mask, warped.mask)


def test_what_is_revealed_grows_with_what_is_asked_and_never_jumps(made: Made) -> None:
    seen = [made(SHUT, {"AU43": level}, OPEN)[1] for level in np.arange(4.9, 0, -0.1)]
    greens = np.array([_middle(edit, 0)[1] for edit in seen])
    assert greens[-1] > 0.85
    assert np.abs(np.diff(greens)).max() < 0.25


def test_without_donors_the_very_packet_goes_on(made: Made) -> None:
    edits = Edits(AT, (made(SHUT, OPEN, OPEN)[0],))
    assert Reveal().process(edits, None) is edits
    assert Off().process(edits) is edits


def _model(name: str) -> Model:
    return Model(asset=shipped()[name], backend=Cpu())


def _asked(faces: list[Faces], blinks: list[float], share: float) -> list[Units]:
    packets = []
    for seen, blink in zip(faces, blinks, strict=True):
        values = np.zeros((facs.COUNT, 2), np.float32)
        values[facs.INDEX["AU43"]] = 5 * blink * share
        one = FaceUnits(seen.faces[0].track, values, np.ones(facs.COUNT, np.float32), np.zeros(3, np.float32))
        packets.append(Units(seen.at, (one,)))
    return packets


def test_a_real_blink_taken_away_is_seen_as_an_open_eye(sample: Callable[[str], Path]) -> None:
    clip = decode.probe(sample("smile_onset"))
    follow = TrackFaces(detector=Near(model=_model("near_faces")), landmarker=Mesh478(model=_model("face_landmarks")))
    score, keep = Blendshapes(model=_model("face_blendshapes")), KeepPages()
    state, album = follow.begin(Job(clip, Path())), keep.begin(Job(clip, Path()))
    frames: list[Frame] = []
    faces: list[Faces] = []
    blinks: list[float] = []
    pages: list[Pages | None] = []
    for frame in decode.frames(clip):
        if len(frames) == 36:
            break
        frames.append(frame)
        faces.append(follow.process(state, frame))
        scores = score.process(faces[-1])
        blinks.append(float(scores.values[0, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]].mean()))
        pages.append(keep.process(album, frame, faces[-1], scores))
    now, then = _asked(faces, blinks, 1.0), _asked(faces, blinks, 0.0)
    donors = list(ChooseDonors().process(Held(faces), Held(now), Held(then), Held(pages), None))
    shut = int(np.argmax(blinks))
    assert blinks[shut] > 0.5
    edits = Warp().process(frames[shut], faces[shut], now[shut], then[shut], donors=donors[shut])
    assert edits is not None
    rendered = planes.paste(frames[shut], Reveal().process(edits, donors[shut]).edits)
    again = follow.process(follow.begin(Job(clip, Path())), rendered)
    seen = score.process(again).values[0, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]].mean()
    assert seen < 0.4 * blinks[shut]
