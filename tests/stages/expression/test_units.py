"""Measuring faces, on real clips through the real coder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages import facs
from stages.errors import ConfigError
from stages.expression import neutral
from stages.expression.coder import Coder
from stages.expression.cues import REGIONS
from stages.expression.model import apart
from stages.expression.neutrals import FindNeutrals, LearnNeutrals
from stages.expression.trust import Trust
from stages.expression.units import MeasureUnits, MeasureUnitsLive
from stages.media import decode
from stages.packets import Cues, Faces, Job, Neutrals, Units
from tests.stages.expression.held import Held

Wires = tuple[list[Any], list[Any], list[Any]]
Tracked = Callable[[str], Wires]


def neutrals(coder: Coder, wires: Wires, **settings: Any) -> list[Neutrals | None]:
    return list(FindNeutrals(coder=coder, **settings).process(*(Held(wire) for wire in wires)))


def measured(coder: Coder, wires: Wires) -> list[Units | None]:
    return measured_beside(coder, neutrals(coder, wires), wires)


def measured_beside(coder: Coder, rests: list[Neutrals | None], wires: Wires) -> list[Units | None]:
    return list(MeasureUnits(coder=coder).process(*(Held(wire) for wire in wires), Held(rests)))


def curve(units: Sequence[Units | None], number: int) -> np.ndarray:
    rows = [packet.faces[0].values[facs.INDEX[f"AU{number:02d}"]] for packet in units if packet is not None]
    return np.array(rows).mean(1)


@pytest.fixture(scope="module")
def smile(tracked: Tracked, coder_model: Coder) -> list[Units | None]:
    return measured(coder_model, tracked("smile_onset"))


def changed(cues: Cues, **fields: np.ndarray) -> Cues:
    return Cues(**{name: fields.get(name, getattr(cues, name)) for name in cues.__dataclass_fields__})


def test_no_frame_is_smoothed_by_its_neighbours(tracked: Tracked, coder_model: Coder, smile: list[Units | None]):
    wires = tracked("smile_onset")
    rests = neutrals(coder_model, wires)
    backwards = measured_beside(coder_model, rests, tuple(wire[::-1] for wire in wires))[::-1]
    for one, other in zip(smile, backwards, strict=True):
        assert one is not None
        assert other is not None
        np.testing.assert_allclose(one.faces[0].values, other.faces[0].values, atol=1e-3)


def test_intensities_stay_on_their_scale(smile: list[Units | None]):
    every = np.stack([packet.faces[0].values for packet in smile if packet is not None])
    assert every.dtype == np.float32
    assert every.min() >= 0
    assert every.max() <= facs.MAX_INTENSITY


def test_closing_both_eyes_is_no_wink(smile: list[Units | None]):
    assert curve(smile, 43).max() > 2
    np.testing.assert_array_equal(curve(smile, 43), curve(smile, 45))
    assert curve(smile, 46).max() < 1


def test_a_frame_without_a_face_has_no_units(tracked: Tracked, coder_model: Coder):
    faces, scores, cues = (list(wire[:6]) for wire in tracked("smile_onset"))
    faces[2] = scores[2] = cues[2] = None
    found = measured(coder_model, (faces, scores, cues))
    assert [packet is None for packet in found] == [False, False, True, False, False, False]


def test_a_clip_without_any_face_has_none(coder_model: Coder):
    assert measured(coder_model, ([None] * 3, [None] * 3, [None] * 3)) == [None] * 3


def test_live_comes_near_to_what_the_whole_clip_tells(tracked: Tracked, coder_model: Coder, sample: Any, smile: Any):
    stage, learn = MeasureUnitsLive(coder=coder_model), LearnNeutrals(coder=coder_model)
    state = learn.begin(Job(decode.probe(sample("smile_onset")), Path()))
    wires = zip(*tracked("smile_onset"), strict=True)
    live = [stage.process(*packets, learn.process(state, *packets)) for packets in wires]
    np.testing.assert_allclose(curve(live, 12)[30:], curve(smile, 12)[30:], atol=0.7)
    assert np.corrcoef(curve(live, 12), curve(smile, 12))[0, 1] > 0.95


def test_what_is_covered_is_not_believed(tracked: Tracked, coder_model: Coder):
    faces, scores, cues = (list(wire[:20]) for wire in tracked("smile_onset"))
    mouth = np.zeros((1, len(REGIONS)), np.float32)
    mouth[0, REGIONS.index("mouth")] = 1
    covered = [changed(packet, covered=mouth) for packet in cues]
    free, hidden = (
        found.faces[0].confidence
        for found in (measured(coder_model, (faces, scores, c))[-1] for c in (cues, covered))
        if found is not None
    )
    assert free[facs.INDEX["AU12"]] > 0.5 > hidden[facs.INDEX["AU12"]] == 0
    assert hidden[facs.INDEX["AU04"]] > 0.8 * free[facs.INDEX["AU04"]] > 0


@pytest.mark.parametrize("quality", ["sharpness", "light"])
def test_poor_pictures_are_believed_less(tracked: Tracked, coder_model: Coder, quality: str):
    faces, scores, cues = (list(wire[:10]) for wire in tracked("smile_onset"))
    poor = [changed(packet, **{quality: np.full(1, 0.05, np.float32)}) for packet in cues]
    good, bad = (measured(coder_model, (faces, scores, c))[-1] for c in (cues, poor))
    assert good is not None
    assert bad is not None
    assert bad.faces[0].confidence.max() < 0.6 * good.faces[0].confidence.max()


def test_neutrals_are_kept_and_carried_to_the_same_person_only(tracked: Tracked, coder_model: Coder, tmp_path: Path):
    file = tmp_path / "woman.npz"
    neutrals(coder_model, tracked("talking_woman_mild"), keep=str(file))

    def shape(clip: str, **settings: str) -> np.ndarray:
        first = neutrals(coder_model, tracked(clip), **settings)[0]
        assert first is not None
        return first.faces[0].shape

    kept = np.load(file)["shape"][0]
    assert apart(shape("talking_woman_strong", carry=str(file)), kept) < 1e-6
    assert apart(shape("talking_woman_strong"), kept) > 1e-3
    np.testing.assert_array_equal(shape("smile_onset", carry=str(file)), shape("smile_onset"))


def test_a_neutral_of_few_frames_is_near_that_of_all(tracked: Tracked, coder_model: Coder):
    few, every = (neutrals(coder_model, tracked("talking_woman_mild"), frames=count)[0] for count in (40, 5000))
    assert few is not None
    assert every is not None
    assert apart(few.faces[0].shape, every.faces[0].shape) < 0.004


@pytest.mark.parametrize(("content", "said"), [(None, "no file"), (b"nothing", "no file of neutrals")])
def test_a_file_without_neutrals_is_refused_before_the_first_frame(
    coder_model: Coder, tmp_path: Path, content: bytes | None, said: str
):
    file = tmp_path / "rest.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        FindNeutrals(coder=coder_model, carry=str(file)).prepare()


def test_neutrals_are_not_kept_in_a_folder_that_is_not_there(coder_model: Coder, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"neutral\.keep"):
        FindNeutrals(coder=coder_model, keep=str(tmp_path / "nowhere" / "rest.npz")).prepare()


def test_a_person_who_smiles_throughout_still_smiles(tracked: Tracked, coder_model: Coder, smile: list[Units | None]):
    only = tuple(wire[35:60] for wire in tracked("smile_onset"))
    assert np.median(curve(measured(coder_model, only), 12)) > 0.6 * np.median(curve(smile, 12)[35:60])


def test_busy_frames_say_little_about_the_neutral():
    quiet, busy = np.zeros((2, len(neutral.COLUMNS)))
    busy[[column for column, (number, _) in enumerate(neutral.COLUMNS) if number == 12]] = 3
    upper, lower = neutral.calmness(busy)
    assert neutral.calmness(quiet).min() == 1
    assert upper == 1
    assert lower < 0.01


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"full_yaw": 50, "no_yaw": 40}, "full_yaw"),
        ({"no_size": 30, "full_size": 20}, "no_size"),
        ({"bridged": 2}, "bridged"),
    ],
)
def test_limits_of_trust_must_make_sense(settings: dict[str, float], said: str):
    with pytest.raises(ConfigError, match=said):
        Trust(**settings)


def test_a_live_neutral_needs_frames(coder_model: Coder):
    with pytest.raises(ConfigError, match="settle"):
        LearnNeutrals(coder=coder_model, settle=0)


def test_a_neutral_needs_frames(coder_model: Coder):
    with pytest.raises(ConfigError, match="frames"):
        FindNeutrals(coder=coder_model, frames=0)


def test_nobody_in_a_live_picture(coder_model: Coder, tracked: Tracked):
    faces, scores, cues = tracked("smile_onset")
    nobody = Faces(faces[0].at, ())
    rests = LearnNeutrals(coder=coder_model).process({}, nobody, scores[0], cues[0])
    assert MeasureUnitsLive(coder=coder_model).process(nobody, scores[0], cues[0], rests).faces == ()
