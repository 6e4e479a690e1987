"""Random people, drawn from the calibration rig's identity targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from stages.expression.rig import Rig

PARTS: Final = ("cheek", "chin", "eyebrows", "eyes", "forehead", "head", "mouth", "nose")
LOCAL: Final = 14  # identity targets of single features that one person gets
ONE_SIDED: Final = ("asym", "eyes/l-", "eyes/r-")


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
