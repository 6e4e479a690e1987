"""`glabella verify REPORT`: holds a delivery against what its run said of it."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from runner.analysis import content_hash
from runner.progress import say
from runner.report.framehashes import NAME, Line, read_hashes
from runner.report.record import RunRecord
from stages.errors import ClipError, DeliveryError
from stages.media.containers import keeps_time
from stages.media.decode import Decode
from stages.media.framehash import framehash
from stages.packets import Clip, Frame

_MILLISECOND: Final = Fraction(1, 1000)


def main(words: Sequence[str]) -> int:
    """Check the delivery of the report named in `words`; prints the delivery's path.

    Raises:
        DeliveryError: the delivery is gone, or differs from its report; says where first.
    """
    options = _parser().parse_args(list(words))
    report = options.report / "report.json" if options.report.is_dir() else options.report
    record = _record(report)
    delivery = options.delivery or _found(report, record)
    for line in verified(report, record, delivery):
        say(f"  {line}")
    print(delivery, flush=True)
    return 0


def verified(report: Path, record: RunRecord, delivery: Path) -> Iterator[str]:
    """One line for everything that agrees.

    Raises:
        DeliveryError: the first thing that does not.
    """
    if record.delivery is None or record.hashes is None:
        raise DeliveryError(f"{report}: tells of no delivery to hold anything against")
    wrong = DeliveryError(f"{delivery}: its content is not what {report} tells of (SHA-256 differs)")
    if content_hash(delivery) != record.delivery.sha256:
        raise wrong
    yield f"{delivery.name}: SHA-256 as reported"
    listing = report.with_name(NAME)
    pixel_format, time_base, lines = read_hashes(listing)
    if hashlib.sha256(listing.read_bytes()).hexdigest() != record.hashes.sha256:
        raise DeliveryError(f"{listing}: was changed since the run (SHA-256 differs)")
    yield f"{listing.name}: {len(lines)} frames, as reported"
    clip = Decode(threads=0, image_rate=str(record.clip.rate)).probe(delivery)
    same = sum(_compared(clip, time_base, pixel_format, lines, delivery))
    yield f"every frame decodes, at its time{'' if keeps_time(delivery.suffix, time_base) else ' to 1 ms'}"
    yield _pictures(same, len(lines), record, delivery)


def _pictures(same: int, frames: int, record: RunRecord, delivery: Path) -> str:
    """What is to be said of the decoded samples.

    Raises:
        DeliveryError: they should be those that were rendered, and are not.
    """
    if same == frames:
        return "every picture decodes to just the samples that were rendered"
    codec = _codec(record)
    if codec in ("ffv1", "png", "tiff"):
        raise DeliveryError(f"{delivery}: {frames - same} of {frames} pictures are not those that were rendered")
    return f"pictures are coded with loss ({codec}): their samples are not compared"


def _compared(
    clip: Clip, time_base: Fraction, pixel_format: str, lines: Sequence[Line], delivery: Path
) -> Iterator[bool]:
    """Of every frame whether its samples are those that were rendered.

    Raises:
        DeliveryError: a frame is missing, is one too many or stands at another time.
    """
    slack = Fraction(0) if keeps_time(delivery.suffix, time_base) else _MILLISECOND
    count = 0
    for frame in _frames(clip, delivery):
        if count == len(lines):
            raise DeliveryError(f"{delivery}: has more than the {len(lines)} frames that were rendered")
        line = lines[count]
        if clip.kind == "video" and abs(frame.at.pts * clip.time_base - line.pts * time_base) > slack:
            raise DeliveryError(f"{delivery}: frame {line.index} is shown at {frame.at.seconds:.4f}s, not at its time")
        yield frame.pixel_format == pixel_format and framehash(frame.native) == line.digest
        count += 1
    if count < len(lines):
        raise DeliveryError(f"{delivery}: has {count} of the {len(lines)} frames that were rendered")


def _frames(clip: Clip, delivery: Path) -> Iterator[Frame]:
    try:
        yield from Decode().frames(clip)
    except ClipError as error:
        raise DeliveryError(f"{delivery}: {error}") from error


def _codec(record: RunRecord) -> str:
    encode = record.config.get("encode")
    return str(encode.get("codec", "")) if isinstance(encode, dict) else ""


def _record(report: Path) -> RunRecord:
    try:
        return RunRecord.from_json(report.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise DeliveryError(f"{report}: no report to read ({reason}); name a report.json or its folder") from error


def _found(report: Path, record: RunRecord) -> Path:
    """The delivery where the run put it, or where the report has been moved to."""
    told = record.delivery.path if record.delivery else Path()
    beside = report.parent.with_name(told.name), report.parent / told.name
    found = next((path for path in (told, *beside) if path.exists()), None)
    if found is None:
        raise DeliveryError(f"{told}: the delivery is not there; say where with --delivery PATH")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "glabella verify", description="Hold a delivery against its report: file, frames, times, and pictures."
    )
    parser.add_argument("report", type=Path, help="report.json, or the folder that it lies in")
    parser.add_argument("--delivery", type=Path, help="the delivery, where it was moved")
    return parser
