"""`glabella eval replace`: is the wanted person in the picture, with the performer's expression, and does it hold?

Every pair of an identity and a clip is rendered by `pipeline=replace`, and once more as plain overlay pasting, which
is what naturalness is held against. Identities are made for the occasion, in a library that is thrown away.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from runner.compose import composed
from runner.gallery.job import cut, plain
from runner.job import run_clip
from runner.occasion import enrolled, of
from runner.overrides import opened
from runner.progress import say
from runner.report.summary import EXPRESSION, SHOWN
from runner.settings import Settings
from stages.errors import ConfigError
from stages.faces.embed import Embedder, mean
from stages.identity.library import Entry, Library
from stages.media.decode import Decode
from stages.packets import Floats, Job

_LOOKS = 24  # of each clip, by the second embedder


@dataclass(frozen=True, kw_only=True)
class Pair:
    """photos: of whose face is put on, files or `sample:NAME`; clip: on whom; start: its first frame."""

    name: str
    photos: tuple[str, ...]
    clip: str
    start: int = 0


@dataclass(frozen=True, kw_only=True)
class Replacements:
    """What is tried. pairs: name -> {photos, clip, start}; frames: most of each clip; settings: words of every render;
    overlay: words that make it plain overlay pasting; only: names of pairs, empty for all; also: a second embedder,
    which has to agree.
    """

    pairs: Mapping[str, Any]
    frames: int
    settings: tuple[str, ...]
    overlay: tuple[str, ...]
    also: Embedder
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.frames < 12:
            raise ConfigError(f"replace.frames: must be at least 12, not {self.frames}")
        for name in self.only:
            if name not in self.pairs:
                raise ConfigError(f"replace.only: there is no pair {name!r} (known: {', '.join(self.pairs)})")
        tuple(self.chosen())

    def chosen(self) -> Iterator[Pair]:
        """The pairs to be rendered."""
        for name, about in self.pairs.items():
            if name in self.only or not self.only:
                try:
                    yield Pair(name=name, photos=tuple(about["photos"]), clip=about["clip"], start=about["start"])
                except (KeyError, TypeError) as error:
                    wanted = "{photos: [PHOTO], clip: CLIP, start: FRAME}"
                    raise ConfigError(f"replace.pairs.{name}: must be {wanted}, not {about!r}") from error


@dataclass(frozen=True, kw_only=True)
class Second:
    """What the second embedder says: share of looks that are the identity, and that still are the performer.

    cosine, performer: medians of the similarity to either.
    """

    name: str
    cosine: float
    performer: float
    same: float
    still: float


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A rendered pair. scores: of the report; overlay: the same of plain pasting; units: correlation of every unit of
    `EXPRESSION` that the clip shows. folder: of the report.
    """

    pair: str
    scores: Mapping[str, float]
    overlay: Mapping[str, float]
    units: Mapping[str, float]
    second: Second
    seconds: float
    folder: str
    fps: float
    errors: tuple[str, ...] = field(default=())


def tries(settings: Settings, options: Replacements, folder: Path) -> Iterator[Tried]:
    """Render and judge, one pair after another; reports and masters stay in `folder`."""
    with TemporaryDirectory(prefix="glabella-identities-") as place:
        library = Library.at(place)
        for pair in options.chosen():
            base = _composed(settings, options, ())
            identity = plain(pair.name).lower()
            entry = enrolled(base, pair.photos, library, identity)
            say(f"{pair.name}: the identity is made")
            part = cut(of(base, pair.clip), pair.start, options.frames, folder / ".clips" / plain(pair.name))
            words = (f"identity={identity}", f"identities={place}")
            made = _render(settings, options, words, part, folder / f"{plain(pair.name)}.mp4")
            pasted = _render(
                settings, options, (*words, *options.overlay), part, folder / f"{plain(pair.name)}-overlay.mp4"
            )
            yield _tried(base, options, pair, entry, part, made, pasted)


def _composed(settings: Settings, options: Replacements, words: Sequence[str]) -> Settings:
    """Settings of a render; what was typed comes on top of the evaluation's own."""
    typed = [word for word in settings.overrides if not word.lstrip("+~").startswith(("eval.", "out=", "overwrite="))]
    merged = {word.split("=")[0].lstrip("+"): word for word in (*options.settings, *typed, *words)}
    return composed(opened([*merged.values()]))


def _render(settings: Settings, options: Replacements, words: Sequence[str], clip: Path, out: Path) -> dict[str, Any]:
    """The report of a render, with where it lies."""
    made = _composed(settings, options, words)
    values = {**made.values, "clip": str(clip), "out": str(out), "overwrite": True}
    outcome = run_clip(replace(made, values=values))
    report: dict[str, Any] = json.loads((outcome.report / "report.json").read_text("utf-8"))
    return report | {"folder": outcome.report.name, "path": outcome.delivery}


def _tried(
    base: Settings, options: Replacements, pair: Pair, entry: Entry, clip: Path, made: Any, pasted: Any
) -> Tried:
    units = {
        name: unit["achieved"]["r"]
        for name, unit in made["units"].items()
        if name in EXPRESSION and unit["achieved"] and unit["asked"]["p95"] >= SHOWN and unit["achieved"]["r"]
    }
    told = Tried(
        pair=pair.name,
        scores=made["scores"],
        overlay=pasted["scores"],
        units=units,
        second=_second(base, options.also, mean(entry.vectors(options.also)), clip, made["path"]),
        seconds=made["seconds"],
        folder=made["folder"],
        fps=next((one["fps"] for one in made["passes"] if one["name"] == "render"), math.nan),
    )
    shutil.rmtree(Path(made["path"]).parent / ".work", ignore_errors=True)
    return told


def _second(base: Settings, embedder: Embedder, wanted: Floats, clip: Path, delivery: Path) -> Second:
    """Look at the delivery as a stranger would: found anew, frame by frame."""
    embedder.prepare()
    now, before = seen(base, embedder, delivery), seen(base, embedder, clip)
    if not len(now) or not len(before):
        raise ConfigError(f"eval replace: {clip.name} shows no face that {embedder.name} could look at")
    identity, performer = now @ wanted, now @ mean(before)
    return Second(
        name=embedder.name,
        cosine=float(np.median(identity)),
        performer=float(np.median(performer)),
        same=float((1 - identity <= embedder.same).mean()),
        still=float((1 - performer <= embedder.same).mean()),
    )


def seen(base: Settings, embedder: Embedder, path: Path) -> Floats:
    """(n, d) who the largest face of a clip is, on some of its frames."""
    decode: Decode = base.stage("decode")
    tracker = base.stage("faces")
    tracker.prepare()
    clip = decode.probe(path)
    state, found = tracker.begin(Job(clip, path.parent)), []
    every = max(1, (clip.frames or _LOOKS) // _LOOKS)
    for frame in decode.frames(clip):
        faces = tracker.process(state, frame)
        if faces is not None and faces.faces and frame.at.index % every == 0:
            largest = max(faces.faces, key=lambda face: float(np.max(face.box[2:] - face.box[:2])))
            found.append(embedder.vector(frame, largest.landmarks))
    return np.stack(found) if found else np.zeros((0, 1), np.float32)
