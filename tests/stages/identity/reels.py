"""Stretches of real clips in a row, as casting sees them, and a library with one identity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2

from runner.compose import composed_alone
from stages.identity.casting import Casting
from stages.identity.enrol import Enrolled
from stages.identity.library import Library
from stages.media import decode
from stages.packets import Colour, Frame, Job, Stamp
from tests.stages.expression.held import Held

_TERMS = """\
who: E
granted_by: E
granted_on: 2024-01-01
until: 2099-12-31
purposes: [tests]
productions: [all]
paper: a test's own
"""


def add(folder: Path, collins: Enrolled, cast: Casting) -> None:
    """Put the portrait's astronaut into the library below `folder`."""
    (folder / "consent.yaml").write_text(_TERMS)
    Library(folder / "library").add("collins", looked_at(collins, cast), folder / "consent.yaml")


def looked_at(enrolled: Enrolled, cast: Casting) -> Enrolled:
    """The same with an embedding of its one photo."""
    frame = next(iter(decode.frames(decode.probe(enrolled.shots[0].source))))
    (face,) = cast.tracker.process(cast.tracker.begin(Job(None, Path())), frame).faces  # type: ignore[arg-type, union-attr]
    vectors = {cast.embedder.key: cast.embedder.vector(frame, face.landmarks)}
    portraits = (replace(enrolled.likeness.portraits[0], vectors=vectors),)
    return replace(enrolled, likeness=replace(enrolled.likeness, portraits=portraits))


def reel(sample: Callable[[str], Path], *parts: tuple[str, int, int]) -> list[Frame]:
    """Stretches of clips, one after another, 640 x 360."""
    pictures = []
    for name, start, stop in parts:
        for frame in decode.frames(decode.probe(sample(name)), start=start, stop=stop):
            rgb = frame.native.to_ndarray(format="rgb24")
            pictures.append(cv2.resize(rgb, (1280, 720), interpolation=cv2.INTER_AREA))
    natives = [av.VideoFrame.from_ndarray(picture, format="rgb24") for picture in pictures]
    base = Fraction(1, 25)
    return [Frame(Stamp("reel", i, i, base), native, Colour(full_range=True)) for i, native in enumerate(natives)]


def watch(cast: Casting, sample: Callable[[str], Path]) -> tuple[Held, Held]:
    """Faces and prints of man, table, man; a look every second frame."""
    parts = (("talking_man_mild", 0, 4), ("table_of_three", 20, 26), ("talking_man_strong", 50, 54))
    embed = replace(composed_alone([]).stage("embed"), every=2)
    state = cast.tracker.begin(Job(None, Path()))  # type: ignore[arg-type]
    faces, prints = [], []
    for frame in reel(sample, *parts):
        faces.append(cast.tracker.process(state, frame))
        prints.append(embed.process(frame, faces[-1]) if faces[-1] else None)
    return Held(faces), Held(prints)


def photo(tmp_path: Path, sample: Callable[[str], Path], name: str, at: int) -> str:
    (frame,) = decode.frames(decode.probe(sample(name)), start=at, stop=at + 1)
    cv2.imwrite(str(tmp_path / f"{name}.png"), frame.native.to_ndarray(format="bgr24"))
    return str(tmp_path / f"{name}.png")
