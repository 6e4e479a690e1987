"""The 478-point face mesh: its triangles, its canonical shape, and names for groups of its points.

Points 0..467 are the face mesh of Kartynnik et al., *Real-time facial surface geometry from monocular video on mobile
GPUs*, 2019; 468..472 and 473..477 are the iris centres and rims of Grishchenko et al., *Attention mesh*, 2020. Left
and right are the performer's own. Rings are in order around the feature; `canonical.npz` is written by
`stages.models.geometry`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

COUNT: Final = 478
MESH_COUNT: Final = 468

Indices = NDArray[np.int32]


def _group(*indices: int) -> Indices:
    array = np.array(indices, np.int32)
    array.setflags(write=False)
    return array


def _table(name: str) -> NDArray[np.generic]:
    with np.load(Path(__file__).with_name("canonical.npz")) as tables:
        array: NDArray[np.generic] = tables[name]
    array.setflags(write=False)
    return array


CANONICAL: Final[NDArray[np.float32]] = _table("vertices").astype(np.float32, copy=False)
"""(468, 3) centimetres; x toward the performer's left, y up, z toward the camera."""

UV: Final[NDArray[np.float32]] = _table("uv").astype(np.float32, copy=False)
"""(468, 2) texture coordinates 0..1, v up."""

TRIANGLES: Final[Indices] = _table("triangles").astype(np.int32, copy=False)
"""(898, 3) vertex indices; the eyes and the mouth are filled, the only boundary is `OVAL`."""

PROCRUSTES: Final[NDArray[np.float32]] = _table("basis").astype(np.float32, copy=False)
"""(468,) weights by which MediaPipe aligns the canonical face to a face; zero for points that it ignores."""

# fmt: off
OVAL: Final = _group(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
                     152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
"""The outline, from the middle of the forehead toward the performer's left, down and around."""

LEFT_EYE: Final = _group(362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382)
"""Lid rim from the inner corner over the upper lid to the outer corner (index 8) and back under."""
RIGHT_EYE: Final = _group(133, 173, 157, 158, 159, 160, 161, 246, 33, 7, 163, 144, 145, 153, 154, 155)
"""As `LEFT_EYE`, mirrored."""

LIPS_OUTER: Final = _group(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
"""Vermilion border from the right corner over the upper lip to the left corner (index 10) and back."""
LIPS_INNER: Final = _group(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
"""The opening of the mouth, in the order of `LIPS_OUTER`."""

LEFT_BROW: Final = _group(336, 296, 334, 293, 300, 276, 283, 282, 295, 285)
"""Upper edge from the inner end outward, then the lower edge back."""
RIGHT_BROW: Final = _group(107, 66, 105, 63, 70, 46, 53, 52, 65, 55)
"""As `LEFT_BROW`, mirrored."""
BROWS: Final = _group(*LEFT_BROW.tolist(), *RIGHT_BROW.tolist())

NOSE: Final = _group(168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 97, 326, 327, 48, 115, 220, 45, 275, 440, 344, 278,
                     64, 294, 129, 358, 102, 331, 49, 279, 131, 360, 134, 363, 51, 281, 3, 248, 196, 419, 122, 351)
"""Bridge, tip, wings and nostrils."""

RIGHT_IRIS: Final = _group(468, 469, 470, 471, 472)
LEFT_IRIS: Final = _group(473, 474, 475, 476, 477)
IRISES: Final = _group(*RIGHT_IRIS.tolist(), *LEFT_IRIS.tolist())
"""Centre, then the rim at the picture's right, top, left and bottom; right eye first, as the model gives them."""

RIGID: Final = _group(33, 133, 362, 263, 168, 6, 197, 195, 122, 351, 8, 9, 151, 10, 109, 338, 67, 297, 54, 284,
                      21, 251, 162, 389, 127, 356, 234, 454, 143, 372, 34, 264)
"""Points that facial muscles move least: eye corners, bridge of the nose, middle forehead, temples."""
# fmt: on


def _mirror() -> Indices:
    x_flipped = CANONICAL * np.array([-1, 1, 1], np.float32)
    nearest = np.square(x_flipped[:, None] - CANONICAL[None]).sum(2).argmin(1)
    # Both rims start at the picture's right and go up and around, so mirroring swaps their second and fourth points.
    return _group(*nearest.tolist(), *LEFT_IRIS[[0, 3, 2, 1, 4]].tolist(), *RIGHT_IRIS[[0, 3, 2, 1, 4]].tolist())


MIRROR: Final = _mirror()
"""(478,) the point at the mirrored place; `landmarks[MIRROR]` relabels the landmarks of a flipped picture."""
