"""How near the blending membrane comes to an exact solve of the same problem, and how much faster than OpenCV it is.

On real composites: faces of sample clips, each pasted on another person. Processor time of one thread, because on a
shared machine the clock on the wall measures the neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from runner.pasted import pasted, resized, shown
from runner.settings import Settings
from stages.packets import Edit, Floats
from stages.render.membrane import membrane

PAIRS: Final = (
    ("talking_man_strong", "talking_woman_strong"),
    ("talking_woman_strong", "talking_man_strong"),
    ("arc_cry_laugh", "talking_man_mild"),
)
"""Sample clips: whose face, on whose."""
SIZES: Final = (450, 880)
_FRAME: Final = 5


def measure(settings: Settings, repeats: int) -> dict[str, float]:
    """Medians over pairs: `cv2.seamlessClone`'s time over ours, and the error in 8-bit levels, at each of `SIZES`."""
    figures: dict[str, float] = {}
    edits = list(_composites(settings))
    for size in SIZES:
        rows = np.array([_compared(resized(edit, size), repeats) for edit in edits])
        for name, worst, column in (
            ("seamlessClone / ours", np.min, 0),
            ("ours, ms", np.max, 1),
            ("mean error of 255", np.max, 2),
            ("99th percentile of 255", np.max, 3),
        ):
            figures[f"membrane {size} px: {name}"] = float(np.median(rows[:, column]))
            figures[f"membrane {size} px: {name}, worst"] = float(worst(rows[:, column]))
    return figures


def _composites(settings: Settings) -> Iterator[Edit]:
    for giver, taker in PAIRS:
        one, other = (list(shown(settings, name, _FRAME + 1))[-1] for name in (giver, taker))
        yield pasted(one, other)


def _compared(edit: Edit, repeats: int) -> tuple[float, float, float, float]:
    inside = cv2.erode((edit.mask > 0).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    difference = (edit.before - edit.after) * np.float32(255)
    error = np.abs(membrane(difference, inside) - exact(difference, inside))[inside]
    source, target = (np.rint(np.clip(part, 0, 1) * 255).astype(np.uint8) for part in (edit.after, edit.before))
    mask = inside.astype(np.uint8) * 255
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    centre = (int(columns[0] + columns[-1]) // 2, int(rows[0] + rows[-1]) // 2)
    # Turn and turn about, so that both meet the same machine.
    times = [
        (
            _seconds(lambda: cv2.seamlessClone(source, target, mask, centre, cv2.NORMAL_CLONE)),
            _seconds(lambda: membrane(difference, inside)),
        )
        for _ in range(3 * repeats + 1)
    ][1:]
    ratio = float(np.median([theirs / ours for theirs, ours in times]))
    ours = 1e3 * float(np.median([ours for _, ours in times]))
    return ratio, ours, float(error.mean()), float(np.percentile(error, 99))


def _seconds(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def exact(difference: Floats, inside: NDArray[np.bool_]) -> Floats:
    """The five-point Laplace equation by a direct sparse solve; outside the array there is nothing."""
    height, width = inside.shape
    index = np.full(inside.shape, -1)
    ys, xs = np.nonzero(inside)
    index[ys, xs] = np.arange(len(ys))
    known, neighbours = np.zeros((len(ys), difference.shape[2])), np.zeros(len(ys))
    rows, columns = [], []
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        y, x = ys + down, xs + right
        here = np.flatnonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
        neighbours[here] += 1
        other = index[y[here], x[here]]
        given = here[other < 0]
        known[given] += difference[y[given], x[given]]
        rows.append(here[other >= 0])
        columns.append(other[other >= 0])
    places = np.concatenate(rows), np.concatenate(columns)
    links = sparse.coo_array((np.ones(len(places[0])), places), shape=(len(ys), len(ys)))
    filled = difference.copy()
    filled[inside] = splu((sparse.diags_array(neighbours) - links).tocsc()).solve(known)
    return filled
