"""Aligned crops: where eyes, nose and corners of the mouth lie in the pictures that networks were taught on.

Five points of a face are brought onto a template by the similarity that fits them best (Umeyama, 1991, as
`stages.expression.pose`, in the plane).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.faces import layouts
from stages.packets import Floats

# fmt: off
TEMPLATES: Final[dict[str, tuple[tuple[float, float], ...]]] = {
    "arcface_112_v1": ((.3547, .4566), (.6453, .4566), (.5000, .6115), (.3791, .7769), (.6209, .7769)),
    "arcface_112_v2": ((.3419, .4616), (.6565, .4598), (.5002, .6405), (.3710, .8247), (.6315, .8233)),
    "arcface_128": ((.3617, .4039), (.6370, .4024), (.5002, .5604), (.3871, .7216), (.6151, .7203)),
    "ffhq_512": ((.3769, .4686), (.6229, .4691), (.5012, .6133), (.3931, .7254), (.6115, .7249)),
    "mtcnn_512": ((.3656, .4673), (.6331, .4659), (.5002, .6194), (.3903, .7760), (.6118, .7748)),
}
# fmt: on
"""Fractions of the crop: the eye at the picture's left, the other, the tip of the nose, the corners of the mouth at the
picture's left and right."""

_NOSE: Final = 1
_CORNERS: Final = (61, 291)


def five_points(landmarks: Floats) -> Floats:
    """(5, 2) in the order of the templates, of (478, 2 or 3) landmarks; an eye is the middle of its rim.

    The iris would be the pupil, and where someone looks must not turn the crop.
    """
    plane = landmarks[:, :2]
    eyes = [plane[layouts.RIGHT_EYE].mean(0), plane[layouts.LEFT_EYE].mean(0)]
    points: Floats = np.stack([*eyes, plane[_NOSE], *plane[list(_CORNERS)]]).astype(np.float32)
    return points


def similarity(points: Floats, template: str, size: int) -> NDArray[np.float64]:
    """(2, 3) affine matrix, picture pixels -> pixels of a crop of `size` a side.

    Pixel centres are whole numbers on both sides, so a template's fractions are of `size` samples less half a one.

    Raises:
        KeyError: no such template.
    """
    target = np.array(TEMPLATES[template]) * size - 0.5
    source = points.astype(np.float64)
    rows = np.zeros((2 * len(source), 4))
    rows[0::2] = np.stack([source[:, 0], -source[:, 1], np.ones(5), np.zeros(5)], 1)
    rows[1::2] = np.stack([source[:, 1], source[:, 0], np.zeros(5), np.ones(5)], 1)
    a, b, x, y = np.linalg.lstsq(rows, target.ravel(), rcond=None)[0]
    return np.array([[a, -b, x], [b, a, y]])
