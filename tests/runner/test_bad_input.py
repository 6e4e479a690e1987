"""Bad input: one clear line, a documented exit code, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from runner.cli import main
from stages import backend

Sample = Callable[[str], Path]


def refuse(capsys: pytest.CaptureFixture[str], tmp_path: Path, code: int, *words: str) -> str:
    """Run, expect `code`, one line of error, nothing on stdout, and no outputs; returns the line."""
    outputs = tmp_path / "outputs"
    got = main(["run", f"outputs={outputs}", "tracking=off", *words])
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert got == code, said.err
    assert len(lines) == 1, said.err
    assert said.out == ""
    assert not outputs.exists()
    return lines[0]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.mp4", None, "missing.mp4"),
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"this is not a video\n" * 50, "text.mp4"),
    ],
)
def test_what_is_no_clip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert says in refuse(capsys, tmp_path, 3, f"clip={tmp_path / name}")


def test_truncated_clip(sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(sample("smile_onset").read_bytes()[:40_000])
    refuse(capsys, tmp_path, 3, f"clip={cut}")


def test_sound_without_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "sound.wav"
    with av.open(str(clip), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    assert "sound.wav" in refuse(capsys, tmp_path, 3, f"clip={clip}")


def test_a_name_that_no_disk_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such clip" in refuse(capsys, tmp_path, 3, f"clip={tmp_path / ('x' * 300)}.mp4")


def test_damage_at_the_first_frame_is_the_clips_fault(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = bytearray(sample("smile_onset").read_bytes())
    for at in range(3000, len(broken), 500):
        broken[at] ^= 0xFF
    (tmp_path / "broken.mp4").write_bytes(broken)
    refuse(capsys, tmp_path, 3, f"clip={tmp_path / 'broken.mp4'}", "decode.on_corrupt=stop", "cache.enabled=false")


def test_no_clip_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "clip=" in refuse(capsys, tmp_path, 2)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("gain.au_gain={AU8: 1.2}", "gain.au_gain.AU8: unknown Action Unit"),
        ("gain.au_gain={12: 2.5}", "allow_extreme"),
        ("gain.au_gain={12: -1}", "gain.au_gain.12"),
        ("gain.au_gain={12: loud}", "gain.au_gain.12"),
        ("gain=subtl", "gain=subtl: there is no such option - did you mean 'subtle'?"),
        ("gian=subtle", "gian: there is no such setting - did you mean 'gain'?"),
        ("encode.crff=3", "encode.crff: there is no such setting - did you mean 'encode.crf'?"),
        ("+encode.crff=3", "crff: Encode has no setting 'crff' - did you mean 'crf'?"),
        ("warp.interpolation=[", "cannot read the override"),
        ("backend.threads=two", "must be int, not 'two'"),
        ("encode.codec=aac", "encodes audio"),
        ("encode.preset=swift", "encode.preset: libx264 does not take 'swift' (Error setting preset"),
        ("encode.crf=-7", "encode.crf: libx264 does not take '-7.0' (Value -7.0"),
        ("encode.options={tune: foo}", "encode.options.tune: libx264 does not take 'foo'"),
        ("encode.options={foo: 1}", "encode.options.foo: unknown to libx264"),
        ("encode.options=5", "encode.options must map"),
        ("workers=0", "workers: must be"),
        ("quiet=maybe", "quiet: must be true or false"),
        ("cache=null", "cache: must hold settings"),
        ("cache.limit_gb=abc", "cache.limit_gb: must be a number"),
        ("cache.limit_gb=-1", "cache.limit_gb: must be a number"),
        ("cache.enabled=no?", "cache.enabled: must be true or false, not 'no?'"),
        ("report={measured: unitz}", "report.measured: there is no wire 'unitz' - did you mean 'units'?"),
        ("gain=null", "a group takes the name of an option"),
        ("outputs=${outputs}", "ecursive interpolation"),
        ("out=a\nb.mp4", "out: 'a\\nb.mp4' holds a control character"),
        ("+foo=1", "foo: there is no such setting"),
        ("--mulirun", "did you mean '--multirun'?"),
        ("encode._target_=os.system", "'os.system' is outside stages. and runner."),
    ],
)
def test_wrong_settings(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, says: str
) -> None:
    assert says in refuse(capsys, tmp_path, 2, f"clip={sample('carphone')}", word)


def test_a_reported_wire_whose_stage_is_off_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "check=none", "report={achieved: achieved, asked: null}"]) == 0
    assert main(["graph", "report={achieved: nope}"]) == 2
    assert "report.achieved: there is no wire 'nope'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("# @package _global_\ngian:\n  au_gain: {12: 0.7}\n", "gian: there is no such setting"),
        ("gain:\n  au_gain: {12: 0.7}\n", "# @package _global_"),
        ("# @package _global_\ntracking: sqlite\n", "tracking: must hold settings"),
        ("# @package _global_\ngraph: null\n", "graph: must hold settings"),
        ("# @package _global_\ndefaults: [ours]\n", "names the file itself"),
        ("# \xe9", "UTF-8"),
    ],
)
def test_a_shows_file_that_would_do_nothing(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, says: str
) -> None:
    (tmp_path / "show" / "production").mkdir(parents=True)
    (tmp_path / "show" / "production" / "ours.yaml").write_text(content, "latin-1")
    show = str(tmp_path / "show")
    assert says in refuse(capsys, tmp_path, 2, f"clip={sample('carphone')}", "--config-dir", show, "production=ours")


@pytest.mark.parametrize("content", ["", "au_gain: {4: 1.2\n  : [", "\x00\x01binary", "just words"])
def test_garbage_in_a_shows_file(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (tmp_path / "show" / "gain").mkdir(parents=True)
    (tmp_path / "show" / "gain" / "ours.yaml").write_text(content)
    show = str(tmp_path / "show")
    line = refuse(capsys, tmp_path, 2, f"clip={sample('carphone')}", "--config-dir", show, "gain=ours")
    assert "ours" in line or "asked" in line


def test_out_over_the_clip_itself(sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "take.mp4"
    clip.write_bytes(sample("carphone").read_bytes())
    line = refuse(capsys, tmp_path, 2, f"clip={clip}", f"out={clip}", "overwrite=true")
    assert "is the clip itself" in line
    assert clip.read_bytes() == sample("carphone").read_bytes()


def test_out_that_cannot_be_made(sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    line = refuse(capsys, tmp_path, 6, f"clip={sample('carphone')}", f"out={tmp_path / 'file' / 'take.mp4'}")
    assert "cannot write" in line


def test_container_that_cannot_hold_the_codec(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refuse(capsys, tmp_path, 6, f"clip={sample('carphone')}", "encode=prores_422hq", f"out={tmp_path}/a.webm")
    assert "webm" in line


@pytest.mark.parametrize("codec", ["vp9", "av1"])
def test_quicktime_holds_no_vp9_or_av1(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], codec: str
) -> None:
    line = refuse(capsys, tmp_path, 6, f"clip={sample('carphone')}", f"encode={codec}", f"out={tmp_path}/a.mov")
    assert "a .mov file cannot hold" in line


def test_a_picture_is_not_delivered_under_a_videos_name(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refuse(capsys, tmp_path, 6, f"clip={sample('portrait')}", f"out={tmp_path}/a.mp4")
    assert "end it in ." in line
    assert "folder" in refuse(capsys, tmp_path, 6, f"clip={sample('carphone')}", "encode=png", f"out={tmp_path}/a.png")


def test_a_name_that_no_disk_takes_for_the_delivery(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refuse(capsys, tmp_path, 6, f"clip={sample('carphone')}", f"out={tmp_path}/{'y' * 260}.mp4")
    assert "too long" in line


def test_missing_model_offline(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = sample("carphone")
    monkeypatch.setenv("GLABELLA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GLABELLA_OFFLINE", "1")
    monkeypatch.setattr(backend, "_sessions", {})  # what other tests opened is open still
    line = refuse(capsys, tmp_path, 4, f"clip={clip}")
    assert "face_" in line
    assert "glabella models fetch" in line


def test_provider_that_does_not_load(sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if os.path.exists("/dev/nvidia0"):
        return  # there it loads; stages/test_backend.py covers it
    assert "CUDA" in refuse(capsys, tmp_path, 5, f"clip={sample('carphone')}", "backend=cuda", "cache.enabled=false")


@pytest.mark.parametrize("word", ["bench.what=5", "bench.what=[startup,nope]", "bench.repeats=0"])
def test_wrong_bench_settings(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert main(["bench", word]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {word.partition('=')[0]}: "), said


def test_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rnu"]) == 2
    assert "did you mean 'run'?" in capsys.readouterr().err


LIMITED = """
import resource, signal, sys
from runner.cli import main
if int(sys.argv[1]):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""


