"""Matrices of cameras and lights (column vectors, OpenGL's clip space)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def perspective(degrees: float, aspect: float, near: float = 0.5, far: float = 60.0) -> Doubles:
    """A lens that sees `degrees` from top to bottom."""
    t = 1 / np.tan(np.radians(degrees) / 2)
    depth = np.array([[0, 0, (far + near) / (near - far), 2 * far * near / (near - far)], [0, 0, -1, 0]])
    return np.vstack([[t / aspect, 0, 0, 0], [0, t, 0, 0], depth])


def box(reach: float, far: float) -> Doubles:
    """Parallel rays over a square of +-`reach`."""
    return np.array([[1 / reach, 0, 0, 0], [0, 1 / reach, 0, 0], [0, 0, -2 / far, -1], [0, 0, 0, 1]])


def look(eye: Doubles, at: Doubles, up: Sequence[float] = (0, 1, 0)) -> Doubles:
    """World -> camera at `eye`, looking at `at`."""
    forward = (at - eye) / np.linalg.norm(at - eye)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(right, forward), -forward])
    return np.vstack([np.c_[axes, -axes @ eye], [0, 0, 0, 1]])


def rotation(yaw: float, pitch: float, roll: float) -> Doubles:
    """(3, 3) about y, x and z in degrees; roll first, yaw last."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(np.radians([yaw, pitch, roll])), np.sin(np.radians([yaw, pitch, roll]))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    turned: Doubles = about_y @ about_x @ about_z
    return turned


def project(matrix: Doubles, points: Doubles) -> Doubles:
    """(n, 3) in -1..1."""
    placed = np.c_[points, np.ones(len(points))] @ matrix.T
    divided: Doubles = placed[:, :3] / placed[:, 3:]
    return divided


def sphere(count: int) -> Doubles:
    """(count, 3) directions spread evenly: a Fibonacci spiral."""
    height = 1 - 2 * (np.arange(count) + 0.5) / count
    turn, radius = np.arange(count) * 2.399963, np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(turn), height, radius * np.sin(turn)], 1)
