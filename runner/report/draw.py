"""Curves as SVG path data, and the ticks of their axes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def tick_step(end: float, most: float = 4.5) -> float:
    """Seconds between ticks: at most `most` steps to `end`, on numbers that people count in."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
    return next((step for step in steps if end / step <= most), 3600 * math.ceil(end / 3600 / most))


def ticks(end: float, most: float = 4.5) -> Iterator[tuple[float, str]]:
    """Seconds and label of each tick from 0 to `end`."""
    step = tick_step(end, most)
    for i in range(int(end / step + 1e-9) + 1):
        yield i * step, clock(i * step, end)


def clock(seconds: float, end: float) -> str:
    """A time on an axis that ends at `end`: `1.5 s`, or `2:05` beyond two minutes."""
    return f"{seconds:g} s" if end < 120 else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def path(x: NDArray[np.float64], y: NDArray[Any]) -> str:
    """A line with a gap wherever there is no value; a value alone is a dot under a round cap."""
    return "".join(_line(x[a:b], y[a:b]) for a, b in runs(np.isfinite(x + y)))


def _line(x: NDArray[np.float64], y: NDArray[Any]) -> str:
    points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    return f"M{points}" if len(x) > 1 else f"M{points}h0"


def band(x: NDArray[np.float64], low: NDArray[Any], high: NDArray[Any]) -> str:
    """The area between two lines, in pieces where there is no value."""
    return "".join(_outline(x[a:b], low[a:b], high[a:b]) for a, b in runs(np.isfinite(x + low)))


def _outline(x: NDArray[np.float64], low: NDArray[Any], high: NDArray[Any]) -> str:
    points = [*zip(x, high, strict=True), *zip(x[::-1], low[::-1], strict=True)]
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in points) + "Z"


def runs(there: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Start and end of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(np.int8), [0]]))).tolist()
    return zip(edges[::2], edges[1::2], strict=True)
