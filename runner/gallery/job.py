"""Renders what a gallery lists, one entry after another; what is there with the same settings is left as it is."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from runner.analysis import content_hash, source_hash
from runner.compose import composed
from runner.disk import disk_errors
from runner.failures import line
from runner.gallery.options import Entry, Options
from runner.gallery.shown import MARK, Shown, read
from runner.gallery.write import write
from runner.job import run_clip
from runner.occasion import enrolled
from runner.overrides import opened
from runner.progress import say
from runner.settings import Settings
from stages.errors import GlabellaError, StageError
from stages.identity.library import Library
from stages.media.decode import Decode
from stages.media.encode import Encode
from stages.packets import Job

_OURS: Final = ("gallery", "clip", "out", "outputs", "overwrite")
"""Settings that are the gallery's own and not of its renders."""
IDENTITIES: Final = ".identities"
"""Folder of those made for the occasion, below the gallery's, while it is rendered."""


def gallery(settings: Settings) -> Path:
    """Render, then write `index.html` and `scores.md`; returns the page.

    Raises:
        ConfigError: the list is not one.
        StageError: entries failed; the page shows the others, and says which.
    """
    options: Options = settings.stage("gallery")
    if settings.values.get("clip"):
        name = Path(str(settings["clip"]).rpartition(":")[2]).stem
        options = replace(options, clips={name: {"clip": settings["clip"], "start": 0}})
    root = Path(str(settings["outputs"])).expanduser() / options.folder
    shown: list[Shown] = []
    with disk_errors():
        root.mkdir(parents=True, exist_ok=True)
        try:
            shown.extend(_rendered(settings, options, root))
        finally:
            page = write(root, options, shown)
            for made in (".work", IDENTITIES):
                shutil.rmtree(root / made, ignore_errors=True)
    if failed := [one for one in shown if one.error]:
        raise StageError(f"gallery: {len(failed)} of {len(shown)} entries failed; {page} says why")
    return page


def _rendered(settings: Settings, options: Options, root: Path) -> Iterator[Shown]:
    entries = [*options.entries()]
    for number, entry in enumerate(entries, 1):
        folder = root / plain(entry.clip.name) / plain(entry.name)
        try:
            one = _entry(settings, options, entry, root)
            key = _key(one)
            if not _there(folder, key):
                say(f"gallery {number}/{len(entries)}: {entry.clip.name}, {entry.name}")
                _enrol(one, options)
                _render(one, folder, root / ".work", key)
            yield read(entry, folder)
        except GlabellaError as error:
            say(f"error: {entry.clip.name}, {entry.name}: {line(error)[0]}")
            yield Shown(entry, folder, error=line(error)[0])


def _entry(settings: Settings, options: Options, entry: Entry, root: Path) -> Settings:
    """The settings of one render, on the part of the clip that is shown."""
    typed = [word for word in settings.overrides if word.split("=")[0].lstrip("+~").split(".")[0] not in _OURS]
    own = (f"identities={_library(root, options)}",) if options.identities else ()
    words = {word.split("=")[0].lstrip("+"): word for word in (*options.settings, *own, *typed, *entry.words)}
    made = composed(opened([*words.values()]))
    values = {**made.values, "clip": entry.clip.clip, "out": None, "outputs": str(root / ".work")}
    made = replace(made, values=values)
    part = cut(made, entry.clip.start, options.frames, root / ".clips" / plain(entry.clip.name))
    return replace(made, values={**values, "clip": str(part)})


def _enrol(settings: Settings, options: Options) -> None:
    """Make the entry's identity, if it has one and it is not there yet."""
    name = str(settings.values.get("identity") or "")
    library = Library.at(settings["identities"])
    if name in options.identities and name not in library.names():
        enrolled(settings, options.identities[name], library, name)


def _library(root: Path, options: Options) -> Path:
    """Another folder for other photos, so that what was rendered with these is known by it."""
    photos = json.dumps(dict(options.identities), default=str).encode()
    return root / IDENTITIES / hashlib.sha256(photos).hexdigest()[:12]


def _key(settings: Settings) -> str:
    """What the pictures depend on: our code, the stages' settings, and the part of the clip."""
    clip = content_hash(Path(settings["clip"]))
    parts: list[Any] = [source_hash(), settings["graph"], settings["decode"], clip]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _there(folder: Path, key: str) -> bool:
    mark = folder / MARK
    return mark.is_file() and mark.read_text() == key


def _render(settings: Settings, folder: Path, work: Path, key: str) -> None:
    """Run it, and keep all but the master; the mark comes last."""
    shutil.rmtree(work, ignore_errors=True)
    outcome = run_clip(settings)
    outcome.delivery.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    outcome.report.rename(folder)
    (folder / MARK).write_text(key)


def cut(settings: Settings, start: int, frames: int, target: Path) -> Path:
    """The clip's frames from `start` on, at most `frames`, bit by bit in a file of their own; the clip if that is all.

    Made once: `target` gets start, length and a suffix.
    """
    decode: Decode = settings.stage("decode")
    path = settings.clip_path()
    clip = decode.probe(path)
    if clip.kind == "still" or (start == 0 and clip.frames is not None and clip.frames <= frames):
        return path
    encode = Encode(codec="ffv1", audio="none", options={"level": 3, "g": 1})
    whole = target.with_name(f"{target.name}-{start}-{frames}{encode.suffix(clip)}")
    if whole.is_file():
        return whole
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent) as folder:
        state = encode.begin(Job(clip, Path(folder)))
        for frame in decode.frames(clip, start=start, stop=start + frames):
            encode.process(state, frame)
        encode.finish(state)
        state.path.replace(whole)
    return whole


def plain(name: str) -> str:
    """Fit for a folder's name."""
    return re.sub(r"[^\w.+-]+", "_", name)
