"""Response curves: what intensity a unit shall have, from the one it has.

    dead     d = max(0, x - z) * 5 / (5 - z)                  z = dead_zone; below it counts as rest, 5 stays 5
    bend     b = 5 * ((d + e)^g - e^g) / ((5 + e)^g - e^g)    g = gamma; 0 and 5 stay, e keeps the slope at 0 finite
    line     l = gain * b + offset
    clip     y = k + (c - k) * tanh((l - k) / (c - k))        c = ceiling, where l is above k = 0.8 c

and never below 0. Every step rises with x, so an order of intensities is kept; with default settings every step is the
identity, and is left out, so that values pass bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from stages import facs
from stages.packets import Floats

TOE: Final = 0.25
"""Intensity; `e` above. A bare power would amplify the tracker's noise at rest without limit."""
BENDS: Final = 0.8
"""Share of a ceiling from which values bend toward it."""


@dataclass(frozen=True, slots=True)
class Response:
    """A curve for every unit and side: fields are (facs.COUNT, 1) or (facs.COUNT, 2), values (..., facs.COUNT, 2).

    gain: slope. offset: intensity added, rest included. gamma: below 1 lifts faint expressions, above 1 holds them
    back. ceiling: intensity never exceeded; infinite for none. dead_zone: 0..5, intensities below count as rest.
    """

    gain: Floats
    offset: Floats
    gamma: Floats
    ceiling: Floats
    dead_zone: Floats

    def __call__(self, values: Floats) -> Floats:
        """What comes out for `values`, 0 or more; exactly the same numbers where the curve is the identity."""
        zone, top = self.dead_zone, np.float32(facs.MAX_INTENSITY)
        awake = np.where(zone > 0, np.maximum(values - zone, 0) * top / (top - zone), values)
        positive = np.maximum(awake, 0)
        foot = np.float32(TOE) ** self.gamma
        curved = top * ((positive + np.float32(TOE)) ** self.gamma - foot) / ((top + TOE) ** self.gamma - foot)
        bent = np.where((self.gamma != 1) & (awake > 0), curved, awake)
        line = self.gain * bent + self.offset
        changed: Floats = np.where(self.identity, values, np.maximum(soft(line, self.ceiling), 0)).astype(np.float32)
        return changed

    @property
    def identity(self) -> Any:
        """Where nothing is asked for; a bool, or an array of them."""
        plain = (self.gain == 1) & (self.offset == 0) & (self.gamma == 1)
        return plain & (self.dead_zone == 0) & np.isinf(self.ceiling)


def soft(values: Floats, ceiling: Floats) -> Floats:
    """`values`, bending from `BENDS` of `ceiling` on so that they never exceed it; an infinite one leaves them."""
    limit = np.where(np.isinf(ceiling), np.float32(1), ceiling)
    knee = np.float32(BENDS) * limit
    bent = knee + (limit - knee) * np.tanh((values - knee) / (limit - knee))
    softened: Floats = np.where(np.isinf(ceiling) | (values <= knee), values, bent)
    return softened
