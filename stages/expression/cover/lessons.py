"""What the cover network learns from: people of the CC0 rig with things laid over them.

The people are photographed by `stages.expression.calibration.photograph`; `stages.expression.occluders` covers them,
and the landmarker looks at the result as it would at a clip, mesh drift included. Beside each stands how the person
usually looks, from pictures in the same clothes and light. Nobody real is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.expression import chart, occluders
from stages.expression.complexion import complexion
from stages.expression.cover import look
from stages.expression.relief import relief
from stages.expression.studio.reading import framed
from stages.faces import layouts
from stages.faces.landmarks import Mesh478
from stages.packets import Bytes, Floats

LIGHTS: Final = 3
"""How often each person is dressed and lit anew."""
USUAL: Final = (4, 9)
"""Least and most pictures of which somebody's usual look is made."""
PICTURES: Final = 8
"""Taken of everybody in each light."""
COVERED: Final = 0.7
"""Share of them in which something lies before the face."""
LEAST: Final = 0.3
"""Presence below which a tracker would have dropped the face."""

Photo = tuple[NDArray[np.float32], Floats]
Sample = tuple[NDArray[np.float16], Bytes]


def samples(path: Path, seed: int, model: Mesh478) -> Iterator[Sample]:
    """What the network sees, (PLANES, side, side), and what is covered of it, (look.FINE, look.FINE) 0..255."""
    rng = np.random.default_rng([seed, int(path.stem)])
    photos, sitting, rest = _photographs(path)
    for light in range(LIGHTS):
        looks = int(rng.integers(1 << 31))
        who = np.flatnonzero(sitting == light % 2)
        calm = who[rest[who]] if rng.random() < 0.25 else who
        known = rng.permutation(calm)[: int(rng.integers(*USUAL))]
        usual = _usual([photos[k] for k in known], looks)
        for index in rng.permutation(who)[:PICTURES]:
            sample = _sample(photos[index], looks, usual, rng, model)
            if sample is not None:
                yield sample


def _usual(photos: Sequence[Photo], looks: int) -> look.Usual:
    charts = [_charted(_dressed(photo, looks), photo[1]) for photo in photos]
    return look.Usual.of([look.Picture(relief(one), complexion(one)) for one in charts])


def _sample(photo: Photo, looks: int, usual: look.Usual, rng: np.random.Generator, model: Mesh478) -> Sample | None:
    picture, landmarks = _dressed(photo, looks), photo[1]
    points, over = landmarks[: layouts.MESH_COUNT], np.zeros(picture.shape[:2], np.float32)
    if rng.random() < 0.4:
        picture = occluders.lit(rng, picture)
    if rng.random() < COVERED:
        picture, over = occluders.occluded(rng, picture, points[:, :2])
    if rng.random() < 0.3:
        blur = float(rng.uniform(0.4, 1.5))
        picture, over = (cv2.GaussianBlur(one, (0, 0), blur) for one in (picture, over))
    frame = framed(np.rint(np.clip(picture + rng.normal(0, rng.uniform(0, 4), picture.shape), 0, 255)).astype(np.uint8))
    mesh = model.from_landmarks(frame, landmarks)
    if mesh.presence < LEAST:
        return None
    flat = chart.unwrap(frame, mesh.landmarks)
    grey = np.repeat((np.clip(over, 0, 1) * 255).astype(np.uint8)[..., None], 3, 2)
    hidden = cv2.resize(
        chart.unwrap(framed(grey), mesh.landmarks).luma, (look.FINE, look.FINE), interpolation=cv2.INTER_AREA
    )
    shown = look.seen(look.Picture(relief(flat), complexion(flat)), usual)
    return shown.astype(np.float16), np.rint(np.clip(hidden, 0, 255)).astype(np.uint8)


def _dressed(photo: Photo, looks: int) -> NDArray[np.float32]:
    """The same beard, glasses, paint, light and grade on every picture that is given the same number."""
    rng = np.random.default_rng(looks)
    dressed = occluders.dressed(rng, photo[0], photo[1][: layouts.MESH_COUNT, :2])
    return occluders.graded(rng, dressed)


def _charted(picture: NDArray[np.float32], landmarks: Floats) -> chart.Chart:
    return chart.unwrap(framed(np.rint(picture).astype(np.uint8)), landmarks)


def _photographs(path: Path) -> tuple[list[Photo], NDArray[np.int16], NDArray[np.bool_]]:
    with np.load(path) as taken:
        ends, found = np.cumsum(taken["lengths"]), []
        for index, end in enumerate(ends):
            coded = taken["pictures"][end - taken["lengths"][index] : end]
            picture: Bytes = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
            found.append((picture[..., ::-1].astype(np.float32), taken["landmarks"][index]))
        return found, taken["sitting"], taken["rest"]
