"""Faces that show nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.evaluate.scores.pair import Pair, Scores, counted
from runner.evaluate.takes import PHOTO
from stages import facs


def neutral(pairs: Sequence[Pair]) -> Scores:
    """Per unit the 95th percentile over people and frames of its stronger side, for clips and for single photos."""
    clips = [pair for pair in pairs if pair.film.take.protocol != PHOTO]
    photos = [pair for pair in pairs if pair.film.take.protocol == PHOTO]
    return {"in_clips": _resting(clips), "in_photos": _resting(photos), **counted(pairs)}


def _resting(pairs: Sequence[Pair]) -> Scores:
    values = np.concatenate([pair.measured.values.max(2) for pair in pairs])
    seen = values[~np.isnan(values).any(1)]
    highest = np.quantile(seen, 0.95, axis=0) if len(seen) else np.full(facs.COUNT, np.nan)
    return {str(unit.number): float(value) for unit, value in zip(facs.UNITS, highest, strict=True)}
