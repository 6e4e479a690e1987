"""Two edits of one region, one painted on top of the other, as one."""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

import numba
import numpy as np

from stages.packets import Edit, Floats


def laid(under: Edit, over: Edit) -> Edit:
    """One difference to the picture that `under` was made of.

    over: inside the box of `under`; its `before` is the `after` of that. The mask is 1 wherever one of them is.

    Raises:
        ValueError: it is not inside.
    """
    x, y = (high - low for high, low in zip(over.box[:2], under.box[:2], strict=True))
    height, width = over.mask.shape
    if min(x, y) < 0 or y + height > len(under.mask) or x + width > under.mask.shape[1]:
        raise ValueError(f"a face was painted over {over.box}, its edit covers {under.box}")
    after, mask = np.empty_like(under.after), np.empty_like(under.mask)
    _lay(under.before, under.after, under.mask, after, mask)
    part = slice(y, y + height), slice(x, x + width)
    _add(over.before, over.after, over.mask, after[part], mask[part])
    return Edit(under.track, under.box, under.before, after, mask, over.places, under.sources)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _lay(before: Floats, moved: Floats, share: Floats, after: Floats, mask: Floats) -> None:
    """after = before + share * (moved - before); the mask is 1 wherever that is a change."""
    for y in range(before.shape[0]):
        for x in range(before.shape[1]):
            m = share[y, x]
            mask[y, x] = m > 0
            for k in range(3):
                after[y, x, k] = before[y, x, k] + m * (moved[y, x, k] - before[y, x, k])


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _add(before: Floats, painted: Floats, share: Floats, after: Floats, mask: Floats) -> None:
    """after += share * (painted - before); the mask becomes 1 wherever that is a change."""
    for y in range(before.shape[0]):
        for x in range(before.shape[1]):
            m = share[y, x]
            if m > 0:
                mask[y, x] = 1
                for k in range(3):
                    after[y, x, k] += m * (painted[y, x, k] - before[y, x, k])


def prepare() -> None:
    """Have the kernels ready before the first frame."""
    picture, mask = np.zeros((2, 2, 3), np.float32), np.zeros((2, 2), np.float32)
    one = Edit(0, (0, 0, 2, 2), picture, picture, mask)
    laid(one, one)
