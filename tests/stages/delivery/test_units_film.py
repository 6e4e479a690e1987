"""The film with bars: what is read off its pixels is what the packets said."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stages import facs
from stages.delivery import lettering, panel
from stages.delivery.pairs import MakePairs, opened
from stages.delivery.panel import CURVES, MARK, Panel, Reading
from stages.delivery.units_film import UnitsFilm
from stages.errors import ConfigError
from stages.expression.timecode import moment, written
from stages.media.colour import colour_of
from stages.packets import Clip, Colour, Events, Face, Faces, FaceUnits, Frame, Job, MicroEvent, Pair, Stamp, Units

BASE, RATE = Fraction(1001, 30000), Fraction(30000, 1001)
WIDE = Clip(Path("a.mp4"), "a.mp4", 320, 180, BASE, RATE, 12, "yuv420p", Colour(), "h264", "video")


def at(index: int) -> Stamp:
    return Stamp("a.mp4", index, index, BASE)


def frame(index: int, level: int, size: tuple[int, int] = (320, 180)) -> Frame:
    native = av.VideoFrame.from_ndarray(np.full(size[::-1], level, np.uint8), "gray").reformat(format="yuv420p")
    native.pts, native.time_base = index, BASE
    return Frame(at(index), native, colour_of(native))


def units(index: int, values: dict[str, tuple[float, float]], track: int = 0) -> Units:
    table = np.zeros((facs.COUNT, 2), np.float32)
    for name, sides in values.items():
        table[facs.INDEX[name]] = sides
    ones = np.ones(facs.COUNT, np.float32)
    return Units(at(index), (FaceUnits(track, table, ones, np.zeros(3, np.float32)),))


def faces(index: int, *tracks: int) -> Faces:
    boxes = {track: np.array([20 + 90 * track, 20, 80 + 90 * track + track, 90], np.float32) for track in tracks}
    return Faces(at(index), tuple(Face(t, box, np.zeros((478, 3), np.float32), 1.0) for t, box in boxes.items()))


def close(picture: np.ndarray, colour: tuple[int, int, int], within: int = 40) -> np.ndarray:
    """Where the picture has this colour."""
    return np.abs(picture.astype(int) - np.array(colour)).max(axis=-1) <= within


def row(picture: np.ndarray, name: str, width: int = 1280) -> np.ndarray:
    """Of a panel: one unit's bars, 5 intensities wide."""
    left, top = Panel(width)._corner(panel.SHOWN.index(facs.INDEX[name]))
    s = width / 1280
    return picture[
        round(top) : round(top + 25 * s), round(left + panel._BARS * s) : round(left + (panel._BARS + 118) * s)
    ]


@pytest.mark.parametrize("width", [960, 1280, 1920])
@pytest.mark.parametrize("name", ["AU01", "AU12", "AU26", "AU64"])
def test_bars_are_as_long_as_the_intensities(width, name):
    told = {"measured": 1.0, "asked": 3.0, "achieved": 2.5}
    curves = {curve: units(0, {name: (v, v)}).faces[0].values for curve, v in told.items()}
    picture = Panel(width).draw(Reading(curves, ("face 0", ""), "", None, (), ()))
    for curve, value in told.items():
        lit = close(row(picture, name, width), CURVES[curve], 4)
        length = lit.sum(axis=1).max() / lit.shape[1] * facs.MAX_INTENSITY
        assert length == pytest.approx(value, abs=0.08)
    assert not close(row(picture, "AU17", width), CURVES["asked"]).any()


def test_a_bar_is_full_to_the_weaker_side_and_faint_to_the_stronger():
    curves = {"asked": units(0, {"AU12": (1.0, 4.0)}).faces[0].values}
    bar = row(Panel(1280).draw(Reading(curves, ("", ""), "", None, (), ())), "AU12")
    full = close(bar, CURVES["asked"], 4).any(axis=0).sum() / bar.shape[1] * 5
    any_ink = (bar[11].astype(int).max(axis=-1) > 90).sum() / bar.shape[1] * 5
    assert (full, any_ink) == (pytest.approx(1, abs=0.1), pytest.approx(4, abs=0.1))


def test_an_event_marks_its_row_while_it_lasts_and_the_line_of_time_after():
    event = MicroEvent(0, facs.INDEX["AU45"], 2, 3, 4, 6, 1.0, 0.9, True)
    happened = panel.Happened(event, "00:00:00:03", 0.1, 0.25)
    during = Panel(1280).draw(Reading({}, ("", ""), "", 0.3, (event,), (happened,)))
    after = Panel(1280).draw(Reading({}, ("", ""), "", 0.9, (), (happened,)))
    left, top = Panel(1280)._corner(panel.SHOWN.index(facs.INDEX["AU43"]))  # blinks are closed eyes
    edge = np.s_[round(top) + 4 : round(top) + 20, round(left) + 6 : round(left) + 9]
    assert close(during[edge], MARK, 4).all()
    assert not close(after[edge], MARK).any()
    line = after[-50:-36, :]
    (columns,) = np.nonzero(close(line, MARK, 4).any(axis=0))
    assert columns.mean() == pytest.approx(18 + (1280 - 36) * 0.25, abs=1.5)


