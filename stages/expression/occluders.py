"""Things to lay over photographed rig people, and what else changes a face without covering it.

Made up from simple shapes: fingers, boxes, cups, scarves, strands of hair, microphones; any colour, the face's own skin
among them. Shadows, beards, glasses, painted lips and lights of other colours are drawn too, as what must not count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.faces import layouts

Floats = NDArray[np.float32]
Picture = NDArray[np.float32]
Rng = np.random.Generator

_BEARD: Final = (132, 172, 150, 176, 152, 400, 379, 397, 361, 411, 426, 2, 206, 187)
_SKIN: Final = (50, 280, 151, 4, 205, 425)
_TARGETS: Final = (
    *((61, 291, 13, 14), (33, 133, 159), (263, 362, 386), (4, 5), (152, 199)),
    *((50, 205), (280, 425), (50, 117), (280, 346), (9, 151, 10), (151, 69), (151, 299)),
)
"""What is aimed at: plain skin more often, where there is least to see that something is missing."""


def dressed(rng: Rng, picture: Picture, points: Floats) -> Picture:
    """The picture (h, w, 3) R'G'B' 0..255 in another light, perhaps with a beard, glasses or painted lips."""
    changed = picture.copy()
    if rng.random() < 0.2:
        changed = _bearded(rng, changed, points)
    if rng.random() < 0.35:
        changed = _painted_lips(rng, changed, points)
    if rng.random() < 0.12:
        changed = _glasses(rng, changed, points)
    return lit(rng, changed)


def graded(rng: Rng, picture: Picture) -> Picture:
    """Other colours, contrast and exposure: what a camera or a grade does to everything alike."""
    grey = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    mixed = grey[..., None] + rng.uniform(0.3, 1.3) * (picture - grey[..., None])
    gamma = rng.uniform(0.7, 1.5)
    gains = np.exp(rng.normal(0, 0.06, 3)) * np.exp(rng.normal(-0.1, 0.2))
    noise = rng.normal(0, rng.uniform(0, 4), picture.shape)
    graded: Picture = np.clip(255 * gains * np.clip(mixed / 255, 0, 1) ** gamma + noise, 0, 255).astype(np.float32)
    return graded


def occluded(rng: Rng, picture: Picture, points: Floats) -> tuple[Picture, Floats]:
    """One to three things laid over a face with these (468, 2) points: the picture, and (h, w) how much they cover."""
    whole, size = np.zeros(picture.shape[:2], np.float32), float(np.linalg.norm(np.ptp(points, axis=0)))
    changed = picture.copy()
    for _ in range(1 + int(rng.integers(4) // 2)):
        anchors = _TARGETS[rng.integers(len(_TARGETS))]
        at = points[list(anchors)].mean(0) + rng.normal(0, 0.06, 2) * size
        mask, shade = _SHAPES[rng.integers(len(_SHAPES))](rng, picture.shape[:2], at.astype(np.float32), size)
        soft = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.4, 1.5)))
        surface = _surface(rng, picture, points, size) * shade[..., None]
        if rng.random() < 0.4:
            changed = changed * (1 - _cast(rng, soft, size))[..., None]
        changed = changed * (1 - soft[..., None]) + surface * soft[..., None]
        whole = np.maximum(whole, soft)
    return changed.astype(np.float32), whole


def _surface(rng: Rng, picture: Picture, points: Floats, size: float) -> Picture:
    """A colour, or the face's own skin's, with texture and shading."""
    kind = rng.random()
    if kind < 0.55:
        x, y = points[_SKIN[rng.integers(len(_SKIN))]]
        height, width = picture.shape[:2]
        row, column = int(np.clip(y, 0, height - 1)), int(np.clip(x, 0, width - 1))
        base = picture[row, column] * np.exp(rng.normal(0, 0.14)) * np.exp(rng.normal(0, 0.04, 3))
    elif kind < 0.7:
        base = np.full(3, rng.uniform(5, 245)) * np.exp(rng.normal(0, 0.05, 3))
    else:
        base = rng.uniform(0, 255, 3)
    texture: Floats = np.zeros(picture.shape[:2], np.float32)
    rough = rng.choice([0.005, 0.02, 0.06])
    for grain in (0.01, 0.03, 0.1, 0.3):
        coarse = np.maximum(np.array(texture.shape) / max(grain * size, 1), 3).astype(int)
        field = cv2.resize(rng.standard_normal(coarse, np.float32), texture.shape[::-1], interpolation=cv2.INTER_CUBIC)
        texture += field * np.float32(abs(rng.normal(0, rough)))
    if rng.random() < 0.15:
        y, x = np.mgrid[: texture.shape[0], : texture.shape[1]]
        turn, wave = rng.uniform(0, np.pi), size * rng.uniform(0.02, 0.15)
        texture += np.sign(np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / wave)) * rng.uniform(0.05, 0.5)
    surface: Picture = (base * np.exp(texture)[..., None]).astype(np.float32)
    return surface


