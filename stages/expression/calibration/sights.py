"""What photographed people look like to the coder: sights, labels and who is who, from the files of `photograph`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.expression import basis, chart, coder, pose
from stages.expression.relief import SIDE, relief
from stages.expression.studio.reading import framed
from stages.faces import layouts
from stages.packets import Bytes, Floats


@dataclass(frozen=True)
class Gallery:
    """All pictures, n of them.

    shape: (n, 478, 3), relief: (n, SIDE, SIDE), scores: (n, 52) and head: (n, 3) as of `coder.Sight`. values:
    (n, columns) true intensities. person: (n,) from 0; sitting: (n,) told apart over all people; rest: (n,).
    """

    shape: Floats
    relief: Bytes
    scores: Floats
    head: Floats
    values: Floats
    person: NDArray[np.int64]
    sitting: NDArray[np.int64]
    rest: NDArray[np.bool_]

    def where(self, chosen: NDArray[np.bool_]) -> Gallery:
        """Only the chosen pictures."""
        return Gallery(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def mirrored(self) -> Gallery:
        """The same in a mirror: other people, who are sitting elsewhere."""
        flip, turn = np.array([-1, 1, 1], np.float32), np.array([-1, 1, -1], np.float32)
        return Gallery(
            self.shape[:, layouts.MIRROR] * flip,
            self.relief[:, :, ::-1],
            self.scores[:, coder.mirrored_scores()],
            self.head * turn,
            self.values[:, coder.mirrored_columns()],
            self.person + self.person.max() + 1,
            self.sitting + 2 * (self.person.max() + 1),
            self.rest,
        )

    def and_mirrored(self) -> Gallery:
        """Both."""
        other = self.mirrored()
        return Gallery(*(np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))


def gallery(folder: Path) -> Gallery:
    """Read every person of a folder; charts are laid flat once and kept beside the files."""
    parts = [_person(path, number) for number, path in enumerate(sorted(folder.glob("[0-9]*.npz")))]
    return Gallery(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Gallery)))


def _person(path: Path, number: int) -> Gallery:
    with np.load(path) as found:
        landmarks, scores, values = found["landmarks"], found["scores"], found["values"]
        sitting, rest, pictures, lengths = (found[key] for key in ("sitting", "rest", "pictures", "lengths"))
    poses = [pose.fit(points, basis.load().mean) for points in landmarks]
    faces = zip(poses, landmarks, strict=True)
    shapes = [head.to_face(points) - basis.load().turned(head.angles) for head, points in faces]
    count = len(landmarks)
    return Gallery(
        np.array(shapes, np.float32).reshape(count, -1, 3),
        _reliefs(path, landmarks, pictures, lengths),
        scores,
        np.array([head.angles for head in poses], np.float32).reshape(count, 3),
        coder.in_columns(values),
        np.full(count, number),
        sitting.astype(np.int64) + 2 * number,
        rest.astype(bool),
    )


def _reliefs(path: Path, landmarks: Floats, pictures: Bytes, lengths: NDArray[np.int64]) -> Bytes:
    kept = path.with_suffix(".relief.npy")
    if not kept.exists():
        ends = np.cumsum(lengths)
        files: Sequence[Bytes] = np.split(pictures, ends[:-1]) if len(ends) else []
        made = [_relief(file, points) for file, points in zip(files, landmarks, strict=True)]
        np.save(kept, np.array(made, np.uint8).reshape(len(made), SIDE, SIDE))
    reliefs: Bytes = np.load(kept)
    return reliefs


def _relief(file: Bytes, landmarks: Floats) -> Bytes:
    picture = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)
    return relief(chart.unwrap(framed(picture[..., ::-1]), landmarks))
