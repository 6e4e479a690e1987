from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stages.delivery.review import SideBySide
from stages.errors import ConfigError, DeliveryError
from stages.media.colour import colour_of
from stages.packets import Clip, Colour, Frame, Job, Stamp

TIMES = (0, 1001, 3003, 3500, 9009)


def clip_of(width: int, height: int) -> Clip:
    base, rate = Fraction(1, 30000), Fraction(30000, 1001)
    return Clip(Path("a.mp4"), "a.mp4", width, height, base, rate, 5, "yuv420p", Colour(), "h264", "video")


def grey(clip: Clip, index: int, level: int) -> Frame:
    native = av.VideoFrame.from_ndarray(np.full((clip.height, clip.width), level, np.uint8), "gray")
    native = native.reformat(format="yuv420p")
    native.pts, native.time_base = TIMES[index], clip.time_base
    return Frame(Stamp(clip.name, index, TIMES[index], clip.time_base), native, colour_of(native))


def write(clip: Clip, folder: Path, stage: SideBySide) -> Path:
    state = stage.begin(Job(clip, folder))
    for index in range(len(TIMES)):
        stage.process(state, grey(clip, index, 40), grey(clip, index, 200))
    stage.finish(state)
    return state.path


def test_shows_source_left_and_result_right_at_the_source_times(tmp_path):
    path = write(clip_of(320, 180), tmp_path, SideBySide(labels=False))
    assert path == tmp_path / "review.mp4"
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pictures = list(container.decode(stream))
        assert stream.time_base == Fraction(1, 30000)
    assert tuple(p.pts for p in pictures) == TIMES
    luma = pictures[2].to_ndarray(format="gray").astype(int)
    assert luma.shape == (180, 640)
    assert luma[:, 330:].mean() - luma[:, :310].mean() > 100


@pytest.mark.parametrize(
    ("size", "half"), [((1920, 1080), (960, 540)), ((1279, 719), (960, 538)), ((98, 65), (98, 64))]
)
def test_is_at_most_as_wide_as_asked_and_even(tmp_path, size, half):
    path = write(clip_of(*size), tmp_path, SideBySide(width=1920))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert abs(stream.width - 2 * half[0]) <= 4
        assert abs(stream.height - half[1]) <= 2
        assert stream.width <= 1920
        assert stream.width % 2 == stream.height % 2 == 0
        assert stream.pix_fmt == "yuv420p"


def test_labels_are_burnt_in(tmp_path):
    (tmp_path / "b").mkdir()
    paths = [
        write(clip_of(320, 180), folder, SideBySide(labels=on))
        for folder, on in ((tmp_path, True), (tmp_path / "b", False))
    ]
    lit, plain = (next(av.open(str(p)).decode(video=0)).to_ndarray(format="gray")[:40, :100].astype(int) for p in paths)
    assert lit.max() > plain.max() + 100


def test_abort_leaves_nothing(tmp_path):
    clip, stage = clip_of(320, 180), SideBySide()
    state = stage.begin(Job(clip, tmp_path))
    stage.process(state, grey(clip, 0, 40), grey(clip, 0, 200))
    stage.abort(state)
    assert not (tmp_path / "review.mp4").exists()


def test_an_unwritable_folder_is_one_line(tmp_path):
    clip, stage = clip_of(320, 180), SideBySide()

    def run():
        stage.process(stage.begin(Job(clip, tmp_path / "nowhere")), grey(clip, 0, 40), grey(clip, 0, 200))

    with pytest.raises(DeliveryError, match=r"review\.mp4"):
        run()


@pytest.mark.parametrize(("field", "value"), [("width", 10), ("crf", 90)])
def test_refuses_settings_that_make_no_sense(field, value):
    with pytest.raises(ConfigError, match=f"review.{field}"):
        SideBySide(**{field: value})
