"""The main job on real video, from the command line to the delivery."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from runner.cli import main

Sample = Callable[[str], Path]


def frames(path: Path) -> Iterator[tuple[Fraction, list[np.ndarray]]]:
    """Presentation time and the bytes of every plane, without padding."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            assert frame.pts is not None
            planes = []
            for plane in frame.planes:
                rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
                planes.append(rows[:, : plane.width * (2 if "10" in frame.format.name else 1)].copy())
            yield frame.pts * frame.time_base, planes


def audio(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.audio) if p.size]


def transcoded(source: Path, target: Path, pixel_format: str, count: int = 24) -> Path:
    """The first frames of a real clip in another pixel format, lossless."""
    with av.open(str(source)) as first, av.open(str(target), "w") as out:
        stream = out.add_stream("ffv1", rate=30)
        made = first.streams.video[0]
        stream.width, stream.height, stream.pix_fmt = made.width, made.height, pixel_format
        for i, frame in zip(range(count), first.decode(made), strict=False):
            one = frame.reformat(format=pixel_format)
            one.pts, one.time_base = i, Fraction(1, 30)
            out.mux(stream.encode(one))
        out.mux(stream.encode())
    return target


def glabella(capsys: pytest.CaptureFixture[str], tmp_path: Path, *words: str) -> tuple[int, str, str]:
    """Run a command; returns exit code, last line of stdout, and stderr."""
    code = main([*words, f"outputs={tmp_path / 'outputs'}", "tracking=off"])
    said = capsys.readouterr()
    return code, (said.out.splitlines() or [""])[-1], said.err


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "yuv444p"])
def test_gain_of_one_is_bit_identical(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], pixel_format: str
) -> None:
    clip = transcoded(sample("smile_onset"), tmp_path / "clip.mkv", pixel_format)
    code, delivery, _ = glabella(capsys, tmp_path, "run", f"clip={clip}", "gain=neutral", "encode=ffv1")
    assert code == 0
    pairs = list(zip(frames(clip), frames(Path(delivery)), strict=True))
    assert len(pairs) == 24
    for (when, before), (then, after) in pairs:
        assert when == then
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le"])
def test_gains_change_the_face_and_nothing_else(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], pixel_format: str
) -> None:
    clip = transcoded(sample("smile_onset"), tmp_path / "clip.mkv", pixel_format, 60)
    code, delivery, _ = glabella(
        capsys, tmp_path, "run", f"clip={clip}", "gain.au_gain={6: 1.5, 12: 2.0, 25: 1.5}", "encode=ffv1"
    )
    assert code == 0
    changed = np.zeros(1)
    for (_, before), (_, after) in zip(frames(clip), frames(Path(delivery)), strict=True):
        changed = changed + (before[0] != after[0])
    rows, columns = np.nonzero(changed)
    width = changed.shape[1]
    assert rows.size > 2000
    face = face_box(Path(delivery).parent / "stills" / "stills.json", clip)
    step = 2 if "10" in pixel_format else 1
    assert columns.min() / step >= face[0]
    assert columns.max() / step <= face[2]
    assert rows.min() >= face[1]
    assert rows.max() <= face[3]
    assert (face[2] - face[0]) * (face[3] - face[1]) < 0.6 * width / step * changed.shape[0]


def face_box(stills: Path, clip: Path) -> tuple[float, float, float, float]:
    """Where a face may be touched: the detector's box over the clip, grown by half for neck and temples."""
    from stages.faces.track import TrackFaces
    from stages.media.decode import Decode
    from stages.packets import Job

    settings = shipped_settings("faces")
    tracker: TrackFaces = settings
    decode = Decode()
    known = decode.probe(clip)
    tracker.prepare()
    state = tracker.begin(Job(known, stills.parent))
    boxes = [f.box for frame in decode.frames(known) for f in getattr(tracker.process(state, frame), "faces", ())]
    x0, y0 = np.min(boxes, axis=0)[:2]
    x1, y1 = np.max(boxes, axis=0)[2:]
    grow = 0.35 * max(x1 - x0, y1 - y0)
    return x0 - grow, y0 - grow, x1 + grow, y1 + grow


