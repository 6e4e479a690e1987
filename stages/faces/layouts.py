"""The 478-point face mesh: its triangles, its canonical shape, names for groups of its points, and sparser layouts.

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


# fmt: off
_JAW: Final = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323,
               454, 356)
"""`OVAL` from the performer's right ear under the chin to the left one."""
_NOSE_BRIDGE: Final = (168, 6, 197, 195, 5, 4)
_JAW_106: Final = (1, *range(9, 17), *range(2, 9), 0, *range(24, 17, -1), *range(32, 24, -1), 17)
_BRIDGE_106: Final = (72, 73, 74, 86)
_POINTS_106: Final[dict[int, tuple[int, ...]]] = {
    # the performer's right eye: lower lid, middle, outer corner, lower quarters, pupil, inner corner, upper lid
    33: (145,), 34: tuple(RIGHT_EYE.tolist()), 35: (33,), 36: (144,), 37: (153,), 38: (468,), 39: (133,), 40: (159,),
    41: (160,), 42: (158,),
    # the performer's right brow: tail, lower edge, upper edge
    43: (70, 46), 44: (53,), 45: (52,), 46: (55,), 47: (65,), 48: (63,), 49: (105,), 50: (107,), 51: (66,),
    # mouth: right corner, lower lip, left corner, upper lip
    52: (61,), 53: (17,), 54: (178,), 55: (91,), 56: (84, 181), 57: (402,), 58: (321,), 59: (314, 405), 60: (14,),
    61: (291,), 62: (13,), 63: (37,), 64: (39, 40), 65: (78,), 66: (81,), 67: (267,), 68: (269, 270), 69: (308,),
    70: (311,), 71: (0,),
    # nose: its right side down to the nostril, the middle, its left side
    75: (193,), 76: (198,), 77: (129,), 78: (98,), 79: (97,), 80: (2,), 81: (417,), 82: (420,), 83: (358,), 84: (327,),
    85: (326,),
    # the performer's left eye and brow; "left" in the layout's own names is the picture's, so their order differs
    87: (374,), 88: tuple(LEFT_EYE.tolist()), 89: (362,), 90: (380,), 91: (373,), 92: (473,), 93: (263,), 94: (386,),
    95: (385,), 96: (387,),
    97: (285,), 98: (295,), 99: (282,), 100: (283,), 101: (300, 276), 102: (336,), 103: (296,), 104: (334,),
    105: (293,),
}
"""Point of the 106 layout -> points of the mesh whose mean it is."""
IBUG_IN_106: Final = _group(*_JAW_106[::2], 43, 48, 49, 51, 50, 102, 103, 104, 105, 101, 72, 73, 74, 86, 78, 79, 80, 85,
                            84, 35, 41, 42, 39, 37, 36, 89, 95, 96, 93, 91, 90, 52, 64, 63, 71, 67, 68, 61, 58, 59, 53,
                            56, 55, 65, 66, 62, 70, 69, 57, 60, 54)
"""(68,) which of the 106 points is each iBUG point, as users of the 106-point model have long converted them."""
# fmt: on


def _along(path: tuple[int, ...], count: int) -> NDArray[np.float32]:
    """(count, 478) weights of points that lie evenly along a path over the canonical face, ends included."""
    steps = np.linalg.norm(np.diff(CANONICAL[list(path)], axis=0), axis=1)
    at = np.interp(np.linspace(0, steps.sum(), count), np.concatenate([[0], np.cumsum(steps)]), np.arange(len(path)))
    weights = np.zeros((count, COUNT), np.float32)
    for row, place in zip(weights, at, strict=True):
        first = min(int(place), len(path) - 2)
        row[path[first]] = 1 - (place - first)
        row[path[first + 1]] = place - first
    return weights


def _to_106() -> NDArray[np.float32]:
    weights = np.zeros((106, COUNT), np.float32)
    weights[list(_JAW_106)] = _along(_JAW, len(_JAW_106))
    weights[list(_BRIDGE_106)] = _along(_NOSE_BRIDGE, len(_BRIDGE_106))
    for point, mean in _POINTS_106.items():
        weights[point, list(mean)] = 1 / len(mean)
    return weights


TO_106: Final[NDArray[np.float32]] = _to_106()
"""(106, 478) weights: `TO_106 @ landmarks` are the 106 points in the order of InsightFace's 2d106det.

That order is the alphabetical one of the points' names (`contour_chin`, `contour_left1`, `contour_left10`, ...), where
left is the picture's; the points are those of the JD-landmark set, which numbers them another way (Liu et al., *Grand
challenge of 106-point facial landmark localization*, 2019). The contour lies evenly along the outline of the mesh.
"""

TO_68: Final[NDArray[np.float32]] = TO_106[IBUG_IN_106]
"""(68, 478) weights: `TO_68 @ landmarks` are the points of iBUG 300-W (Sagonas et al., *300 faces in-the-wild
challenge*, 2013) from 0: the jaw from the performer's right ear (at the picture's left), brows, nose, eyes, lips."""

for _weights in (TO_68, TO_106):
    _weights.setflags(write=False)