def _cast(rng: Rng, mask: Floats, size: float) -> Floats:
    """The shadow that a thing throws beside itself."""
    dx, dy = rng.normal(0, 0.04, 2) * size
    moved = cv2.warpAffine(mask, np.array([[1, 0, dx], [0, 1, dy]]), mask.shape[::-1])
    shadow: Floats = cv2.GaussianBlur(moved, (0, 0), 0.02 * size) * np.float32(rng.uniform(0.1, 0.5))
    return shadow


def _grid(shape: tuple[int, int], at: Floats, turn: float) -> tuple[Floats, Floats]:
    """Coordinates about a point, along and across a direction."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    return (x - at[0]) * cos + (y - at[1]) * sin, (y - at[1]) * cos - (x - at[0]) * sin


def _blob(rng: Rng, shape: tuple[int, int], at: Floats, size: float) -> tuple[Floats, Floats]:
    u, v = _grid(shape, at, rng.uniform(0, np.pi))
    a, b = size * rng.uniform(0.08, 0.35, 2)
    power = rng.choice([2.0, 3.0, 8.0])
    reach = (np.abs(u / a) ** power + np.abs(v / b) ** power).astype(np.float32)
    shade = 1 - rng.uniform(0, 0.5) * np.clip(reach, 0, 1)
    return (reach < 1).astype(np.float32), shade.astype(np.float32)


def _half_plane(rng: Rng, shape: tuple[int, int], at: Floats, size: float) -> tuple[Floats, Floats]:
    """A scarf, a sheet, the edge of a door."""
    u, v = _grid(shape, at, rng.uniform(0, 2 * np.pi))
    edge = v + size * 0.03 * np.sin(u / (size * rng.uniform(0.05, 0.3)))
    fold = 1 + rng.uniform(0, 0.25) * np.sin(u / (size * rng.uniform(0.02, 0.1)) + rng.uniform(0, 6))
    return (edge > rng.uniform(-0.2, 0.05) * size).astype(np.float32), fold.astype(np.float32)


def _fingers(rng: Rng, shape: tuple[int, int], at: Floats, size: float) -> tuple[Floats, Floats]:
    """A hand: up to four fingers side by side, rounded by shading, dark between, on a palm or without."""
    turn, width = rng.uniform(0, 2 * np.pi), size * rng.uniform(0.045, 0.075)
    mask, shade = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    count, spread = int(rng.integers(1, 5)), rng.uniform(1.9, 2.4)
    bend = rng.normal(0, 0.12)
    for finger in range(count):
        u, v = _grid(shape, at, turn + bend * (finger - count / 2))
        v = v - (finger - (count - 1) / 2) * spread * width
        tip = size * rng.uniform(-0.1, 0.2)
        beyond = np.maximum(u - tip, 0)
        off = np.sqrt(v * v + beyond * beyond) / width
        inside = off < 1
        rounded = np.sqrt(np.clip(1 - 0.75 * off**2, 0.05, 1)) * (1 - rng.uniform(0, 0.15))
        knuckle = 1 - 0.12 * np.exp(-(((u - tip + rng.uniform(0.06, 0.16) * size) / (0.008 * size)) ** 2))
        shade = np.where(inside, rounded * knuckle, shade)
        mask = np.maximum(mask, inside)
    if rng.random() < 0.5:
        u, v = _grid(shape, at, turn)
        palm = (np.abs(v) < count * spread * width / 2) & (u < -rng.uniform(0.05, 0.25) * size)
        shade = np.where(palm & (mask == 0), rng.uniform(0.75, 1.05), shade)
        mask = np.maximum(mask, palm)
    return mask.astype(np.float32), shade.astype(np.float32)


def _box(rng: Rng, shape: tuple[int, int], at: Floats, size: float) -> tuple[Floats, Floats]:
    """A cup, a telephone, a bar: rounded like a cylinder, or flat."""
    u, v = _grid(shape, at, rng.normal(0, 0.5) + (np.pi / 2) * rng.integers(2))
    a, b = size * rng.uniform(0.06, 0.3, 2)
    shade = 1 - rng.uniform(0, 0.6) * np.clip(u / a, -1, 1) ** 2 * rng.integers(2)
    return ((np.abs(u) < a) & (np.abs(v) < b)).astype(np.float32), shade.astype(np.float32)


def _microphone(rng: Rng, shape: tuple[int, int], at: Floats, size: float) -> tuple[Floats, Floats]:
    u, v = _grid(shape, at, np.pi / 2 + rng.normal(0, 0.7))
    ball = size * rng.uniform(0.07, 0.14)
    mask = (u * u + v * v < ball * ball) | ((u > 0) & (np.abs(v) < ball * rng.uniform(0.3, 0.7)))
    shade = 1 - 0.5 * np.clip(np.sqrt(u * u + v * v) / ball, 0, 1) ** 2
    return mask.astype(np.float32), shade.astype(np.float32)


def _strands(rng: Rng, shape: tuple[int, int], at: Floats, size: float) -> tuple[Floats, Floats]:
    """A lock of hair."""
    mask, shade = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    run = rng.normal(0, 1, 2)
    run = run / np.linalg.norm(run) * size * 0.6
    width = rng.uniform(0.03, 0.15) * size
    for _ in range(int(rng.integers(15, 60))):
        start = at - run + rng.normal(0, 1, 2) * width
        bend = rng.normal(0, 0.1, 2) * size
        share = np.linspace(0, 1, 12)[:, None]
        curve = start + 2 * run * share + bend * np.sin(np.pi * share)
        line = np.zeros(shape, np.uint8)
        cv2.polylines(line, [np.rint(curve * 8).astype(np.int32)], False, 1, max(1, round(0.012 * size)), shift=3)
        shade = np.where(line > 0, rng.uniform(0.5, 1.5), shade)
        mask = np.maximum(mask, line)
    return mask.astype(np.float32), shade.astype(np.float32)


_Shape = Callable[[Rng, tuple[int, int], Floats, float], tuple[Floats, Floats]]
_SHAPES: Final[tuple[_Shape, ...]] = (_blob, _half_plane, _fingers, _fingers, _box, _microphone, _strands)


def _region(shape: tuple[int, int], points: Floats, ring: tuple[int, ...], soft: float) -> Floats:
    mask = np.zeros(shape, np.float32)
    cv2.fillPoly(mask, [np.rint(points[list(ring)]).astype(np.int32)], 1.0)
    blurred: Floats = cv2.GaussianBlur(mask, (0, 0), max(soft, 0.5))
    return blurred


def _bearded(rng: Rng, picture: Picture, points: Floats) -> Picture:
    size = float(np.linalg.norm(np.ptp(points, axis=0)))
    mask = _region(picture.shape[:2], points, _BEARD, 0.03 * size)
    mask *= 1 - _region(picture.shape[:2], points, tuple(layouts.LIPS_OUTER.tolist()), 0.01 * size)
    hair = np.exp(0.25 * cv2.GaussianBlur(rng.standard_normal(mask.shape, np.float32), (0, 0), 0.006 * size + 0.3))
    dark = 1 - mask * rng.uniform(0.1, 0.75)
    grown: Picture = (picture * (dark * (1 + mask * (hair - 1)))[..., None]).astype(np.float32)
    return grown


def _painted_lips(rng: Rng, picture: Picture, points: Floats) -> Picture:
    mask = _region(picture.shape[:2], points, tuple(layouts.LIPS_OUTER.tolist()), 1.0)[..., None]
    tint = np.array([rng.uniform(0.75, 1.15), *rng.uniform(0.5, 1.05, 2)], np.float32)
    painted: Picture = (picture * (1 + mask * (tint - 1))).astype(np.float32)
    return painted


def _glasses(rng: Rng, picture: Picture, points: Floats) -> Picture:
    line = np.zeros(picture.shape[:2], np.uint8)
    size = float(np.linalg.norm(points[263] - points[33]))
    for eye in (layouts.LEFT_EYE, layouts.RIGHT_EYE):
        middle = points[eye].mean(0)
        axes = int(size * rng.uniform(0.24, 0.3)), int(size * rng.uniform(0.17, 0.26))
        cv2.ellipse(line, np.rint(middle).astype(int).tolist(), axes, 0, 0, 360, 1, max(1, int(size * 0.03)))
    frame = cv2.GaussianBlur(line.astype(np.float32), (0, 0), 0.6)[..., None]
    colour = np.full(3, rng.uniform(5, 120), np.float32)
    worn: Picture = (picture * (1 - frame) + colour * frame).astype(np.float32)
    return worn


def lit(rng: Rng, picture: Picture) -> Picture:
    """The picture in a light from aside, and now and then with the edge of a shadow."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x / width - 0.5, y / height - 0.5
    slope = rng.normal(0, 0.5, 2)
    field = slope[0] * x + slope[1] * y
    if rng.random() < 0.25:
        turn, soft = rng.uniform(0, 2 * np.pi), rng.uniform(0.01, 0.12)
        across = (x * np.cos(turn) + y * np.sin(turn) - rng.normal(0, 0.12)) / soft
        field = field - rng.uniform(0.2, 0.9) / (1 + np.exp(-np.clip(across, -20, 20)))
    lit: Picture = (picture * np.exp(field)[..., None]).astype(np.float32)
    return lit