def shipped_settings(group: str) -> object:
    import hydra
    from omegaconf import OmegaConf

    from runner.instantiate import instantiate
    from runner.settings import CONF

    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config")
    return instantiate(OmegaConf.to_container(config[group], resolve=True), group)


def test_time_audio_and_faceless_frames_go_through(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = sample("face_noface")
    out = tmp_path / "deliver" / "take.mp4"
    code, delivery, _ = glabella(
        capsys, tmp_path, "run", f"clip={clip}", "gain=expressive", "encode=ffv1", f"out={out}"
    )
    assert (code, delivery) == (0, str(out))
    table = pq.read_table(out.with_name("take.report") / "units.parquet")
    with_face = set(table["frame"].to_pylist())
    source, result = list(frames(clip)), list(frames(out))
    assert [t for t, _ in source] == [t for t, _ in result]
    assert audio(clip) == audio(out)
    faceless = [i for i in range(len(source)) if i not in with_face]
    assert len(faceless) > 5
    assert len(with_face) > 5
    for i in faceless:
        assert all(np.array_equal(a, b) for a, b in zip(source[i][1], result[i][1], strict=True))


def test_second_gain_profile_measures_nothing_again(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = transcoded(sample("smile_onset"), tmp_path / "clip.mkv", "yuv420p", 30)
    words = ("run", f"clip={clip}", f"faces.redetect_every={1 + time.time() % 1:.6f}")  # never measured before
    code, first, said = glabella(capsys, tmp_path, *words, "gain=subtle")
    assert code == 0
    assert "measured 30 frames" in said
    code, second, said = glabella(capsys, tmp_path, *words, "gain=expressive")
    assert code == 0
    assert "nothing to measure" in said
    assert "measured 30 frames" not in said
    reports = [json.loads((Path(p).parent / "report.json").read_text()) for p in (first, second)]
    assert [r["analysis"]["source"] for r in reports] == ["measured", "cached"]
    assert first != second


def test_report_holds_what_is_needed_to_repeat_the_run(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = transcoded(sample("smile_onset"), tmp_path / "clip.mkv", "yuv420p", 20)
    _, delivery, _ = glabella(
        capsys, tmp_path, "run", f"clip={clip}", "gain.au_gain={4: 1.2, 12: 0.8, 43: 1.5}", "review=units"
    )
    folder = Path(delivery).parent
    assert {"report.json", "report.html", "units.parquet", "contact.jpg", "curves.svg", "review.mp4"} <= {
        p.name for p in folder.iterdir()
    }
    assert not list(folder.glob(".*"))
    report = json.loads((folder / "report.json").read_text())
    assert {m["name"] for m in report["models"]} >= {"face_landmarks", "face_blendshapes"}
    assert all(len(m["sha256"]) == 64 and m["provider"] for m in report["models"])
    assert report["config"]["gain"]["au_gain"] == {"4": 1.2, "12": 0.8, "43": 1.5}
    assert "gain.au_gain.12" in report["changed"]
    assert report["passes"][0]["frames"] == 20
    with av.open(str(folder / "review.mp4")) as film:
        assert [round(f.pts * f.time_base * 30) for f in film.decode(video=0)] == list(range(20))


def test_no_face_passes_through_with_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "empty.mkv"
    rng = np.random.default_rng(0)
    with av.open(str(clip), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for i in range(8):
            frame = av.VideoFrame.from_ndarray(rng.integers(90, 120, (240, 320, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    code, delivery, said = glabella(capsys, tmp_path, "run", f"clip={clip}", "gain=expressive", "encode=ffv1")
    assert code == 0
    assert "no face in any frame" in said
    for (_, before), (_, after) in zip(frames(clip), frames(Path(delivery)), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
