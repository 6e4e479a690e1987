"""From how surely each texel is covered to what is handed back: whole areas with soft edges.

A thing before a face is no speck and has no holes; it goes on up to an edge, so that the end of a finger that looks
like the skin around is known by the finger. And of an eye or a mouth that is hidden for a good part, the rest cannot
be believed either, because the landmarks under it are guesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.errors import ConfigError
from stages.expression import chart
from stages.expression.cover import odds
from stages.expression.relief import SIDE, STEPS, UNSEEN
from stages.faces import layouts
from stages.packets import Bytes

Mask = NDArray[np.bool_]

_FEATURES: Final = {
    "eye_left": (layouts.LEFT_EYE, 4.0),
    "eye_right": (layouts.RIGHT_EYE, 4.0),
    "mouth": (layouts.LIPS_OUTER, 4.0),
}
"""Rings of what moves as a whole, and by how many texels of the chart they are grown."""
_CLOSED: Final = 5  # texels across of the gaps that are closed: between two fingers there is nothing to be edited
_EDGE: Final = 1 / 16  # step in contrast that counts as a texel
_SOFT: Final = 1.0  # texels: standard deviation of the edge


@dataclass(frozen=True, kw_only=True)
class Areas:
    """begins, spreads: probabilities 0..1 from which a texel starts an area, and from which it joins one beside it.
    faint: probability 0..1, lately, from which a texel joins that an area reaches without crossing an edge. reach:
    texels, 0..24, that it reaches so at most; an edge counts as many texels as its step in contrast has sixteenths.
    least: share of the face below which an area counts as none. drifted: share of an eye or a mouth from which all of
    it counts as covered. margin: texels of the chart (`relief.SIDE` a side) by which areas are grown.
    """

    begins: float = 0.8
    spreads: float = 0.15
    faint: float = 0.01
    reach: float = 10.0
    least: float = 0.004
    drifted: float = 0.4
    margin: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.spreads <= self.begins < 1:
            raise ConfigError(f"areas.spreads must lie in 0..areas.begins: {self.spreads}, {self.begins}")
        if not 0 < self.faint <= self.spreads:
            raise ConfigError(f"areas.faint must lie in 0..areas.spreads: {self.faint}, {self.spreads}")
        if not 0 <= self.reach <= 24:
            raise ConfigError(f"areas.reach must be 0..24 texels, it is {self.reach}")
        if not 0 <= self.least < 1:
            raise ConfigError(f"areas.least must be 0..1, it is {self.least}")
        if not 0 < self.drifted <= 1:
            raise ConfigError(f"areas.drifted must lie above 0, up to 1; it is {self.drifted}")
        if not 0 <= self.margin <= 8:
            raise ConfigError(f"areas.margin must be 0..8 texels, it is {self.margin}")

    def of(self, sure: Bytes, lately: Bytes | None = None, relief: Bytes | None = None) -> Bytes | None:
        """(SIDE, SIDE) 0 free .. 255 covered; None if nothing is covered.

        sure: how surely each texel is (`odds`). lately: the same over more of the time around, and relief: the face
        (`stages.expression.relief`); without it no area reaches beyond what spreads.
        """
        possible, certain = (sure >= odds.code(self.spreads)) & on_face(), sure >= odds.code(self.begins)
        if not (possible & certain).any():
            return None
        whole = self._joined(possible, certain)
        if not whole.any():
            return None
        if relief is not None and self.reach:
            likely = np.maximum(sure, sure if lately is None else lately) >= odds.code(self.faint)
            whole = _filled(_reached(whole, likely & on_face() & (relief != UNSEEN), relief, self.reach))
        for feature in _features():
            if whole[feature].mean() >= self.drifted:
                whole |= feature
        return self._soft(whole)

    def _joined(self, possible: Mask, certain: Mask) -> Mask:
        """Areas of `possible` that hold something of `certain` and are large enough, without gaps and holes."""
        closed = cv2.morphologyEx(possible.astype(np.uint8), cv2.MORPH_CLOSE, _ball(_CLOSED))
        _, labels, facts, _ = cv2.connectedComponentsWithStats(closed, connectivity=4)
        large = facts[:, cv2.CC_STAT_AREA] >= max(self.least * on_face().sum(), 1)
        chosen = np.unique(labels[certain & possible])
        kept = np.isin(labels, chosen[(chosen > 0) & large[chosen]])
        return _filled(kept)

    def _soft(self, whole: Mask) -> Bytes:
        grown = whole.astype(np.uint8) * 255
        if self.margin:
            grown = cv2.dilate(grown, _ball(2 * round(self.margin) + 1))
        soft: Bytes = np.asarray(cv2.GaussianBlur(grown, (0, 0), _SOFT), np.uint8)
        return soft


def _reached(whole: Mask, likely: Mask, relief: Bytes, reach: float) -> Mask:
    """`whole`, and what of `likely` lies within `reach` of it by steps to neighbours."""
    shown = relief.astype(np.float32) / np.float32(_EDGE * STEPS)
    path = np.where(whole, 0, np.inf).astype(np.float32)
    down, right = (1 + np.abs(np.diff(shown, axis=axis)) for axis in (0, 1))
    for _ in range(int(reach)):
        near = path.copy()
        near[1:] = np.minimum(near[1:], path[:-1] + down)
        near[:-1] = np.minimum(near[:-1], path[1:] + down)
        near[:, 1:] = np.minimum(near[:, 1:], path[:, :-1] + right)
        near[:, :-1] = np.minimum(near[:, :-1], path[:, 1:] + right)
        path = np.where(likely | whole, near, np.float32(np.inf))
    return np.asarray(path <= reach)


@cache
def on_face() -> Mask:
    """(SIDE, SIDE) texels that lie on the face."""
    share = cv2.resize((chart.chart_map().owner >= 0).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(share > 0.5)


@cache
def well_inside() -> Mask:
    """(SIDE, SIDE) texels so far inside the outline that hair seldom shows."""
    inner = cv2.resize(chart.well_inside().astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(inner > 0.5)


@cache
def _features() -> tuple[Mask, ...]:
    shares = (chart.inside(ring, grow).astype(np.float32) for ring, grow in _FEATURES.values())
    return tuple(cv2.resize(share, (SIDE, SIDE), interpolation=cv2.INTER_AREA) > 0.5 for share in shares)


def _filled(mask: Mask) -> Mask:
    """Without holes that lie wholly within."""
    around = np.pad((~mask).astype(np.uint8), 1, constant_values=1)
    cv2.floodFill(around, None, (0, 0), 2)
    return np.asarray(around[1:-1, 1:-1] != 2)


def _ball(size: int) -> Bytes:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)
