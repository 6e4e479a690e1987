"""Stills as `KeepStills` leaves them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.delivery.stills import Moved, Still


@pytest.fixture
def stills(tmp_path: Path) -> list[Still]:
    """Two stills of 60 x 80: a grey ramp, and the same with a block that is 20 codes brighter in red."""
    before = np.repeat(np.linspace(40, 200, 60, dtype=np.uint8)[None, :, None], 80, axis=0).repeat(3, axis=2)
    after = before.copy()
    after[20:40, 10:30, 0] += 20
    return [_still(tmp_path / "stills", frame, before, after) for frame in (12, 48)]


def _still(folder: Path, frame: int, before: np.ndarray, after: np.ndarray) -> Still:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{frame:06d}-{name}.png" for name in ("before", "after", "frame")]
    for path, picture in zip(paths, (before, after, after), strict=True):
        assert cv2.imwrite(str(path), picture[:, :, ::-1])
    return Still(frame, frame / 30, 0, (0, 0, 60, 80), (Moved("AU12", 1.0, 1.5),), *paths)
