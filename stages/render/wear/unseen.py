"""How skin moves under a tracker's mesh.

The tracker shows less of a movement than there is: it reports half of a lowered brow, and nothing of a cheek that
rises (`stages.expression.basis`). What is painted on its mesh must go the whole way, or an identity's brows would stay
up while the performer's come down. Lids and lips are tracked well and stay where their openings are.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from scipy.sparse.csgraph import dijkstra

from stages import facs
from stages.expression import basis, pose
from stages.faces import layouts
from stages.packets import FaceUnits, Floats
from stages.render import mesh, reshape, skin

_RIMS: Final = (0.04, 0.14)  # interocular distances along the skin from a rim: nothing up to there, all from there

_FULLER: Final = {"AU02": 1.8}
"""How much further than the rig's outer brows people's go: a man's brows on a woman's face follow her AU2 with a slope
of .48 with it, of .33 without."""


def shift(measured: FaceUnits | None, head: pose.Pose) -> Floats:
    """(468, 2) pixels from where the tracker has the mesh to where the skin is."""
    if measured is None:
        return np.zeros((layouts.MESH_COUNT, 2), np.float32)
    moved = np.tensordot(measured.values.astype(np.float32), _more(), 2)
    return head.turn(moved)[: layouts.MESH_COUNT, :2]


@cache
def _more() -> Floats:
    """(facs.COUNT, 2, 478, 3) by an intensity of 1: the movement less what the tracker shows of it."""
    tables = basis.load()
    whole = tables.displacement.copy()
    for name, factor in _FULLER.items():
        whole[facs.INDEX[name]] *= np.float32(factor)
    more: Floats = (whole - tables.response) * _loose()[:, None]
    return more


@cache
def _loose() -> Floats:
    """(478,) 0 at the rims of eyes and mouth and at the outline, 1 on the skin between."""
    rims = sorted(set().union(*(opening.rim for opening in mesh.OPENINGS)))
    far = dijkstra(skin.graph(), directed=False, indices=rims).min(0)
    t = np.clip((far - _RIMS[0]) / (_RIMS[1] - _RIMS[0]), 0, 1)
    loose = np.zeros(layouts.COUNT, np.float32)
    loose[: layouts.MESH_COUNT] = t * t * (3 - 2 * t)
    return loose * reshape.inward()
