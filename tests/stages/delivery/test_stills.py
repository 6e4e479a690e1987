from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stages import facs
from stages.delivery.stills import GROUPS, KeepStills, Selection, read_stills
from stages.errors import ConfigError, DeliveryError
from stages.packets import Clip, Colour, Face, Faces, FaceUnits, Frame, Job, Stamp, Units

BOX = (96, 40, 160, 120)


def job(folder: Path) -> Job:
    rate = Fraction(25)
    return Job(
        Clip(folder / "a.mp4", "a", 256, 160, 1 / rate, rate, None, "yuv420p", Colour(1), "h264", "video"), folder
    )


def stamp(index: int) -> Stamp:
    return Stamp("a", index, index, Fraction(1, 25))


def frame(index: int, grey: int) -> Frame:
    """A grey picture whose face box is 30 codes brighter."""
    native = av.VideoFrame(256, 160, "yuv420p")
    luma = np.full((160, 256), grey, np.uint8)
    luma[BOX[1] : BOX[3], BOX[0] : BOX[2]] += 30
    planes = np.concatenate([luma, np.full((80, 256), 128, np.uint8)])
    native = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    return Frame(stamp(index), native, Colour(1, 1, 1))


def faces(index: int, track: int = 0) -> Faces:
    box = np.array(BOX, np.float32)
    return Faces(stamp(index), (Face(track, box, np.zeros((478, 3), np.float32), 1.0),))


def units(index: int, intensities: dict[str, float], track: int = 0) -> Units:
    values = np.zeros((facs.COUNT, 2), np.float32)
    for name, intensity in intensities.items():
        values[facs.INDEX[name]] = intensity
    return Units(stamp(index), (FaceUnits(track, values, np.ones(facs.COUNT, np.float32), np.zeros(3, np.float32)),))


def run(stage: KeepStills, folder: Path, changes: list[dict[str, float]]) -> Selection:
    """Frame i is changed from 1 by `changes[i]`."""
    state = stage.begin(job(folder))
    for i, change in enumerate(changes):
        measured = units(i, dict.fromkeys(change, 1.0))
        asked = units(i, {name: 1.0 + by for name, by in change.items()})
        stage.process(state, frame(i, 80), frame(i, 90), faces(i), measured, asked)
    stage.finish(state)
    return state


def test_keeps_the_frames_that_changed_most(tmp_path: Path) -> None:
    changes = [{"AU12": 0.2}] * 100
    changes[30], changes[70] = {"AU12": 2.0}, {"AU12": -0.9}
    run(KeepStills(count=2, apart=0.4), tmp_path, changes)
    stills = read_stills(tmp_path)
    assert [still.frame for still in stills] == [30, 70]
    assert stills[0].moved[0].unit == "AU12"
    assert (stills[0].moved[0].measured, stills[0].moved[0].asked) == (1.0, 3.0)
    assert stills[1].moved[0].asked == pytest.approx(0.1)
    assert stills[0].caption == "frame 30 · 1.200 s · AU12 1.0 → 3.0"


def test_stills_keep_their_distance(tmp_path: Path) -> None:
    waves = [{"AU12": 1 + float(np.sin(i / 5))} for i in range(200)]
    run(KeepStills(count=6, apart=0.5), tmp_path, waves)
    seconds = [still.seconds for still in read_stills(tmp_path)]
    assert len(seconds) == 6
    assert min(np.diff(seconds)) >= 0.5


def test_every_part_of_the_face_gets_its_turn(tmp_path: Path) -> None:
    changes = [{"AU12": 1.0} for _ in range(200)]
    for i in (60, 61):
        changes[i] = {"AU04": 0.7}
    for i in (120, 121):
        changes[i] = {"AU43": 0.6}
    run(KeepStills(count=3, apart=0.4), tmp_path, changes)
    assert {still.moved[0].unit for still in read_stills(tmp_path)} == {"AU12", "AU04", "AU43"}


def test_groups_name_every_action_unit_once() -> None:
    numbers = [number for group in GROUPS.values() for number in group]
    assert sorted(numbers) == [unit.number for unit in facs.UNITS]


