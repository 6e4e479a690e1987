"""One person's face painted plainly over another's: what benchmarks of blending start from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from runner.settings import SAMPLE, Settings
from stages.contract import OrderedStage
from stages.faces import layouts
from stages.media import planes
from stages.media.decode import Decode
from stages.packets import Edit, Face, Faces, Floats, Frame, Job
from stages.render import raster

_MARGIN = 0.15
"""Shares of the face's size left around it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame and the first face in it."""

    frame: Frame
    face: Face


def shown(settings: Settings, sample: str, frames: int) -> Iterator[Shown]:
    """The first so many frames of a sample clip that show a face."""
    values: Mapping[str, Any] = {**settings.values, "clip": SAMPLE + sample}
    path = Settings(values).clip_path()
    decode: Decode = settings.stage("decode")
    clip = decode.probe(path)
    tracker: OrderedStage[Any] = settings.stage("faces")
    state = tracker.begin(Job(clip, Path()))
    tracker.prepare()
    for frame in islice(decode.frames(clip), frames):
        faces = tracker.process(state, frame)
        if isinstance(faces, Faces) and faces.faces:
            yield Shown(frame, faces.faces[0])


def pasted(giver: Shown, taker: Shown) -> Edit:
    """The giver's face, in the giver's light, where the taker's is; the mask is the face's outline, hard."""
    spots, own = (seen.face.landmarks[: layouts.MESH_COUNT, :2] for seen in (taker, giver))
    box, source = (_around(seen) for seen in (taker, giver))
    corner, there = (np.array(b[:2], np.float32) for b in (box, source))
    moves = (own - there) - (spots - corner)
    rows = np.concatenate([moves, np.ones((len(moves), 1), np.float32)], 1).astype(np.float32)
    shape = box[3] - box[1], box[2] - box[0]
    depth = taker.face.landmarks[layouts.TRIANGLES, 2].sum(1)
    triangles = _clockwise()[np.argsort(-depth, kind="stable")]
    dx, dy, mask = raster.rasterise(triangles, spots - corner, rows, shape)
    dx += np.arange(shape[1], dtype=np.float32)
    dy += np.arange(shape[0], dtype=np.float32)[:, None]
    before = planes.crop(taker.frame, box)
    painted = cv2.remap(planes.crop(giver.frame, source), dx, dy, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    after: Floats = np.where(mask[..., None] > 0, painted, before)
    return Edit(taker.face.track, box, before, after, mask, spots, spots)


def resized(edit: Edit, size: int) -> Edit:
    """The same at `size` pixels along its longer side."""
    scale = size / max(edit.mask.shape)
    width, height = max(2, round(edit.mask.shape[1] * scale)), max(2, round(edit.mask.shape[0] * scale))
    before, after = (
        cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in (edit.before, edit.after)
    )
    mask = cv2.resize(edit.mask, (width, height), interpolation=cv2.INTER_NEAREST)
    corner = np.array(edit.box[:2], np.float32)
    places = (edit.places - corner) * np.float32(scale)
    return Edit(edit.track, (0, 0, width, height), before, after, mask, places, places)


def _around(seen: Shown) -> tuple[int, int, int, int]:
    spots = seen.face.landmarks[: layouts.MESH_COUNT, :2]
    low, high = spots.min(0), spots.max(0)
    room = _MARGIN * (high - low)
    return planes.align((*(low - room), *(high + room)), seen.frame)


def _clockwise() -> np.ndarray[Any, np.dtype[np.int32]]:
    """The face's triangles, openings included, as the rasteriser wants them on screen."""
    flat = (layouts.CANONICAL[:, :2] * np.array([1, -1])).astype(np.float32)
    turned = np.median(raster.facing(layouts.TRIANGLES, flat)) < 0
    return layouts.TRIANGLES[:, ::-1] if turned else layouts.TRIANGLES
