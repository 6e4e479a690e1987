"""The stage that learns a clip's textures from its album.

    log luma = mean + sum over units (intensity x change) + what yaw, pitch and speech do        # texel by texel

A change is what the calibration rig shows of the unit, as far as the clip does not know better: where the performer
hardly ever uses a unit, hardly anything is painted with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.contract import ClipStage, Timeline
from stages.errors import ConfigError
from stages.expression import chart, coder
from stages.expression.model import COLUMNS
from stages.expression.textures import regions, ridge
from stages.expression.textures.unwrapped import Reliefs, reliefs
from stages.packets import FaceUnits, Floats, Page, Pages, Texture, Textures, Units

PAINTED: Final = tuple(regions.PLACES)
"""Units that have a texture."""
POWER: Final = 2.4
"""Exponent from code values to light (ITU-R BT.1886): a ratio of luma to this power is one of luminance. What is
learned from a clip's codes is put back into the same codes, so with HDR curves it cancels out just as well."""
GRAIN: Final = 0.6
"""Texels: standard deviation of what a change is smoothed by; on held-out pages that predicts no worse, and no speck
of one page is painted."""
_BESIDE: Final = 0.05  # log luma by an intensity of 1 of a unit that is not painted, and by 10 degrees of yaw or pitch

Told = tuple[Page, FaceUnits]


@dataclass(frozen=True, kw_only=True)
class FitTextures(ClipStage):
    """Every person's texture: how luminance changes with each unit, texel by texel.

    prior: 0..1.5, share of the calibration rig's relief that is expected before the clip has shown anything. spread:
    natural logarithms of luma by which real skin differs from that with an intensity of 1. fewest: pages of a person
    below which nothing is learned and the prior stands.
    """

    prior: float = 0.5
    spread: float = 0.02
    fewest: int = 8

    def __post_init__(self) -> None:
        if not 0 <= self.prior <= 1.5:
            raise ConfigError(f"textures.prior must be 0..1.5, it is {self.prior}")
        if not 0 < self.spread <= 0.5:
            raise ConfigError(f"textures.spread must lie above 0, up to 0.5; it is {self.spread}")
        if self.fewest < 2:
            raise ConfigError(f"textures.fewest must be at least 2 pages, it is {self.fewest}")

    def prepare(self) -> None:
        """Read the tables and lay out the regions."""
        usual()

    def process(self, units: Timeline[Units], pages: Timeline[Pages] | None = None) -> Iterator[Textures | None]:
        """The same packet on every frame; none at all in a clip without faces. Without an album the prior stands."""
        albums: dict[int, list[Told]] = {}
        first = None
        for index, measured in enumerate(units):
            if measured is None:
                continue
            first = first or measured.at
            kept = pages[index] if pages is not None else None
            for face in measured.faces:
                shown = [page for page in kept.pages if page.track == face.track] if kept is not None else []
                albums.setdefault(face.track, []).extend((page, face) for page in shown)
        found = Textures(first, tuple(self.learned(*one) for one in sorted(albums.items()))) if first else None
        yield from (found for _ in range(len(units)))

    def learned(self, track: int, album: Sequence[Told]) -> Texture:
        """One person's, from pages and what was measured in their frames."""
        expected = self.prior * usual()
        if len(album) < self.fewest:
            return _texture(track, expected)
        shown = reliefs([page for page, _ in album])
        here, allowed = _texels()
        fitted = ridge.fit(*_design(album), *_targets(shown, here), self._prior(expected, here, allowed))
        change = np.zeros((len(PAINTED), chart.SIZE * chart.SIZE), np.float32)
        change[:, here] = fitted[:, : len(PAINTED)].T
        smooth = [cv2.GaussianBlur(one, (0, 0), GRAIN) for one in change.reshape(-1, chart.SIZE, chart.SIZE)]
        return _texture(track, np.stack([one * regions.support(n) for one, n in zip(smooth, PAINTED, strict=True)]))

    def _prior(self, expected: Floats, here: NDArray[np.intp], allowed: Floats) -> ridge.Prior:
        others = np.zeros((len(here), len(regions.BESIDE) + 2), np.float32)
        mean = np.concatenate([expected.reshape(len(PAINTED), -1).T[here], others], 1)
        return ridge.Prior(mean, np.concatenate([self.spread * allowed, others + np.float32(_BESIDE)], 1))


@cache
def usual() -> Floats:
    """(len(PAINTED), SIZE, SIZE) log luma that an intensity of 1 adds on the calibration rig, where it may."""
    table = coder.tables().relief
    made = np.zeros((len(PAINTED), chart.SIZE, chart.SIZE), np.float32)
    for row, number in enumerate(PAINTED):
        sides = [table[column] for column, (other, _) in enumerate(COLUMNS) if other == number]
        whole = cv2.resize(np.sum(sides, axis=0), (chart.SIZE, chart.SIZE), interpolation=cv2.INTER_CUBIC)
        made[row] = whole * regions.support(number)
    made.setflags(write=False)
    return made


@cache
def _texels() -> tuple[NDArray[np.intp], Floats]:
    """(t,) places of the texels that any unit may change, and (t, len(PAINTED)) how much each may, never quite 0."""
    allowed = np.stack([regions.support(number).ravel() for number in PAINTED], 1)
    here = np.flatnonzero(allowed.max(1) > 0.01)
    return here, np.maximum(allowed[here], np.float32(1e-3))


def _design(album: Sequence[Told]) -> tuple[Floats, Floats]:
    """(n, units, then yaw and pitch in tens of degrees) of either side of the face."""
    rows = [facs.INDEX[f"AU{number:02d}"] for number in (*PAINTED, *regions.BESIDE)]
    left, right = (
        np.stack([np.r_[face.values[rows, side], face.pose[:2] / 10] for _, face in album]).astype(np.float32)
        for side in (0, 1)
    )
    return left, right


def _targets(shown: Reliefs, here: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """What `ridge.fit` takes: which side texels lie on, what they show, and how far that can be believed."""
    count = len(shown.detail)
    detail, seen = (stack.reshape(count, -1)[:, here] for stack in (shown.detail, shown.seen))
    return regions.left().ravel()[here], detail, seen


def _texture(track: int, change: Floats) -> Texture:
    """From (len(PAINTED), SIZE, SIZE) log luma: rows for either side, in log luminance."""
    left = regions.left()
    rows = [
        (facs.INDEX[f"AU{number:02d}"], one * np.float32(POWER)) for number, one in zip(PAINTED, change, strict=True)
    ]
    parts = [
        (index, side, one * share)
        for index, one in rows
        for side, share in (((0, left), (1, 1 - left)) if facs.UNITS[index].sided else ((2, np.float32(1)),))
    ]
    units, sides, changes = zip(*parts, strict=True)
    return Texture(track, np.array(units), np.array(sides), np.stack(changes).astype(np.float16))
