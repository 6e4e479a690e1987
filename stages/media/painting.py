"""What is painted on a face, a texture looked up by a map at half resolution: as R'G'B', or straight into codes.

A texel is one number, its red, green and blue side by side, 12 bits each with room for 9 more above, so that one
product weighs all three: four look-ups and four products are a place between four texels.
"""

# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from stages.media.kernels import add_row, fold
from stages.packets import Floats, Painted

Plane = NDArray[Any]
Planes = tuple[Plane, ...]
Pair = tuple[int, int]
Texels = NDArray[np.uint64]

_MOST: Final = 4095  # of a texel
_LANE: Final = 21  # bits of one of its colours, times weights that sum to 512
_F = np.float32
_U = np.uint64
_WEIGHTS = np.float32(512)
_UNIT = np.float32(1 / (_MOST * 512))
_LOW = np.uint64((1 << _LANE) - 1)
_ONE, _TWO = np.uint64(_LANE), np.uint64(2 * _LANE)


def packed(texture: Floats) -> Texels:
    """(side, side) texels of nominal R'G'B' (side, side, 3), cut to 0..1."""
    out = np.empty(texture.shape[:2], np.uint64)
    _pack(texture, out)
    return out


def unpacked(texture: Texels) -> Floats:
    """The texture (side, side, 3) again."""
    codes = np.stack([texture & _LOW, texture >> _ONE & _LOW, texture >> _TWO], -1)
    return np.asarray(codes / np.float32(_MOST), np.float32)


def pictured(samples: Floats, mask: Floats, texture: Texels, under: Floats) -> tuple[Floats, Floats]:
    """A picture (h, w, 3) painted over, and the mask (h, w); the others as of `Painted`."""
    after, whole = np.empty_like(under), np.empty(under.shape[:2], np.float32)
    _picture(samples, mask, texture, under, after, whole)
    return after, whole