def run_apart(*words: str, limit: int = 0) -> subprocess.Popen[str]:
    """A run in a process of its own, in which no file may grow beyond `limit` bytes (0: any)."""
    command = [sys.executable, "-c", LIMITED, str(limit), "run", "tracking=off", *words]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("name", ["two\nlines.mp4", "${x} \u2028.mp4"])
def test_a_clips_name_never_breaks_the_line_of_the_delivery(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    clip = tmp_path / name
    clip.write_bytes(sample("carphone").read_bytes())
    words = (f"clip={clip}", f"outputs={tmp_path / 'outputs'}", "pipeline=passthrough", "tracking=off")
    assert main(["run", *words]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert Path(line).is_file()


@pytest.mark.usefixtures("models")
def test_a_disk_that_takes_no_more(sample: Sample, tmp_path: Path) -> None:
    words = (f"clip={sample('smile_onset')}", f"outputs={tmp_path / 'outputs'}", "encode=ffv1", "chunks=none")
    done = run_apart(*words, limit=300_000)
    out, err = done.communicate(timeout=120)
    assert done.returncode == 6, err
    assert [line for line in err.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in err
    assert out == ""
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("sign", [".analysis/*/.*.spool*", "delivery*"], ids=["pass 1", "pass 2"])
@pytest.mark.usefixtures("models")
def test_interrupt_in_each_pass_leaves_nothing(sample: Sample, tmp_path: Path, sign: str, number: int) -> None:
    outputs = tmp_path / "outputs"
    words = (f"clip={sample('smile_onset')}", f"outputs={outputs}", "cache.enabled=false", "encode=ffv1", "chunks=none")
    process = run_apart(*words)
    deadline = time.monotonic() + 120
    while not list(outputs.glob(f".glabella-*/{sign}")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    assert process.poll() is None, "ended before it could be interrupted"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "Traceback" not in err
    assert out == ""
    assert not outputs.exists()
