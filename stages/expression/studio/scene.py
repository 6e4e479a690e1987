"""The studio: photographs the rig's head with OpenGL 3.3, on a GPU or on the processor (EGL with Mesa's llvmpipe).

Painted skin, brows, lips, lashes and eyes, one shadowed key light and a sky whose reach (ambient occlusion) is measured
once on the average head. A tracker accepts such pictures as faces. `moderngl` is an optional dependency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.errors import ModelError
from stages.expression.rig import AVERAGE, Rig
from stages.expression.studio import view
from stages.expression.studio.head import LEFT_EYE, Head
from stages.expression.studio.people import Person, Shot

Doubles = NDArray[np.float64]
Bytes = NDArray[np.uint8]

SHADERS: Final = Path(__file__).with_name("shaders")
SHADOW: Final = 1024  # side of the shadow map
DIRECTIONS: Final = 64  # from which the sky is sampled
LENS: Final = 12.0  # degrees from top to bottom
SHIRT: Final = (0.06, 0.08, 0.13)


@dataclass(frozen=True)
class Photo:
    """picture: (side, side, 3) 8-bit R'G'B'. vertices: (19158, 3) of the posed rig; to_clip: (4, 4) the camera."""

    picture: Bytes
    vertices: Doubles
    to_clip: Doubles

    def project(self, chosen: NDArray[np.integer]) -> NDArray[np.float32]:
        """(n, 3) pixels of rig vertices; z, toward the scene, is only relative."""
        height, width = self.picture.shape[:2]
        places = view.project(self.to_clip, self.vertices[chosen])
        pixels = np.c_[places[:, 0] + 1, 1 - places[:, 1], places[:, 2]] * (width / 2, height / 2, 0)
        placed: NDArray[np.float32] = pixels.astype(np.float32)
        return placed


@dataclass(frozen=True)
class Studio:
    """Photographs `side` x `side` pixels, drawn `oversampling` times as fine."""

    rig: Rig
    side: int = 320
    oversampling: int = 1

    def photograph(self, person: Person, expression: Mapping[str, float], shot: Shot) -> Photo:
        """One picture of a person whose rig expression units have these weights.

        Raises:
            ModelError: `moderngl` is missing, or no OpenGL context can be had.
        """
        head, gl = self.head, self._gl
        shape = self.rig.base + self.rig.moved(person.identity)
        shape += head.eye * (0, 1, 1) - shape[LEFT_EYE].mean(0) * (0, 1, 1) + self.rig.moved(expression)
        pivot = head.middle + np.array([0, -0.9, -0.5])
        posed = (shape - pivot) @ view.rotation(shot.yaw, shot.pitch, shot.roll).T + pivot
        gl.upload(posed)
        eye = head.middle + np.array([0, -0.1, 11.5])
        to_clip = view.perspective(LENS, 1.0) @ view.look(eye, eye * (1, 1, 0) + head.middle * (0, 0, 1))
        to_light = gl.cast_shadow(shot.light, 2.0)
        for name, value in _uniforms(head, person, shot, eye).items():
            gl.set(name, value)
        return Photo(_developed(gl.draw(to_clip, to_light), self.side, shot), posed, to_clip)

    @cached_property
    def head(self) -> Head:
        """What is drawn."""
        return Head.of(self.rig)

    @cached_property
    def _gl(self) -> _Gl:
        return _Gl(self.rig, self.head, self.side * self.oversampling)


