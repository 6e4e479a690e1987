"""A performer's skin at rest, from the pages of the clip's album.

What the skin shows in a frame beyond this is expression: it is carried onto the identity's skin, and where it has
shifted under the mesh the identity's skin is shifted with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from stages.contract import ClipStage, Timeline
from stages.errors import ConfigError
from stages.expression import basis, chart, clarity, occlusion, pose
from stages.expression.textures.stage import POWER
from stages.expression.trust import free
from stages.packets import Cover, Covers, FaceUnits, Floats, Page, Pages, Plain, Plains, Texture, Textures, Units
from stages.render.shade import summed
from stages.render.wear import relief, unseen

Told = tuple[Page, FaceUnits, Cover | None]
_CALM: Final = 1.5  # root sum of squared intensities at which a page counts .6
_FRONTAL: Final = 15.0  # degrees of yaw and pitch at which it does
_TURNED_AWAY: Final = (0.15, 0.4)  # of its area that a triangle shows: counts for nothing, for all
_FAINT: Final = 1e-4  # the busiest page counts so much, so that someone who never rests has a plain face too
_FAR: Final = 0.5  # the most by which it may be taken to differ
_UNSURE: Final = (0.12, 0.25)  # by how much pages differ where rest is known, and where it is not
_ENOUGH: Final = 4.0  # pages that show a texel until its rest is known
_ODD: Final = 0.15  # natural logarithm of luma by which a texel of a page may differ and count half


@dataclass(frozen=True, kw_only=True)
class FitPlain(ClipStage):
    """Every person's skin at rest. fewest: pages of a person below which nothing is known."""

    fewest: int = 6

    def __post_init__(self) -> None:
        if self.fewest < 2:
            raise ConfigError(f"plain.fewest must be at least 2 pages, it is {self.fewest}")

    def prepare(self) -> None:
        """Open the network that sees what covers a face."""
        occlusion.network()

    def process(
        self,
        units: Timeline[Units],
        pages: Timeline[Pages] | None = None,
        textures: Timeline[Textures] | None = None,
        covers: Timeline[Covers] | None = None,
    ) -> Iterator[Plains | None]:
        """The same packet on every frame; none in a clip without faces. textures: how skin changes with units, which
        is taken away from pages that are not at rest. covers: what of a page's face is not to be seen."""
        albums: dict[int, list[Told]] = {}
        first, known = None, None
        for index, measured in enumerate(units):
            if measured is None:
                continue
            first = first or measured.at
            kept = pages[index] if pages is not None else None
            known = known or (textures[index] if textures is not None else None)
            for face in measured.faces:
                shown = [page for page in kept.pages if page.track == face.track] if kept is not None else []
                hiding = covers[index] if covers is not None and shown else None
                cover = hiding.of(face.track) if hiding is not None else None
                albums.setdefault(face.track, []).extend((page, face, cover) for page in shown)
        found = [
            _plain(track, album, known.of(track) if known is not None else None)
            for track, album in sorted(albums.items())
            if len(album) >= self.fewest
        ]
        packet = Plains(first, tuple(found)) if first else None
        yield from (packet for _ in range(len(units)))


def _plain(track: int, album: Sequence[Told], texture: Texture | None) -> Plain:
    charts = [_chart(page, face) for page, face, _ in album]
    details = np.stack([relief.detail(one.luma) for one in charts])
    if texture is not None:
        details -= np.stack([_folds(texture, face) for _, face, _ in album])
    calm = np.array([_calm(one, page, face) for one, (page, face, _) in zip(charts, album, strict=True)], np.float32)
    seen = np.stack([_facing(one) * _free(cover) for one, (_, _, cover) in zip(charts, album, strict=True)])
    middle = np.median(details[calm >= np.median(calm)], axis=0)  # a hand over a few pages is not in it
    weight = seen * calm[:, None, None]
    for _ in range(2):
        to = relief.anchor(middle.astype(np.float32))
        laid = np.stack([relief.laid(one, relief.flow(one, to)) for one in details])
        counted = weight / (1 + np.square((laid - middle) / _ODD))
        middle = (counted * laid).sum(0) / np.maximum(counted.sum(0), 1e-6)
    off = np.sqrt(
        (weight * np.square(np.minimum(np.abs(laid - middle), _FAR))).sum(0) / np.maximum(weight.sum(0), 1e-6)
    )
    sure = np.minimum(seen.sum(0) / _ENOUGH, 1) * np.clip((_UNSURE[1] - off) / (_UNSURE[1] - _UNSURE[0]), 0, 1)
    return Plain(track, middle.astype(np.float16), cv2.GaussianBlur(sure, (0, 0), 2.0).astype(np.float16))


def _free(cover: Cover | None) -> Floats:
    """(SIZE, SIZE) 0..1 what of a face is not covered; what lies close to a cover is not believed either."""
    if cover is None:
        return np.ones((chart.SIZE, chart.SIZE), np.float32)
    hidden = cv2.resize(cover.hidden.astype(np.float32) / 255, (chart.SIZE, chart.SIZE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(1 - cv2.dilate(hidden, np.ones((9, 9), np.uint8)), np.float32)


def _folds(texture: Texture, face: FaceUnits) -> Floats:
    """(SIZE, SIZE) natural logarithm of luma that the units at work add."""
    change = summed(texture, face.values)
    return change / np.float32(POWER) if change is not None else np.zeros((chart.SIZE,) * 2, np.float32)


def _chart(page: Page, face: FaceUnits) -> chart.Chart:
    head = pose.fit(page.landmarks, basis.load().mean)
    landmarks = page.landmarks.copy()
    landmarks[:468, :2] += unseen.shift(face, head)
    return chart.unwrap_crop(page.pixels.astype(np.float32) * 255, page.box, landmarks)


def _calm(face: chart.Chart, page: Page, units: FaceUnits) -> float:
    """How much a page says about the face at rest."""
    busy = float(np.square(np.maximum(units.values, 0)).sum()) / 2
    turned = float(np.square(page.pose[:2] / _FRONTAL).sum())
    shown = clarity.sharpness(face) * clarity.light(face) * free(occlusion.covered(face)) ** 4
    return (_FAINT + float(np.exp(-busy / (2 * _CALM**2) - turned / 2))) * (shown + _FAINT)


def _facing(face: chart.Chart) -> Floats:
    least, full = _TURNED_AWAY
    shown = np.clip((face.front[chart.chart_map().owner] - least) / (full - least), 0, 1)
    return np.asarray(shown, np.float32)
