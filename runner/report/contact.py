"""`contact.jpg`: before, after and amplified difference of the kept stills on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.delivery.stills import Still
from stages.errors import DeliveryError

Picture = NDArray[np.uint8]

FACTORS: Final = (1, 2, 4, 8, 16, 32)
_CELL: Final = 360  # pixels a side
GAP: Final = 10
LINE: Final = 26
_PAPER: Final = (24, 24, 24)  # neutral, so that it tints no judgement of colour
_INK: Final = (208, 208, 208)


def difference(before: Picture, after: Picture, factor: int) -> Picture:
    """|after - before| times `factor`, clipped to 0..255; (h, w, 3) uint8 R'G'B' in and out."""
    apart = cv2.absdiff(before, after).astype(np.uint16) * factor
    return np.asarray(np.minimum(apart, 255), np.uint8)


def amplification(pairs: Sequence[tuple[Picture, Picture]]) -> int:
    """The largest of `FACTORS` that does not clip the 99.9th percentile of all differences."""
    apart = [np.percentile(cv2.absdiff(before, after), 99.9) for before, after in pairs]
    largest = max(apart, default=0.0)
    return max((factor for factor in FACTORS if factor * largest <= 255), default=1)


def write_contact(path: Path, stills: Sequence[Still]) -> int:
    """Draw the sheet and return the amplification it used.

    Raises:
        DeliveryError: a still cannot be read or the sheet not written.
    """
    pairs = [(read(still.before), read(still.after)) for still in stills]
    factor = amplification(pairs)
    write_sheet(
        path,
        np.vstack([_heading(factor), *(_row(still, *pair, factor) for still, pair in zip(stills, pairs, strict=True))]),
    )
    return factor


def write_sheet(path: Path, sheet: Picture) -> None:
    """Code it as JPEG.

    Raises:
        DeliveryError: that cannot be done.
    """
    done, coded = cv2.imencode(".jpg", sheet[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise DeliveryError(f"{path.name}: the contact sheet could not be coded")
    path.write_bytes(coded.tobytes())


def read(path: Path) -> Picture:
    """An 8-bit R'G'B' picture.

    Raises:
        DeliveryError: no picture there.
    """
    picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) if path.is_file() else None
    if picture is None:
        raise DeliveryError(f"{path}: the still cannot be read; run the clip again to make it anew")
    return np.ascontiguousarray(picture[:, :, ::-1])


def _row(still: Still, before: Picture, after: Picture, factor: int) -> Picture:
    cells = [fit(one) for one in (before, after, difference(before, after, factor))]
    gap = paper(_CELL, GAP)
    pictures = np.hstack([gap, cells[0], gap, cells[1], gap, cells[2], gap])
    return np.vstack([pictures, _text(still.caption, pictures.shape[1])])


def _heading(factor: int) -> Picture:
    line = _text("", 3 * _CELL + 4 * GAP)
    for i, title in enumerate(("before", "after", f"difference x{factor}")):
        lettered(line, title, GAP + i * (_CELL + GAP))
    return line


def fit(picture: Picture, cell: int = _CELL) -> Picture:
    """Scale into a square of `cell` pixels, keeping the shape."""
    height, width = picture.shape[:2]
    scale = cell / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    square = paper(cell, cell)
    y, x = (cell - size[1]) // 2, (cell - size[0]) // 2
    square[y : y + size[1], x : x + size[0]] = small
    return square


def _text(text: str, width: int) -> Picture:
    line = paper(LINE, width)
    lettered(line, text, GAP)
    return line


def lettered(line: Picture, text: str, x: int) -> None:
    """Write on a line of `LINE` pixels, from `x` on."""
    plain = text.replace("→", ">").replace("·", "-").encode("ascii", "replace").decode()
    cv2.putText(line, plain, (x, LINE - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)


def paper(height: int, width: int) -> Picture:
    """The sheet's ground."""
    return np.full((height, width, 3), _PAPER, np.uint8)
