"""Pictures before and after, held against each other: flicker, sharpness, seams, and an untouched background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stages.contract import OrderedStage
from stages.errors import ConfigError
from stages.expression import pose
from stages.media import planes
from stages.packets import Edits, Faces, Floats, Frame, Job, Quality
from stages.quality.background import identical
from stages.quality.flicker import flicker
from stages.quality.seam import seam
from stages.quality.sharpness import ratio

Box = tuple[int, int, int, int]
Mask = tuple[Box, Floats]  # what an edit says of where it is

_MARGIN: Final = 8  # pixels around the mask, so that motion is seen at its edge


@dataclass(slots=True)
class Before:
    """The frame before, as it came and as it went, and the masks of its edits by track."""

    source: Frame | None = None
    result: Frame | None = None
    masks: dict[int, Mask] | None = None


@dataclass(frozen=True, kw_only=True)
class ComparePictures(OrderedStage[Before]):
    """Scores every `every`-th frame's edited faces (`stages.quality.flicker`, `.sharpness`, `.seam`) and background.

    size: longest side in pixels at which flicker is computed, 64..2048; larger regions are shrunk.
    """

    every: int = 25
    size: int = 512

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"quality.pictures.every: must be 1 or more frames, not {self.every}")
        if not 64 <= self.size <= 2048:
            raise ConfigError(f"quality.pictures.size: must be 64 to 2048 pixels, not {self.size}")

    def begin(self, job: Job) -> Before:
        """No frame before the first."""
        return Before()

    def process(
        self,
        state: Before,
        before: Frame,
        after: Frame,
        faces: Faces | None,
        edits: Edits | None,
        drawn: Edits | None = None,
    ) -> Quality | None:
        """Scores of this frame, if it is one of those looked at. drawn: the layer of `edits` that is judged, if any,
        as far as they show it: what lies before a face is the source's own and says nothing."""
        last = Before(state.source, state.result, state.masks)
        whole = _masks(edits)
        masks = _within(_masks(drawn), whole) if drawn is not None else whole
        state.source, state.result, state.masks = before, after, masks
        if before.at.index % self.every:
            return None
        outside = identical(before, after, [*whole.values()])
        scale = {face.track: pose.of(face.landmarks).scale for face in faces.faces} if faces else {}
        tracks = {*masks, *(last.masks or {})}
        scores = {track: self._scores(track, last, before, after, masks, scale) for track in tracks}
        return Quality.of(before.at, scores, outside)

    def _scores(
        self, track: int, last: Before, before: Frame, after: Frame, masks: dict[int, Mask], scale: dict[int, float]
    ) -> dict[str, float]:
        """Of a face that is edited now, or was in the frame before."""
        scores = {}
        if track in masks and track in scale:
            scores["sharpness.ratio"] = ratio(before, after, masks[track], scale[track])
            edge = seam(before, after, masks[track], scale[track])
            scores |= {"seam.delta_e": edge.step, "seam.delta_e.source": edge.source}
            scores |= {"seam.delta_e.ratio": edge.ratio, "skin.delta_e": edge.skin}
        if last.source is not None and last.result is not None:
            box, mask = _joined([m[track] for m in (masks, last.masks or {}) if track in m], before)
            pairs = (last.source, before), (last.result, after)
            scores["flicker"] = flicker(*pairs, box, mask, self.size)
        return scores


def _masks(edits: Edits | None) -> dict[int, Mask]:
    """By track."""
    return {edit.track: (edit.box, edit.mask) for edit in planes.drawn(edits)} if edits else {}


def _within(masks: dict[int, Mask], whole: dict[int, Mask]) -> dict[int, Mask]:
    """As much of each mask as another of the same track leaves, whose box is as large or larger."""
    made = {}
    for track, (box, mask) in masks.items():
        (left, top, _, _), kept = whole.get(track, (box, np.ones_like(mask)))
        x, y = box[0] - left, box[1] - top
        made[track] = box, mask * kept[y : y + mask.shape[0], x : x + mask.shape[1]]
    return made


def _joined(masks: list[Mask], frame: Frame) -> Mask:
    """One box around all of them, with a margin, and the greater of their values."""
    corners = np.array([box for box, _ in masks])
    x0, y0 = corners[:, :2].min(0) - _MARGIN
    x1, y1 = corners[:, 2:].max(0) + _MARGIN
    box = planes.align((x0, y0, x1, y1), frame)
    whole = np.zeros((box[3] - box[1], box[2] - box[0]), np.float32)
    for (left, top, right, bottom), mask in masks:
        part = whole[top - box[1] : bottom - box[1], left - box[0] : right - box[0]]
        np.maximum(part, mask, out=part)
    return box, whole
