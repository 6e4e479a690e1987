"""Smoothing of Action Unit curves: zero-phase over the whole clip, causal for live pictures, or none.

Times are seconds from integer timestamps, so variable frame rates are filtered as what they are. A face's curve is cut
where the face is absent; nothing is bridged. Intensities are smoothed; confidence and pose go through.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages import facs
from stages.contract import ClipStage, MapStage, OrderedStage, Timeline
from stages.errors import ConfigError
from stages.packets import FaceUnits, Floats, Job, Stamp, Units

REACH: Final = 4.0  # standard deviations beyond which a Gaussian's weight is below 0.04 %


@dataclass(frozen=True, kw_only=True)
class Off(MapStage):
    """No smoothing."""

    def process(self, units: Units) -> Units:
        """The very same packet."""
        return units


@dataclass(frozen=True, kw_only=True)
class ZeroPhase(ClipStage):
    """Gaussian filter, symmetric in time: peaks stay where they are.

    cutoff: Hz at which a movement keeps 71 % of its amplitude (-3 dB).
    """

    cutoff: float = 6.0

    def __post_init__(self) -> None:
        if not self.cutoff > 0:
            raise ConfigError(f"smooth.cutoff must be above 0 Hz, it is {self.cutoff}")

    @property
    def deviation(self) -> float:
        """Standard deviation of the kernel in seconds; a Gaussian of s seconds is at -3 dB at sqrt(ln 2) / (2 pi s)."""
        return math.sqrt(math.log(2)) / (2 * math.pi * self.cutoff)

    def process(self, units: Timeline[Units]) -> Iterator[Units | None]:
        """Each face's curve, smoothed. Holds the intensities of the whole clip (256 bytes a face and frame)."""
        curves = _curves(units)
        smoothed = {track: curve.smoothed(self.deviation) for track, curve in curves.items()}
        places = dict.fromkeys(curves, 0)
        for packet in units:
            if packet is None:
                yield None
                continue
            faces = []
            for face in packet.faces:
                values = smoothed[face.track][places[face.track]]
                places[face.track] += 1
                faces.append(FaceUnits(face.track, values, face.confidence, face.pose))
            yield Units(packet.at, tuple(faces))


@dataclass
class _Curve:
    """One face's intensities: seconds, values, and at which items a new run begins."""

    seconds: list[float] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    last: int = -2

    def add(self, index: int, at: Stamp, values: Floats) -> None:
        if index != self.last + 1:
            self.starts.append(len(self.values))
        self.last = index
        self.seconds.append(at.seconds)
        self.values.append(values)

    def smoothed(self, deviation: float) -> Floats:
        """(n, facs.COUNT, 2), every run by itself."""
        values = np.stack(self.values).reshape(len(self.values), -1)
        bounds = np.array([*self.starts, len(values)], np.int64)
        result = np.empty_like(values)
        _gaussian(np.array(self.seconds), values, bounds, deviation, result)
        return result.reshape(-1, facs.COUNT, 2)


def _curves(units: Timeline[Units]) -> dict[int, _Curve]:
    curves: dict[int, _Curve] = {}
    for index, packet in enumerate(units):
        for face in packet.faces if packet is not None else ():
            curves.setdefault(face.track, _Curve()).add(index, packet.at, face.values)  # type: ignore[union-attr]
    return curves


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _gaussian(
    seconds: NDArray[np.float64], values: Floats, bounds: NDArray[np.int64], deviation: float, result: Floats
) -> None:
    """Weighted mean around every sample; a sample counts by the time it stands for, so uneven rates do not bias it."""
    for run in range(len(bounds) - 1):
        first, end = bounds[run], bounds[run + 1]
        for i in range(first, end):
            total = 0.0
            result[i] = 0.0
            low = i
            while low > first and seconds[i] - seconds[low - 1] <= REACH * deviation:
                low -= 1
            j = low
            while j < end and seconds[j] - seconds[i] <= REACH * deviation:
                before = seconds[max(j - 1, first)]
                after = seconds[min(j + 1, end - 1)]
                span = max(after - before, 1e-9) / max(min(j + 1, end - 1) - max(j - 1, first), 1)
                distance = (seconds[j] - seconds[i]) / deviation
                weight = span * math.exp(-0.5 * distance * distance)
                total += weight
                for k in range(values.shape[1]):
                    result[i, k] += weight * values[j, k]
                j += 1
            for k in range(values.shape[1]):
                result[i, k] /= total


@dataclass
class _Filtered:
    """One face's filter memory."""

    seconds: float
    values: NDArray[np.float64]
    speed: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class OneEuro(OrderedStage[dict[int, _Filtered]]):
    """Causal filter that lags little in fast movements (Casiez, Roussel & Vogel, *1 euro filter*, CHI 2012).

    min_cutoff: Hz at rest. beta: Hz added per intensity unit a second. speed_cutoff: Hz, smoothing of the speed.
    max_gap: seconds without the face after which it starts anew.
    """

    min_cutoff: float = 2.0
    beta: float = 0.6
    speed_cutoff: float = 2.0
    max_gap: float = 0.2

    def __post_init__(self) -> None:
        for name in ("min_cutoff", "speed_cutoff", "max_gap"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"smooth.{name} must be above 0, it is {getattr(self, name)}")
        if self.beta < 0:
            raise ConfigError(f"smooth.beta must not be negative, it is {self.beta}")

    def begin(self, job: Job) -> dict[int, _Filtered]:
        """No face seen yet."""
        return {}

    def process(self, state: dict[int, _Filtered], units: Units) -> Units:
        """The units, smoothed by what came before."""
        now = units.at.seconds
        for track in [track for track, last in state.items() if now - last.seconds > self.max_gap]:
            del state[track]
        return Units(units.at, tuple(self._face(state, face, now) for face in units.faces))

    def _face(self, state: dict[int, _Filtered], face: FaceUnits, now: float) -> FaceUnits:
        values = face.values.astype(np.float64)
        last = state.get(face.track)
        if last is None or now <= last.seconds:
            state[face.track] = _Filtered(now, values, np.zeros_like(values))
            return face
        step = now - last.seconds
        speed = last.speed + _share(self.speed_cutoff, step) * ((values - last.values) / step - last.speed)
        smooth = last.values + _share(self.min_cutoff + self.beta * np.abs(speed), step) * (values - last.values)
        state[face.track] = _Filtered(now, smooth, speed)
        return FaceUnits(face.track, smooth.astype(np.float32), face.confidence, face.pose)


def _share(cutoff: float | NDArray[np.float64], step: float) -> float | NDArray[np.float64]:
    """Share of the new value that a first-order low pass of `cutoff` Hz takes after `step` seconds."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * step))
