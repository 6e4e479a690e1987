"""The cover network at work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from stages.backend import Model
from stages.expression.cover import look, odds
from stages.expression.cover.areas import on_face
from stages.expression.relief import UNSEEN
from stages.packets import Bytes

_NEXT: Final = 5  # texels across
_RIM: Final = 9  # texels across
_DOUBT: Final = np.uint8(odds.code(0.43))  # enough to join an area, not to begin one


@dataclass(frozen=True, kw_only=True)
class Finder:
    """model: seen [n,PLANES,COARSE,COARSE] -> covered [n,FOLD*FOLD,COARSE,COARSE], probabilities
    (`stages.expression.cover.network`)."""

    model: Model

    def prepare(self) -> None:
        """Open the model and lay out the chart."""
        self.model.open()
        relief, colours = np.zeros((look.FINE, look.FINE), np.uint8), np.zeros((look.COARSE, look.COARSE, 3), np.uint8)
        blank = look.Picture(relief, colours)
        look.seen(blank, look.Usual.of([blank]))

    def find(self, pictures: Sequence[look.Picture], usual: Sequence[look.Usual]) -> Bytes:
        """(n, FINE, FINE) how surely each texel is covered (`odds`); each beside a usual look."""
        planes = [look.seen(*one) for one in zip(pictures, usual, strict=True)]
        (covered,) = self.model.run({"seen": np.stack(planes)})
        sure = odds.coded(look.unfolded(covered))
        return np.stack([_beside(*one) for one in zip(sure, pictures, strict=True)])


def _beside(sure: Bytes, picture: look.Picture) -> Bytes:
    """What is turned away is as sure as what is seen next to it: nobody can say more of it. Where a turned face ends in
    the picture its mesh shows what is behind, so what lies there alone is doubted."""
    unseen = picture.relief == UNSEEN
    away = (unseen & on_face()).astype(np.uint8)
    doubted = cv2.dilate(away, np.ones((_RIM, _RIM), np.uint8)) > 0
    known = np.where(unseen, 0, np.where(doubted, np.minimum(sure, _DOUBT), sure)).astype(np.uint8)
    return np.where(unseen, cv2.dilate(known, np.ones((_NEXT, _NEXT), np.uint8)), known).astype(np.uint8)
