from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from runner.cli import main
from runner.job import run_clip
from tests.runner import killed
from tests.runner.test_chunks import made

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs/schema/result-1.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, sample: Callable[[str], Path]) -> Path:
    from tests.runner.test_run import transcoded

    return transcoded(sample("smile_onset"), tmp_path_factory.mktemp("clip") / "clip.mkv", "yuv420p", 8)


def delivered(clip: Path, out: Path, *words: str) -> Path:
    run_clip(made(clip, out, "pipeline=passthrough", *words))
    return out.with_name(f"{out.stem}.report")


def verify(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    code = main(["verify", *map(str, words)])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "name", "told"),
    [
        (("encode=ffv1",), "take.mp4", "every picture decodes to just the samples"),
        (("encode=ffv1",), "take.mkv", "every frame decodes, at its time"),
        (("encode=h264",), "take.mp4", "coded with loss (libx264)"),
        (("encode=h264", "encode.crf=0"), "take.mp4", "every picture decodes to just the samples"),
        (("encode=png",), "take", "every picture decodes to just the samples"),
    ],
)
def test_a_delivery_agrees_with_its_report(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], name: str, told: str
) -> None:
    report = delivered(clip, tmp_path / name, *words)
    code, said = verify(capsys, report)
    assert code == 0
    assert told in said


def test_a_changed_byte_is_found(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = delivered(clip, tmp_path / "take.mp4", "encode=ffv1")
    data = bytearray((tmp_path / "take.mp4").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "take.mp4").write_bytes(data)
    code, said = verify(capsys, report / "report.json")
    assert code == 6
    assert "SHA-256 differs" in said


def test_other_pictures_and_missing_frames_are_found(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reports that tell of something else, with every checksum in order."""
    import hashlib

    report = delivered(clip, tmp_path / "take.mp4", "encode=ffv1")
    told, lines = json.loads((report / "report.json").read_text()), (report / "frames.txt").read_text().splitlines()

    def rewritten(changed: list[str]) -> tuple[int, str]:
        text = "\n".join(changed) + "\n"
        (report / "frames.txt").write_text(text)
        told["hashes"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        (report / "report.json").write_text(json.dumps(told))
        return verify(capsys, report)

    code, said = rewritten([*lines[:-1], lines[-1][:-1] + ("0" if lines[-1][-1] != "0" else "1")])
    assert (code, "1 of 8 pictures are not those" in said) == (6, True)
    code, said = rewritten(lines[:-1])
    assert (code, "more than the 7 frames" in said) == (6, True)
    code, said = rewritten([*lines, "8 8000 " + "0" * 32])
    assert (code, "8 of the 9 frames" in said) == (6, True)
    index, pts, digest = lines[4].split()
    code, said = rewritten([*lines[:4], f"{index} {int(pts) + 1} {digest}", *lines[5:]])
    assert (code, "not at its time" in said) == (6, True)
    (report / "frames.txt").write_text("\n".join(lines))
    code, said = verify(capsys, report)
    assert (code, "was changed since the run" in said) == (6, True)


def test_a_moved_delivery_is_found_beside_its_report_or_named(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delivered(clip, tmp_path / "first" / "take.mp4", "encode=ffv1")
    (tmp_path / "first").rename(tmp_path / "second")
    assert verify(capsys, tmp_path / "second" / "take.report")[0] == 0
    (tmp_path / "second" / "take.mp4").rename(tmp_path / "else.mp4")
    code, said = verify(capsys, tmp_path / "second" / "take.report")
    assert (code, "--delivery" in said) == (6, True)
    assert verify(capsys, tmp_path / "second" / "take.report", "--delivery", tmp_path / "else.mp4")[0] == 0


def test_what_is_no_report_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = verify(capsys, tmp_path / "nothing")
    assert code == 6
    assert said.count("\n") == 1


def test_the_result_is_what_its_schema_says(sample: Callable[[str], Path], tmp_path: Path) -> None:
    from tests.runner.test_run import transcoded

    clip = transcoded(sample("smile_onset"), tmp_path / "clip.mkv", "yuv420p", 12)
    words = ("gain=expressive", "encode=ffv1", "check.every=4", "quality.pictures.every=4", "chunks.frames=5")
    run_clip(made(clip, tmp_path / "take.mp4", *words))
    text = (tmp_path / "take.report" / "result.json").read_text("utf-8")
    result = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(result, SCHEMA)
    assert len(text.splitlines()) == 12 + 2
    frames = result["frames"]
    assert [frame["index"] for frame in frames] == list(range(12))
    assert [line.split()[2] for line in _listed(tmp_path)] == [frame["hash"] for frame in frames]
    face, count = frames[4]["faces"][0], len(result["units"])
    assert [len(face[name]) for name in ("confidence", "measured", "asked", "achieved")] == [count] * 4
    assert frames[5]["faces"][0]["achieved"] is None
    assert face["scores"]
    assert len(killed.frames(tmp_path / "take.mp4")) == 12


def _listed(folder: Path) -> list[str]:
    lines = (folder / "take.report" / "frames.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_without_faces_the_result_still_fits_its_schema(clip: Path, tmp_path: Path) -> None:
    report = delivered(clip, tmp_path / "take.mp4", "encode=ffv1")
    result = json.loads((report / "result.json").read_text("utf-8"))
    jsonschema.validate(result, SCHEMA)
    assert [frame["faces"] for frame in result["frames"]] == [[]] * 8