class _Gl:
    """Buffers and programs of one OpenGL context."""

    def __init__(self, rig: Rig, head: Head, side: int) -> None:
        self.head, self.context = head, _context()
        self.paint = self._program("skin.vert", "skin.frag")
        self.shade = self._program("depth.vert", "depth.frag")
        self.moving = self.context.buffer(reserve=len(head.source) * 24, dynamic=True)
        self.fixed = self.context.buffer(self._static(np.ones(len(head.rest))))
        order = self.context.buffer(head.elements.astype("i4").tobytes())
        layout = [(self.moving, "3f 3f", "pos", "nrm"), (self.fixed, "3f 2f 1f 1f", "rest", "uv", "part", "sky")]
        self.painted = self.context.vertex_array(self.paint, layout, order)
        self.shaded = self.context.vertex_array(self.shade, [(self.moving, "3f 12x", "pos")], order)
        self.masks = [self._mask(rig.texture(name)) for name in ("mpfb_lips", "mpfb_inside-mouth")]
        self.depth = self.context.depth_texture((SHADOW, SHADOW))
        self.depth.compare_func = "<="
        self.light = self.context.framebuffer(depth_attachment=self.depth)
        size = (side, side)
        self.film = self.context.framebuffer(
            [self.context.renderbuffer(size, 4)], self.context.depth_renderbuffer(size)
        )
        self.side = side
        self.fixed.write(self._static(self._sky(rig.base + rig.moved(AVERAGE))))

    def upload(self, vertices: Doubles) -> Doubles:
        """Put a posed head in; returns its normals."""
        normals = self.head.normals(vertices)
        lifted = vertices + normals * self.head.hair[:, None]
        drawn = np.concatenate([lifted[self.head.source], normals[self.head.source]], 1)
        self.moving.write(drawn.astype("f4").tobytes())
        return normals

    def cast_shadow(self, toward: tuple[float, float, float], reach: float) -> Doubles:
        """Fill the depth map as seen from a direction; returns its matrix."""
        ray = np.array(toward) / np.linalg.norm(toward)
        up = (0, 1, 0.001) if abs(ray[1]) < 0.98 else (0, 0, 1)
        matrix = view.box(reach, 8) @ view.look(self.head.middle + 4 * ray, self.head.middle, up)
        self.light.use()
        self.light.clear(depth=1.0)
        self.context.enable(self.context.DEPTH_TEST)
        _write(self.shade["to_clip"], matrix)
        self.shaded.render()
        return matrix

    def draw(self, to_clip: Doubles, to_light: Doubles) -> Bytes:
        """(side, side, 4) RGBA."""
        self.film.use()
        self.film.clear(0, 0, 0, 0)
        _write(self.paint["to_clip"], to_clip)
        _write(self.paint["to_light"], to_light)
        for unit, texture in enumerate([*self.masks, self.depth]):
            texture.use(unit)
        for unit, name in enumerate(("lips", "inside", "shadow")):
            self.set(name, unit)
        self.painted.render()
        raw = np.frombuffer(self.film.read(components=4), np.uint8)
        return raw.reshape(self.side, self.side, 4)[::-1]

    def set(self, name: str, value: Any) -> None:
        """Set a uniform."""
        self.paint[name].value = value

    def _sky(self, vertices: Doubles) -> Doubles:
        """(v,) share of the sky that each vertex sees, from a shadow map for every direction."""
        normals = self.upload(vertices)
        seen, whole = np.zeros(len(vertices)), np.zeros(len(vertices))
        for ray in view.sphere(DIRECTIONS):
            matrix = self.cast_shadow(tuple(ray), 2.4)
            nearest = np.frombuffer(self.depth.read(alignment=1), np.float32).reshape(SHADOW, SHADOW)
            place = view.project(matrix, vertices + normals * 0.012) * 0.5 + 0.5
            x, y = np.clip((place[:, :2] * SHADOW).astype(int), 0, SHADOW - 1).T
            facing = np.maximum(normals @ ray, 0)
            seen += facing * (place[:, 2] - 0.003 <= nearest[y, x])
            whole += facing
        share: Doubles = np.clip(seen / np.maximum(whole, 1e-6), 0.02, 1)
        return share

    def _static(self, sky: Doubles) -> bytes:
        head = self.head
        columns = [head.rest[head.source], head.charts, head.part[:, None], sky[head.source][:, None]]
        return np.concatenate(columns, 1).astype("f4").tobytes()

    def _program(self, vertex: str, fragment: str) -> Any:
        texts = [(SHADERS / f"{name}.glsl").read_text() for name in (vertex, fragment)]
        return self.context.program(*texts)

    def _mask(self, grey: Bytes) -> Any:
        texture = self.context.texture(grey.shape[::-1], 1, np.ascontiguousarray(grey[::-1]).tobytes())
        texture.build_mipmaps()
        return texture


def _context() -> Any:
    try:
        moderngl = import_module("moderngl")
    except ImportError:
        raise ModelError("studio: moderngl is missing - install it with: pip install glabella[calibrate]") from None
    try:
        return moderngl.create_context(standalone=True, backend="egl")
    except Exception as error:  # moderngl raises nothing more special
        raise ModelError(f"studio: no OpenGL context ({error}) - install EGL, such as Debian's libegl1") from None


def _write(uniform: Any, matrix: Doubles) -> None:
    uniform.write(np.ascontiguousarray(matrix.T).astype("f4").tobytes())


def _uniforms(head: Head, person: Person, shot: Shot, eye: Doubles) -> dict[str, Any]:
    colours = {field.name: getattr(person.paint, field.name) for field in fields(person.paint)}
    light = {"key_from": shot.light, "key": shot.key, "ambient": shot.ambient, "eye": tuple(eye.tolist())}
    skin = {"brow": person.brow, "stubble": person.stubble, "seed": person.seed, "hairline": head.hairline}
    return {**colours, **light, **skin, "shirt": SHIRT, "left_eye": tuple(head.eye.tolist())}


def _developed(drawn: Bytes, side: int, shot: Shot) -> Bytes:
    """RGB before a soft background, with sensor noise."""
    small = cv2.resize(drawn, (side, side), interpolation=cv2.INTER_AREA) if len(drawn) != side else drawn
    solid = small[..., 3:].astype(np.float32) / 255
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    wall = (110 + 50 * y - 30 * (x - 0.5) ** 2)[..., None] * np.array([0.95, 1, 1.02], np.float32)
    grain = np.random.default_rng(shot.seed).standard_normal((*drawn.shape[:2], 3), np.float32)[:side, :side]
    picture = small[..., :3] + wall * (1 - solid) + np.float32(shot.noise) * grain
    developed: Bytes = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return developed
