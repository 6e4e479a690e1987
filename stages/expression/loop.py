"""The closed loop: what the warp is told, so that what is read back from the picture is what was asked for.

A warp moves pixels by a model of how skin moves, and a measurement reads them by another; neither is this person. On a
few rehearsed frames the change that was achieved is regressed on the change that was asked:

    achieved - measured = R (asked - measured)

and what is told to the warp is `measured + C (asked - measured)`. The diagonal of C divides by what each unit answered
with, its other entries take back what leaked into units that nobody asked to change. What noise could explain is not
corrected (ridge regression toward R = 1, and a significance test), and no correction goes beyond stated bounds: a
measurement that does not believe a picture is no reason to spoil it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.contract import LoopStage, MapStage, Timeline
from stages.errors import ConfigError
from stages.packets import FaceUnits, Floats, Units

Doubles = NDArray[np.float64]

ASKED: Final = 0.05  # intensity; a unit that is never asked to change by more is not asked
SURE: Final = 2.5  # standard errors from which an answer is no noise
LEAST_LEAK: Final = 0.06  # share of the asked change; less leakage is let be
LEAST_ANSWER: Final = 0.25  # of what was asked; who answers with less is not pushed harder
FEWEST: Final = 6  # rehearsed frames; fewer teach nothing
EACH: Final = 3  # and for each unit that is asked for; fewer cannot tell them apart
DOUBT: Final = 0.15  # standard deviation of an answer, before anything was seen
STILL: Final = frozenset({29, 30, 43, 45, 46, 61, 62, 63, 64})
"""Units that are never moved to take back leakage: gaze, lids and the jaw's sideways ways would be noticed."""


@dataclass(frozen=True, kw_only=True)
class Open(MapStage):
    """No loop: the warp is told what is asked."""

    def process(self, asked: Units) -> Units:
        """The very same packet."""
        return asked