@pytest.mark.parametrize("frames", [1, 5, 47, 300])
def test_an_unchanged_clip_is_sampled_evenly(tmp_path: Path, frames: int) -> None:
    run(KeepStills(count=6), tmp_path, [{}] * frames)
    kept = [still.frame for still in read_stills(tmp_path)]
    assert min(frames, 4) <= len(kept) <= 6
    assert len(set(np.diff(kept))) <= 1
    assert frames <= 6 or kept[-1] >= frames / 2
    assert all(still.moved == () for still in read_stills(tmp_path))


def test_memory_stays_bounded(tmp_path: Path) -> None:
    stage = KeepStills(count=3, apart=0)
    state = stage.begin(job(tmp_path))
    for i in range(300):
        change = 0.0 if i < 150 else 0.01 * i
        stage.process(state, frame(i, 80), frame(i, 90), faces(i), units(i, {}), units(i, {"AU12": change}))
        assert len(state.telling) <= 3
        assert len(state.spaced) < 6


def test_a_slow_rise_is_not_converted_frame_by_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = KeepStills._candidate
    monkeypatch.setattr(KeepStills, "_candidate", lambda *args: made.append(1) or real(*args))
    run(KeepStills(count=1, apart=60), tmp_path, [{"AU12": 0.1 + 0.003 * i} for i in range(300)])
    assert len(made) < 30


def test_pictures_are_crops_of_both_frames_around_the_face(tmp_path: Path) -> None:
    run(KeepStills(), tmp_path, [{"AU12": 1.0}])
    (still,) = read_stills(tmp_path)
    x0, y0, x1, y1 = still.box
    assert (x0, y0) < BOX[:2]
    assert BOX[2] < x1 <= 256
    assert BOX[3] < y1 <= 160
    before, after = cv2.imread(str(still.before)), cv2.imread(str(still.after))
    assert before.shape == (y1 - y0, x1 - x0, 3)
    bright = np.argwhere(before[..., 1] > 90)
    assert bright.min(axis=0).tolist() == [BOX[1] - y0, BOX[0] - x0]
    assert float(after.mean() - before.mean()) == pytest.approx(10 * 255 / 219, abs=1)
    assert cv2.imread(str(still.whole)).shape == (160, 256, 3)


def test_the_face_that_changed_is_the_one_shown(tmp_path: Path) -> None:
    stage = KeepStills()
    state = stage.begin(job(tmp_path))
    far = Face(7, np.array([4, 4, 24, 24], np.float32), np.zeros((478, 3), np.float32), 1.0)
    both = Faces(stamp(0), (*faces(0).faces, far))
    measured = Units(stamp(0), (*units(0, {}).faces, *units(0, {}, track=7).faces))
    asked = Units(stamp(0), (*units(0, {"AU12": 0.3}).faces, *units(0, {"AU04": 0.8}, track=7).faces))
    stage.process(state, frame(0, 80), frame(0, 80), both, measured, asked)
    stage.finish(state)
    (still,) = read_stills(tmp_path)
    assert still.track == 7
    assert still.box[2] < BOX[0]


def test_large_faces_are_scaled_down(tmp_path: Path) -> None:
    run(KeepStills(size=128), tmp_path, [{"AU12": 1.0}])
    (still,) = read_stills(tmp_path)
    assert max(cv2.imread(str(still.before)).shape[:2]) == 128


def test_frames_without_a_face_show_the_whole_picture(tmp_path: Path) -> None:
    stage = KeepStills()
    state = stage.begin(job(tmp_path))
    stage.process(state, frame(0, 80), frame(0, 80), None, None, None)
    stage.finish(state)
    assert read_stills(tmp_path)[0].box == (0, 0, 256, 160)


def test_no_listing_means_no_stills_and_a_broken_one_is_an_error(tmp_path: Path) -> None:
    assert read_stills(tmp_path) == ()
    (tmp_path / "stills").mkdir()
    (tmp_path / "stills" / "stills.json").write_text(json.dumps({"stills": [{"frame": 1}]}))
    with pytest.raises(DeliveryError, match=r"not a list of stills"):
        read_stills(tmp_path)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 25}, {"apart": -1}, {"size": 4096}, {"least": 0}])
def test_values_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=rf"^{next(iter(wrong))}: .* use "):
        KeepStills(**wrong)  # type: ignore[arg-type]
