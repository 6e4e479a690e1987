"""How neutral faces differ: principal components of random people drawn from the calibration rig's identity targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.expression import pose
from stages.expression.rig import Rig
from stages.faces import layouts

Doubles = NDArray[np.float64]

PARTS: Final = ("cheek", "chin", "eyebrows", "eyes", "forehead", "head", "mouth", "nose")
PEOPLE: Final = 400
LOCAL: Final = 14  # identity targets of single features that one person gets
ONE_SIDED: Final = ("asym", "eyes/l-", "eyes/r-")


def components(rig: Rig, to_mesh: Callable[[Doubles], Doubles], mean: Doubles, modes: int) -> Doubles:
    """(modes, 478, 3) principal components of `PEOPLE` random people, each one standard deviation long.

    `to_mesh` turns rig vertices (n, 3) into a face-space mesh (478, 3) up to a similarity; every person is aligned to
    `mean` by the same stable points as a tracked face.
    """
    rng = np.random.default_rng(478)
    local = features(rig)
    faces = np.empty((PEOPLE, layouts.COUNT, 3))
    for face in faces:
        mesh = to_mesh(rig.base + rig.moved(person(rng, local)))
        face[:] = pose.fit(mesh, mean).to_face(mesh)
    centred = (faces - faces.mean(0)).reshape(PEOPLE, -1)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(directions[:modes].sum(1, keepdims=True))
    scaled: Doubles = (signs * directions[:modes] * singular[:modes, None] / np.sqrt(PEOPLE - 1)).reshape(modes, -1, 3)
    return scaled


def features(rig: Rig) -> list[str]:
    """Names of the identity targets that shape one feature, on both sides of a face."""
    return [name for part in PARTS for name in rig.identities(part) if not any(side in name for side in ONE_SIDED)]


def person(rng: np.random.Generator, local: list[str]) -> Mapping[str, float]:
    """Rig targets -> weights: population, sex and age in random shares, and a few features of their own."""
    people = dict(zip(("african", "asian", "caucasian"), rng.dirichlet([0.6, 0.6, 0.6]), strict=True))
    male, old = rng.random(2)
    weights = {name: float(rng.uniform(0.1, 0.7)) for name in rng.choice(local, LOCAL, replace=False)}
    for sex, of_sex in (("male", male), ("female", 1 - male)):
        for age, of_age in (("old", old), ("young", 1 - old)):
            build = f"macrodetails/universal-{sex}-{age}-averagemuscle-averageweight"
            weights[build] = of_sex * of_age
            for kind, share in people.items():
                weights[f"macrodetails/{kind}-{sex}-{age}"] = share * of_sex * of_age
    return weights