def play(
    stage: UnitsFilm, folder: Path, chunk: int | None = None, killed: int | None = None, clip: Clip = WIDE
) -> Path:
    """Twelve frames, measured 1, asked 2, looked at on every fifth: 1.5; a micro-event from 4 to 8."""
    folder.mkdir(parents=True, exist_ok=True)
    make, job = MakePairs(width=stage.width), Job(WIDE, folder, chunk)
    state, saved = stage.begin(job), b""
    event = MicroEvent(0, facs.INDEX["AU04"], 0, 4, 6, 8, 1.2, 0.8, True)
    index = 0
    while index < 12:
        if killed == index:
            stage.abort(state)
            state, index, killed = stage.restore(job, saved), index // (chunk or 1) * (chunk or 1), None
            continue
        values = [{"AU12": (v, v)} for v in (1.0, 2.0, 1.5)]
        looked = units(index, values[2]) if index % 5 == 0 else None
        began = Events(at(index), (event,)) if index == 4 else None
        pair = make.process(frame(index, 60), frame(index, 200))
        stage.process(state, pair, faces(index, 0), units(index, values[0]), units(index, values[1]), looked, began)
        index += 1
        if chunk and index % chunk == 0:
            saved = stage.save(state)
    stage.finish(state)
    return folder / "review.mp4"


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


def test_the_film_shows_source_result_and_bars_at_the_clips_times(tmp_path):
    path = play(UnitsFilm(crf=8), tmp_path)
    with av.open(str(path)) as container:
        stamps = [f.pts * f.time_base for f in container.decode(video=0)]
    assert stamps == [i * BASE for i in range(12)]
    film = pictures(path)
    assert film[0].shape == (180 + Panel(1280).height, 1280, 3)
    source, result = film[3][60:170, 200:440], film[3][60:170, 840:1080]
    assert (source.mean(), result.mean()) == (pytest.approx(60, abs=3), pytest.approx(200, abs=3))
    for one in (film[0], film[7], film[11]):  # the latest look stays
        lit = close(row(one[180:], "AU12"), CURVES["achieved"], 70)
        assert lit.sum(axis=1).max() / lit.shape[1] * 5 == pytest.approx(1.5, abs=0.15)
    left, top = Panel(1280)._corner(panel.SHOWN.index(facs.INDEX["AU04"]))
    marked = [bool(close(f[180 + round(top) + 8, round(left) + 7], MARK, 80)) for f in film]
    assert marked == [4 <= i <= 8 for i in range(12)]


def test_a_film_that_was_killed_goes_on_with_what_it_remembered(tmp_path):
    whole = play(UnitsFilm(), tmp_path / "whole", chunk=5)
    again = play(UnitsFilm(), tmp_path / "again", chunk=5, killed=8)
    assert again.read_bytes() == whole.read_bytes()


def test_upright_clips_are_no_higher_than_half_the_film_and_without_faces_pictures_remain(tmp_path):
    clip = replace(WIDE, width=90, height=1600)
    pair = MakePairs().process(frame(0, 60, (90, 1600)), frame(0, 60, (90, 1600)))
    stage, job = UnitsFilm(), Job(clip, tmp_path)
    state = stage.begin(job)
    stage.process(state, pair, None, None, None, None, None)
    stage.finish(state)
    (film,) = pictures(tmp_path / "review.mp4")
    assert film.shape == (640 + Panel(1280).height, 1280, 3)
    assert not close(film[640:], CURVES["asked"]).any()


def test_the_largest_face_is_shown_as_long_as_it_is_there(tmp_path):
    stage = UnitsFilm()
    state = stage.begin(Job(WIDE, tmp_path))
    seen = []
    for index, tracks in enumerate([(), (0, 1), (0,), (0, 1), (0, 1)]):
        pair = MakePairs().process(frame(index, 60), frame(index, 60))
        stage.process(state, pair, faces(index, *tracks) if tracks else None, None, None, None, None)
        seen.append(state.memory.track)
    stage.abort(state)
    assert seen == [None, 1, 0, 0, 0]


def test_an_untouched_frame_is_coded_once_and_pairs_are_small():
    one = frame(0, 90)
    pair: Pair = MakePairs().process(one, one)
    assert pair.before is pair.after
    assert opened(pair.before).shape == (180, 320, 3)
    assert len(pair.before) < 5000


@pytest.mark.parametrize(("field", "value"), [("width", 200), ("width", 1281), ("crf", 60), ("face", -1)])
def test_refuses_settings_that_make_no_sense(field, value):
    with pytest.raises(ConfigError, match=f"review.{field}"):
        UnitsFilm(**{field: value})
    with pytest.raises(ConfigError, match=r"review\.pairs\.quality"):
        MakePairs(quality=10)


@pytest.mark.parametrize("rate", [Fraction(25), RATE, Fraction(24000, 1001), Fraction(60)])
def test_timecodes_are_those_that_a_profile_reads(rate):
    for index in (0, 1, 59, 1799, 1800, 108000, 215999):
        text = written(index / rate, rate)
        assert moment(text, "here").seconds(rate) == pytest.approx(float(index / rate), abs=1e-6)
    assert written(Fraction(-1), rate) == "00:00:00:00"


@pytest.mark.parametrize("wide", [960, 1280, 1920, 3840])
def test_labels_end_before_the_letter_of_a_side_and_the_bars(wide: int) -> None:
    s = wide / 1280
    letter = (panel._BARS - 7) * s - lettering.width("L", 12 * s, 600)
    ends = {facs.UNITS[i].name: panel._NAME * s + lettering.width(facs.UNITS[i].label, 12 * s) for i in panel.SHOWN}
    assert {name for name, end in ends.items() if end >= letter} == set()
