"""Figures of a track that change slowly, freed of their jitter: exponential in time, causal, cut where scenes are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from stages.packets import Floats, Stamp

_APART: Final = 3.0
"""How many times the time constant two frames may lie apart; what is older says nothing."""


@dataclass(frozen=True, slots=True)
class Recent:
    """Where a track's figures stand, and since when."""

    at: Stamp
    values: Floats


def share(recent: Recent | None, at: Stamp, seconds: float) -> float:
    """0..1, how much of what is new counts; 1 when nothing is known of the near past.

    seconds: time constant of the exponential. A frame that comes again, or comes before (a rehearsal), starts anew.
    """
    if recent is None or seconds <= 0:
        return 1.0
    passed = float((at.pts - recent.at.pts) * at.time_base)
    if not 0 < passed <= _APART * seconds:
        return 1.0
    return 1 - math.exp(-passed / seconds)
