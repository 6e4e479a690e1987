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
from stages.expression.studio import habits, view, wrinkles
from stages.expression.studio.head import LEFT_EYE, Head
from stages.expression.studio.people import Person, Shot

Doubles = NDArray[np.float64]
Bytes = NDArray[np.uint8]

SHADERS: Final = Path(__file__).with_name("shaders")
SHADOW: Final = 1024  # side of the shadow map
DIRECTIONS: Final = 64  # from which the sky is sampled
FIELD: Final = 2.42  # rig units from top to bottom of a picture, at the head
SHIRT: Final = (0.06, 0.08, 0.13)


@dataclass(frozen=True)
class Photo:
    """picture: (side, side, 3) 8-bit R'G'B'. vertices: (19158, 3) of the posed rig, turned by turn: (3, 3); to_clip:
    (4, 4) the camera."""

    picture: Bytes
    vertices: Doubles
    turn: Doubles
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
        shape = self._at_rest(person) + habits.moved(self.rig, expression, person.habits)
        pivot = head.middle + np.array([0, -0.9, -0.5])
        turn = view.rotation(shot.yaw, shot.pitch, shot.roll)
        posed = (shape - pivot) @ turn.T + pivot
        gl.upload(posed)
        aim = (head.middle - pivot) @ turn.T + pivot
        eye = aim + np.array([0, -0.1, shot.distance])
        lens = 2 * np.degrees(np.arctan(FIELD / 2 / shot.distance))
        to_clip = view.perspective(lens, 1.0) @ view.look(eye, eye * (1, 1, 0) + aim * (0, 0, 1))
        to_light = gl.cast_shadow(shot.light, 2.0)
        for name, value in _uniforms(head, person, shot, eye).items():
            gl.set(name, value)
        gl.crease(wrinkles.depths(expression, person.folds, person.seed), turn)
        return Photo(_developed(gl.draw(to_clip, to_light), self.side, shot), posed, turn, to_clip)

    def _at_rest(self, person: Person) -> Doubles:
        """(19158, 3) of a person, whose eyes are where the average's are. The last one is kept."""
        if self._sitting.get("identity") is not person.identity:
            shape = self.rig.base + self.rig.moved(person.identity)
            shape += (self.head.eye - shape[LEFT_EYE].mean(0)) * (0, 1, 1)
            self._sitting.update(identity=person.identity, shape=shape)
        kept: Doubles = self._sitting["shape"]
        return kept

    @cached_property
    def _sitting(self) -> dict[str, Any]:
        return {}

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

    def crease(self, depths: Doubles, turn: Doubles) -> None:
        """Set the depths of all grooves, (n, 2), and how the head is turned, (3, 3)."""
        self.paint["groove"].write(wrinkles.lines(float(self.head.eye[1])).astype("f4").tobytes())
        self.paint["groove_width"].write(wrinkles.widths().astype("f4").tobytes())
        self.paint["groove_depth"].write(depths.astype("f4").tobytes())
        _write(self.paint["turn"], turn)

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
    """RGB before a soft background, blurred, with sensor noise and compression."""
    size = round(side * shot.size)
    small = cv2.resize(drawn, (size, size), interpolation=cv2.INTER_AREA) if len(drawn) != size else drawn
    solid = small[..., 3:].astype(np.float32) / 255
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    wall = (110 + 50 * y - 30 * (x - 0.5) ** 2)[..., None] * np.array([0.95, 1, 1.02], np.float32)
    picture = _blurred(small[..., :3] + wall * (1 - solid), shot)
    grain = np.random.default_rng(shot.seed).standard_normal(picture.shape, np.float32)
    developed: Bytes = np.clip(np.rint(picture + np.float32(shot.noise) * grain), 0, 255).astype(np.uint8)
    if shot.quality >= 100:
        return developed
    _, packed = cv2.imencode(".jpg", developed[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, shot.quality])
    unpacked = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(unpacked[..., ::-1])


def _blurred(picture: NDArray[np.float32], shot: Shot) -> NDArray[np.float32]:
    if shot.blur > 0:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), shot.blur), np.float32)
    steps = int(np.ceil(np.hypot(*shot.smear)))
    if steps < 2:
        return picture
    middle = steps
    kernel = np.zeros((2 * steps + 1, 2 * steps + 1), np.float32)
    for share in np.linspace(-0.5, 0.5, 4 * steps):
        kernel[round(middle + share * shot.smear[1]), round(middle + share * shot.smear[0])] += 1 / (4 * steps)
    return np.asarray(cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.float32)