def paint(planes: Planes, origin: Pair, chroma: Pair, painted: Painted, k: Floats) -> None:
    """Paint Y'CbCr planes from the luma sample `origin` on, as much as the mask says.

    A step of no code leaves a code as it is; a chroma sample gets the mean over the luma samples of its block. k: see
    `stages.media.kernels.constants`.
    """
    x0, y0, x1, y1 = painted.box
    place = origin[0], origin[1], x1 - x0, y1 - y0
    _paint(planes, place, chroma, painted.samples, painted.mask, painted.texture, k)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _pack(texture: Floats, out: Texels) -> None:
    for i in range(out.shape[0]):
        line, texels = texture[i], out[i]
        for j in range(len(texels)):
            red, green, blue = _code(line[j, 0]), _code(line[j, 1]), _code(line[j, 2])
            texels[j] = red | green << _ONE | blue << _TWO


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _code(value: float) -> Any:
    held: Any = min(max(value, _F(0)), _F(1))
    return _U(np.int32(held * _F(_MOST) + _F(0.5)))


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _picture(samples: Floats, mask: Floats, texture: Texels, under: Floats, after: Floats, whole: Floats) -> None:
    """after = under + share * (painted - under)."""
    width = whole.shape[1]
    lines, scratch, found = _buffers(width)
    for i in range(len(whole)):
        _row(mask, i, whole[i])
        first, last = _colours(samples, i, (0, width), texture, lines, scratch, found)
        below, made, share = under[i], after[i], lines[5]
        made[:first], made[last:] = below[:first], below[last:]
        for j in range(first, last):
            for c in range(3):
                made[j, c] = below[j, c] + share[j] * (lines[2 + c, j] - below[j, c])


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _paint(
    planes: Planes,
    place: tuple[int, int, int, int],
    chroma: Pair,
    samples: Floats,
    mask: Floats,
    texture: Texels,
    k: Floats,
) -> None:
    y, u, v = planes
    left, top, width, height = place
    rows, columns = 1 << chroma[1], 1 << chroma[0]
    lines, scratch, found = _buffers(width)
    much, luma = np.empty(width, _F), np.empty(width, _F)
    cb, cr, whole = np.empty(width, _F), np.empty(width, _F), np.empty(width, _F)
    for block in range(0, height, rows):
        cb[:], cr[:], whole[:] = 0, 0, 0
        start, stop = width, 0
        for i in range(block, min(block + rows, height)):
            _row(mask, i, much)
            first, last = _colours(samples, i, _shown(much), texture, lines, scratch, found)
            if first >= last:
                continue
            start, stop = min(start, first), max(stop, last)
            codes = y[top + i, left + first : left + last]
            _steps(codes, lines, (first, last), much, (luma, cb, cr, whole), k)
            add_row(codes, luma[first:last], k[7], k[10], k[11])
        if start >= stop:
            continue
        start, stop = start // columns * columns, min(-(-stop // columns) * columns, width)
        at, count = (left + start) >> chroma[0], (stop - start + columns - 1) >> chroma[0]
        there, rest = whole[start:stop], min(rows, height - block)
        fold(there, chroma[0], rest)
        for target, sums, unit, scale in ((u, cb[start:stop], k[4], k[9]), (v, cr[start:stop], k[3], k[8])):
            fold(sums, chroma[0], rest)
            _tint(target[(top + block) >> chroma[1], at : at + count], sums, there, unit, scale, k)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _buffers(width: int) -> Any:
    """A row of each sample; scratch."""
    return np.empty((6, width), _F), np.empty((5, width), np.uint32), np.empty(width, _U)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _steps(codes: Plane, lines: Floats, span: Pair, much: Floats, steps: Any, k: Floats) -> None:
    """What a span of luma changes by, and what it adds to its block's chroma and to how much that is painted."""
    kr, kg, kb, zero, unit, here = k[12], k[13], k[14], k[0], k[1], slice(span[0], span[1])
    red, green, blue, share, mask = lines[2, here], lines[3, here], lines[4, here], lines[5, here], much[here]
    luma, cb, cr, whole = steps[0][here], steps[1][here], steps[2][here], steps[3][here]
    for j in range(len(codes)):
        part = mask[j] * share[j]
        grey = kr * red[j] + kg * green[j] + kb * blue[j]
        luma[j] = part * (grey - (_F(codes[j]) - zero) * unit)
        cb[j] += part * (blue[j] - grey)
        cr[j] += part * (red[j] - grey)
        whole[j] += part


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _tint(codes: Plane, painted: Floats, share: Floats, unit: float, scale: float, k: Floats) -> None:
    """Change a row of chroma, from means over blocks: what is painted, less as much of what is there."""
    for j in range(len(codes)):
        painted[j] -= share[j] * (_F(codes[j]) - k[2]) * unit
    add_row(codes, painted, scale, k[10], k[11])


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _colours(
    samples: Floats,
    i: int,
    within: Pair,
    texture: Texels,
    lines: Floats,
    scratch: NDArray[np.uint32],
    found: Texels,
) -> Pair:
    """A row of pixels of `within` in `lines`: 2 to 4 red, green, blue, 5 how much they count; from where to where."""
    share = lines[5]
    _row(samples[5], i, share)
    first, last = _shown(share[: within[1]])
    first = max(first, within[0])
    if first >= last:
        return 0, 0
    low, high = max(first // 2 - 1, 0), min(last // 2 + 1, samples.shape[2])
    reach = slice(2 * low, min(2 * high, len(share)))
    for n in range(5):
        _row(samples[n][:, low:high], i, lines[n, reach])
    _look_up(lines[0, first:last], lines[1, first:last], texture.shape[1], scratch)
    _read(texture.ravel(), texture.shape[1], scratch, found[first:last])
    _unpack(found[first:last], lines[2, first:last], lines[3, first:last], lines[4, first:last])
    return first, last


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _shown(share: Floats) -> Pair:
    """The first that is not 0, and the one after the last; twice the same if all are."""
    first, last = 0, len(share)
    while first < last and share[first] == _F(0):
        first += 1
    while last > first and share[last - 1] == _F(0):
        last -= 1
    return first, last


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _look_up(column: Floats, row: Floats, side: int, out: NDArray[np.uint32]) -> None:
    """Of places among texels: the index of the one to the upper left, and the weights of it and its neighbours."""
    count = len(column)
    at, upper, right, lower, both = out[0, :count], out[1, :count], out[2, :count], out[3, :count], out[4, :count]
    for j in range(len(column)):
        x, y = column[j], row[j]
        near, above = np.int32(x), np.int32(y)
        p, q = (x - _F(near)) * _WEIGHTS, y - _F(above)
        # Cut, not rounded: so none of the four is less than nothing.
        a, b, c = np.int32(p), np.int32(q * _WEIGHTS), np.int32(p * q)
        at[j] = above * np.int32(side) + near
        upper[j], right[j], lower[j], both[j] = np.int32(_WEIGHTS) - a - b + c, a - c, b - c, c


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _read(texels: Texels, side: int, found: NDArray[np.uint32], out: Texels) -> None:
    """Weighted sums, colour by colour side by side."""
    at, upper, right, lower, both, line = found[0], found[1], found[2], found[3], found[4], np.uint32(side)
    for j in range(len(out)):
        k = at[j]
        above = texels[k] * _U(upper[j]) + texels[k + np.uint32(1)] * _U(right[j])
        k += line
        out[j] = above + texels[k] * _U(lower[j]) + texels[k + np.uint32(1)] * _U(both[j])


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _unpack(found: Texels, red: Floats, green: Floats, blue: Floats) -> None:
    """Colours times the factors that are there."""
    for j in range(len(found)):
        texel = found[j]
        red[j] *= _F(np.int32(texel & _LOW)) * _UNIT
        green[j] *= _F(np.int32((texel >> _ONE) & _LOW)) * _UNIT
        blue[j] *= _F(np.int32(texel >> _TWO)) * _UNIT


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _row(plane: Floats, y: int, out: Floats) -> None:
    """A row of pixels between samples every two, linearly."""
    near, far = _F(0.75), _F(0.25)
    rows, columns = plane.shape
    nearer, farther = plane[y // 2], plane[min(max(y // 2 + (y % 2) * 2 - 1, 0), rows - 1)]
    last = min(columns - 1, (len(out) - 1) // 2)
    out[0] = nearer[0] * near + farther[0] * far
    # Slices count from 0, which is how the compiler knows that no index is negative, and vectorises.
    a, b, c, d, made = nearer[:last], nearer[1 : last + 1], farther[:last], farther[1 : last + 1], out[1 : 2 * last + 1]
    for x in range(last):
        left, right = a[x] * near + c[x] * far, b[x] * near + d[x] * far
        made[2 * x] = left * near + right * far
        made[2 * x + 1] = left * far + right * near
    for x in range(2 * last + 1, len(out)):
        out[x] = nearer[last] * near + farther[last] * far