@dataclass(frozen=True, kw_only=True)
class Closed(LoopStage):
    """Correct by what rehearsals achieved.

    rounds: rehearsals, 0..4. frames: rehearsed frames. every: only frames whose number it divides are measured again
    (`check.every`). strongest: 1..3, the most that a change is strengthened; weakest: 0.2..1, the least that is
    left of it. leakage: 0..1, the most that a unit nobody asked for is moved, as a share of what was asked.
    """

    rounds: int = 1
    frames: int = 48
    every: int = 1
    strongest: float = 1.8
    weakest: float = 0.6
    leakage: float = 0.4

    def __post_init__(self) -> None:
        limits = {"rounds": (0, 4), "strongest": (1, 3), "weakest": (0.2, 1), "leakage": (0, 1)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"loop.{name} must be {low}..{high}, it is {getattr(self, name)}")
        for name in ("frames", "every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"loop.{name} must be at least 1, it is {getattr(self, name)}")

    def rehearsed(self, units: Timeline[Units], asked: Timeline[Units]) -> Sequence[int]:
        """Frames with something to change, spread over the clip and over how much is asked."""
        change = np.array([_most(now, then) for now, then in zip(units, asked, strict=True)])
        busy = np.flatnonzero((change > ASKED) & (np.arange(len(change)) % self.every == 0))
        if len(busy) < FEWEST:
            return ()
        strongest = busy[np.argsort(-change[busy], kind="stable")[: self.frames // 3]]
        over_time = busy[np.linspace(0, len(busy) - 1, min(len(busy), self.frames - len(strongest))).astype(int)]
        return sorted({int(i) for i in (*over_time, *strongest)})

    def process(
        self,
        units: Timeline[Units],
        asked: Timeline[Units],
        before: Timeline[Units] | None = None,
        achieved: Timeline[Units] | None = None,
    ) -> Iterator[Units | None]:
        """The very same packets where nothing is asked or nothing was learned."""
        if before is None or achieved is None:
            yield from asked
            return
        learned = {track: self._corrected(rows) for track, rows in _rows(units, asked, before, achieved).items()}
        for now, then in zip(units, asked, strict=True):
            yield then if now is None or then is None or now is then else _driven(now, then, learned)

    def _corrected(self, rows: _Rows) -> Doubles | None:
        """(facs.COUNT, facs.COUNT) C of one face; None where too little was seen."""
        wanted, driven, got = rows.stacked()
        active = np.flatnonzero((np.abs(wanted).max(0) > ASKED) & ~_aliases())
        if len(wanted) < max(FEWEST, EACH * len(active)) or not len(active):
            return None
        asked = wanted[:, active]
        told = _ridge(asked, driven, np.eye(facs.COUNT)[:, active], 1e3)[0]
        answered, error = _ridge(asked, got, np.eye(facs.COUNT)[:, active], DOUBT)
        free = _movable()
        free[active] = False
        correction = np.eye(facs.COUNT)
        for column, unit in enumerate(active):
            own = np.clip(told[unit, column] / max(answered[unit, column], LEAST_ANSWER), self.weakest, self.strongest)
            leaked = np.abs(answered[:, column]) > np.maximum(SURE * error[:, column], LEAST_LEAK)
            back = told[:, column] - answered[:, column] * own / told[unit, column]
            correction[:, unit] = np.where(leaked & free, back, told[:, column] * free)
            correction[unit, unit] = own
        return self._bounded(correction, free)

    def _bounded(self, correction: Doubles, free: NDArray[np.bool_]) -> Doubles:
        """With no unit that nobody asked for moved by more than `leakage`, whoever asks."""
        taken = np.abs(correction[free] - np.eye(facs.COUNT)[free]).sum(1, keepdims=True)
        off = np.eye(facs.COUNT)[free]
        correction[free] = off + (correction[free] - off) * np.minimum(1, self.leakage / np.maximum(taken, 1e-9))
        return correction


@dataclass
class _Rows:
    """One face's rehearsed frames: what was asked, driven and got above what was measured, (facs.COUNT,) each."""

    asked: list[Floats]
    driven: list[Floats]
    got: list[Floats]

    def stacked(self) -> tuple[Doubles, Doubles, Doubles]:
        """(n, facs.COUNT) each."""
        asked, driven, got = (np.array(rows, np.float64) for rows in (self.asked, self.driven, self.got))
        return asked, driven, got


def _rows(
    units: Timeline[Units], asked: Timeline[Units], before: Timeline[Units], achieved: Timeline[Units]
) -> dict[int, _Rows]:
    rows: dict[int, _Rows] = {}
    for packets in zip(units, asked, before, achieved, strict=True):
        if any(packet is None for packet in packets):
            continue
        now, then, told, got = ({face.track: face for face in packet.faces} for packet in packets if packet)
        for track in now.keys() & then.keys() & told.keys() & got.keys():
            if then[track].values.max() > facs.MAX_INTENSITY:  # where readings end, nothing is learned
                continue
            one = rows.setdefault(track, _Rows([], [], []))
            for kept, faces in ((one.asked, then), (one.driven, told), (one.got, got)):
                kept.append((faces[track].values - now[track].values).mean(1))
    return rows


def _ridge(x: Doubles, y: Doubles, prior: Doubles, doubt: float) -> tuple[Doubles, Doubles]:
    """Coefficients (y columns, x columns) of y on x near `prior`, and their standard errors.

    doubt: standard deviation of a coefficient about its prior.
    """
    left = x.T @ x
    rest = y - x @ prior.T
    plain = rest - x @ np.linalg.lstsq(x, rest, rcond=None)[0]
    noise = np.square(plain).sum(0) / max(len(x) - x.shape[1], 1) + 1e-6
    found, error = np.empty_like(prior), np.empty_like(prior)
    for row, variance in enumerate(noise):
        covariance = np.linalg.inv(left / variance + np.eye(len(left)) / doubt**2)
        found[row] = prior[row] + covariance @ (x.T @ rest[:, row]) / variance
        error[row] = np.sqrt(np.diag(covariance))
    return found, error


def _driven(now: Units, then: Units, learned: dict[int, Doubles | None]) -> Units:
    measured = {face.track: face for face in now.faces}
    faces = []
    for face in then.faces:
        correction, source = learned.get(face.track), measured.get(face.track)
        if correction is None or source is None or face is source:
            faces.append(face)
            continue
        change = correction @ (face.values - source.values)
        values = np.maximum(source.values + change, -0.5 * source.values).astype(np.float32)
        faces.append(FaceUnits(face.track, values, face.confidence, face.pose))
    return Units(then.at, tuple(faces))


def _most(now: Units | None, then: Units | None) -> float:
    """The largest change that is asked for in a frame."""
    if now is None or then is None or now is then:
        return 0.0
    before = {face.track: face.values for face in now.faces}
    return max((float(np.abs(f.values - before[f.track]).max()) for f in then.faces if f.track in before), default=0.0)


def _aliases() -> NDArray[np.bool_]:
    """(facs.COUNT,) units that are other names of AU43's movement."""
    return np.array([unit.number in facs.ALIASES for unit in facs.UNITS])


def _movable() -> NDArray[np.bool_]:
    """(facs.COUNT,) units that may be moved to take back leakage."""
    return np.array([unit.number not in STILL for unit in facs.UNITS])
