"""Still pictures and sequences of pictures as clips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.error import FFmpegError

from stages.errors import ClipError
from stages.media.colour import colour_of
from stages.media.pixels import turns
from stages.packets import Clip, Frame, Stamp

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".exr", ".dpx"})
_PATTERN = re.compile(r"%0?(\d*)d|(#+)")
_NUMBER = re.compile(r"(\d+)(?=\.[^.]+$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(name: str) -> str:
    """`name` with every control character and line separator as `_`, so that it stays on its line wherever it shows."""
    return _CONTROL.sub("_", name)


def is_images(path: Path) -> bool:
    """A picture file, a pattern such as `shot.%04d.png` or `shot.####.png`, or a folder with pictures in it."""
    if path.is_dir():
        return any(_is_picture(p) for p in path.iterdir())
    return path.suffix.lower() in SUFFIXES and (path.exists() or bool(_PATTERN.search(path.name)))


def probe(path: Path, rate: Fraction) -> Clip:
    """The clip of the pictures at `path`; the first one is decoded.

    Raises:
        ClipError: no pictures, several kinds, a gap in their numbers, or a picture that cannot be decoded.
    """
    files = listed(path)
    first = _read(files[0])
    return Clip(
        path=path,
        name=one_line(_name(path)),
        width=first.width,
        height=first.height,
        time_base=1 / rate,
        rate=rate,
        frames=len(files),
        pixel_format=first.format.name,
        colour=colour_of(first),
        codec=files[0].suffix.lower().lstrip("."),
        kind="still" if path.is_file() else "sequence",
        turns=turns(first),
    )


def frames(clip: Clip, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
    """One frame a picture, frame i at pts i of the clip's 1/rate time base."""
    for index, path in list(enumerate(listed(clip.path)))[start:stop]:
        native = _read(path)
        if (native.width, native.height, native.format.name) != (clip.width, clip.height, clip.pixel_format):
            raise ClipError(
                f"{clip.name} frame {index}: {path.name} is {native.width}x{native.height} {native.format.name}, not "
                f"{clip.width}x{clip.height} {clip.pixel_format} like the first; make all pictures alike"
            )
        native.pts, native.time_base = index, clip.time_base
        yield Frame(Stamp(clip.name, index, index, clip.time_base), native, colour_of(native), turns(native))


def listed(path: Path) -> list[Path]:
    """The picture files of a clip in order.

    Raises:
        ClipError: see `probe`.
    """
    if path.is_file():
        return [path]
    files = sorted(_candidates(path), key=_key)
    if not files:
        raise ClipError(f"{path}: no pictures found; check the folder or the pattern")
    if len(kinds := {p.suffix.lower() for p in files}) > 1:
        raise ClipError(
            f"{path}: several kinds of picture ({', '.join(sorted(kinds))}); give a pattern such as a.%04d.png"
        )
    if len(names := {_key(p)[0] for p in files if _key(p)[1] >= 0}) > 1:
        raise ClipError(f"{path}: several sequences ({', '.join(sorted(names))}); give a pattern such as a.%04d.png")
    numbers = [_key(p)[1] for p in files]
    for before, after in pairwise(numbers):
        if after == before >= 0:
            raise ClipError(f"{path}: two pictures are number {after}; remove one, or give a pattern")
        if after != before + 1 and before >= 0:
            raise ClipError(f"{path}: picture {before + 1} is missing; render it, or renumber the sequence")
    return files


def _candidates(path: Path) -> list[Path]:
    if path.is_dir():
        return [p for p in path.iterdir() if _is_picture(p)]
    found = _PATTERN.search(path.name)
    if found is None or not path.parent.is_dir():
        return []
    width = len(found[2]) if found[2] else int(found[1] or 1)
    head, tail = re.escape(path.name[: found.start()]), re.escape(path.name[found.end() :])
    wanted = re.compile(f"{head}\\d{{{width},}}{tail}")
    return [p for p in path.parent.iterdir() if wanted.fullmatch(p.name)]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")


def _key(path: Path) -> tuple[str, int]:
    number = _NUMBER.search(path.name)
    return (path.name[: number.start()], int(number[1])) if number else (path.name, -1)


def _name(path: Path) -> str:
    found = _PATTERN.search(path.name)
    return (path.name[: found.start()].rstrip("._- ") or path.parent.name) if found else path.name


def _read(path: Path) -> av.VideoFrame:
    try:
        with av.open(str(path)) as container:
            if path.suffix.lower() in (".jpg", ".jpeg"):  # half a JPEG passes for one unless told
                container.streams.video[0].codec_context.options = {"err_detect": "explode"}
            return next(container.decode(video=0))
    except (FFmpegError, StopIteration, IndexError) as cause:
        raise ClipError(f"{path.name}: not a readable picture; export it again") from cause
