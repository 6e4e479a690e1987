"""Timelines of Action Units made of curves, for tests of stages that shape a clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.packets import FaceUnits, Stamp, Units
from tests.stages.expression.held import Held

RATE = 25


def units(curves: Sequence[Mapping[str, NDArray[np.float64]]], confidence: NDArray[np.float64] | float = 1.0) -> Held:
    """One mapping of unit -> (n,) or (n, 2) curve a person; AU45 follows AU43. confidence: of all, or (n,)."""
    count = len(next(iter(curves[0].values())))
    trust = np.broadcast_to(np.float32(confidence), (count,))
    packets = []
    for i in range(count):
        faces = []
        for track, person in enumerate(curves):
            values = np.zeros((facs.COUNT, 2), np.float32)
            for name, curve in person.items():
                values[facs.INDEX[name]] = curve[i]
            values[facs.INDEX["AU45"]] = values[facs.INDEX["AU43"]]
            faces.append(FaceUnits(track, values, np.full(facs.COUNT, trust[i], np.float32), np.zeros(3, np.float32)))
        packets.append(Units(Stamp("clip", i, i, Fraction(1, RATE)), tuple(faces)))
    return Held(packets)


def curve(packets: Sequence[Units | None], name: str, track: int = 0) -> NDArray[np.float64]:
    """(n, 2) of one person, left and right."""
    return np.array(
        [p.faces[track].values[facs.INDEX[name]] for p in packets if p is not None],
        np.float64,
    )


def seconds(length: float) -> NDArray[np.float64]:
    """Times of the frames of a clip."""
    return np.arange(round(length * RATE)) / RATE


def pulse(when: NDArray[np.float64], apex: float, length: float, height: float) -> NDArray[np.float64]:
    """A raised cosine."""
    phase = np.clip((when - apex) / length, -0.5, 0.5)
    return height * (0.5 + 0.5 * np.cos(2 * np.pi * phase))


def blink(when: NDArray[np.float64], apex: float, height: float = 4.0) -> NDArray[np.float64]:
    """Down in .1 s, up in .2 s."""
    return height * np.interp(when - apex, [-0.1, 0, 0.2], [0, 1, 0])
