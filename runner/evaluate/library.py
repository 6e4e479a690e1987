"""Filmed takes on disk: a lossless clip (a PNG for a photo) and its truth; kept ones are found again by their names."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from functools import cache
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from runner.evaluate.code import code_hash
from runner.evaluate.takes import PHOTO, Ask, Take
from runner.progress import say
from stages.errors import StageError
from stages.expression import recipes
from stages.expression.calibration import curves, filming
from stages.expression.calibration.curves import Doubles, Pulse
from stages.expression.calibration.filming import Script
from stages.expression.calibration.photograph import Photographer
from stages.expression.rig import Rig
from stages.expression.studio import people, scene
from stages.expression.studio.people import Shot
from stages.models import registry

_ARRAYS: Final = ("shares", "head", "size", "blur", "dim")


@dataclass(frozen=True)
class Film:
    """A filmed take. clip: the file. parted: (n,) intensity of AU25, by the gap of the lips. code: that filmed it."""

    take: Take
    clip: Path
    parted: Doubles
    code: str

    @property
    def truth(self) -> Doubles:
        """(n, facs.COUNT, 2) intensities 0..5."""
        return curves.intensities(self.take.script.shares, self.parted)


@dataclass(frozen=True)
class Library:
    """Films lie in `folder`; `side` pixels wide and high, `rate` frames a second.

    workers: processes that film. filming: False leaves out what is not there.
    """

    folder: Path
    side: int
    rate: int
    workers: int = 1
    filming: bool = True

    def films(self, asks: Sequence[Ask]) -> Generator[Film]:
        """Every take that is asked for, in order; those not there yet are filmed meanwhile, or left out.

        Raises:
            ModelError: something has to be filmed, and `moderngl` is missing or no OpenGL context can be had.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = [ask for ask in asks if not self._truth(ask.name).is_file()]
        if not self.filming:
            yield from (self.load(ask.name) for ask in asks if ask not in missing)
            return
        if missing:
            say(f"filming {len(missing)} of {len(asks)} clips ...")
        if self.workers == 1 or len(missing) < 2:
            yield from self._alone(asks)
        else:
            yield from self._together(asks, missing)

    def _alone(self, asks: Iterable[Ask]) -> Iterator[Film]:
        for ask in asks:
            if not self._truth(ask.name).is_file():
                shoot(self, ask.make())
            yield self.load(ask.name)

    def _together(self, asks: Iterable[Ask], missing: Sequence[Ask]) -> Iterator[Film]:
        with ProcessPoolExecutor(self.workers, get_context("spawn"), _leave_quietly) as pool:
            try:
                waiting: dict[str, Future[None]] = {ask.name: pool.submit(shoot, self, ask.make()) for ask in missing}
                for ask in asks:
                    if ask.name in waiting:
                        waiting[ask.name].result()
                    yield self.load(ask.name)
            except BrokenProcessPool as error:
                raise StageError("eval: a process that films was killed; is memory short? try workers=1") from error
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for process in active_children():
                    process.terminate()
                raise

    def clip(self, take: Take) -> Path:
        """Where the clip of `take` lies."""
        return self.folder / f"{take.name}{'.png' if take.protocol == PHOTO else '.mkv'}"

    def _truth(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def save(self, film: Film) -> None:
        """Write the truth, in one rename: a clip without it does not count."""
        take, path = film.take, self._truth(film.take.name)
        script, marks = take.script, [asdict(mark) for mark in take.marks]
        words = {
            "name": take.name,
            "protocol": take.protocol,
            "condition": take.condition,
            "marks": marks,
            "seed": script.seed,
            "habits": script.habits,
            "camera": asdict(script.camera),
            "code": film.code,
        }
        arrays: dict[str, Any] = {name: getattr(take.script, name) for name in _ARRAYS}
        if take.severity is not None:
            arrays["severity"] = take.severity
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        with part.open("wb") as file:
            np.savez_compressed(file, told=json.dumps(words), parted=film.parted, **arrays)
        part.replace(path)

    def load(self, name: str) -> Film:
        """A film that is there."""
        with np.load(self._truth(name)) as truth:
            words, kept = json.loads(str(truth["told"])), {key: truth[key] for key in truth.files}
        shot: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in words["camera"].items()}
        camera = Shot(**{field.name: shot[field.name] for field in fields(Shot) if field.name in shot})
        script = Script(words["seed"], words["habits"], camera, *(kept[name] for name in _ARRAYS))
        marks = tuple(Pulse(**mark) for mark in words["marks"])
        take = Take(name, words["protocol"], script, marks, words["condition"], kept.get("severity"))
        return Film(take, self.clip(take), kept["parted"], words["code"])


def _leave_quietly() -> None:
    """In a process that films: Ctrl-C is for the main one, which then ends this; half a clip is removed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def shoot(library: Library, take: Take) -> None:
    """Film a take into the library; runs in a process of its own."""
    clip, parted = library.clip(take), list[float]()
    part = clip.with_name(f".{clip.name}.{os.getpid()}.part")
    try:
        pictures = _told(filming.film(_photographer(library.side), take.script), parted)
        _write(part, pictures, library)
        part.replace(clip)
    finally:
        part.unlink(missing_ok=True)
    library.save(Film(take, clip, np.array(parted), studio_code()))


@cache
def studio_code() -> str:
    """Hash of the code that draws people and moves them."""
    return code_hash([scene.__name__, people.__name__, recipes.__name__])


@cache
def _photographer(side: int) -> Photographer:
    cv2.setNumThreads(1)
    return Photographer.of(Rig(registry.shipped()["rig"].fetch()), side)


def _told(film: Iterable[tuple[NDArray[np.uint8], float]], parted: list[float]) -> Iterator[NDArray[np.uint8]]:
    for picture, gap in film:
        parted.append(gap)
        yield picture


def _write(path: Path, pictures: Iterator[NDArray[np.uint8]], library: Library) -> None:
    if ".png." in path.name:
        path.write_bytes(cv2.imencode(".png", next(pictures)[..., ::-1])[1].tobytes())
        with suppress(StopIteration):
            next(pictures)
        return
    with av.open(str(path), "w", format="matroska") as output:
        stream: Any = output.add_stream("ffv1", rate=Fraction(library.rate), options={"level": "3", "slicecrc": "1"})
        stream.width = stream.height = library.side
        stream.pix_fmt = "bgr0"  # R'G'B' as it is, without loss
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="bgr0")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
