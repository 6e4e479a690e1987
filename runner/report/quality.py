"""Scores of a clip's pictures: one row a frame and face, and the figures of the whole."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from typing import Final

import numpy as np

from stages.packets import FACE_SCORES, Floats, Quality

BACKGROUND: Final = "background.identical"
SCORES: Final = (*FACE_SCORES, BACKGROUND)
"""Columns of `units.parquet`; `stages.packets.quality` says what they mean."""

_SPREAD: Final = (
    *("jitter", "flicker", "sharpness.ratio", "pose.error_deg"),
    *("seam.delta_e", "seam.delta_e.source", "seam.delta_e.ratio", "skin.delta_e"),
)
FIGURES: Final = (
    *_SPREAD,
    *(f"{name}.p95" for name in _SPREAD),
    *("jitter.ratio", "jitter.calm", "jitter.calm.ratio"),
    *("identity.cosine", "identity.cosine.p05", "identity.cosine.below", "identity.spread"),
    *("identity.performer", "identity.performer.p95", "identity.performer.above"),
    *("naturalness", "au.leakage", BACKGROUND),
)
"""Every figure of a run's scores, by the name it has in `report.json` and MLflow; docs/quality.md explains them."""

_CALM: Final = 25.0  # per cent of the frames, the slowest


def row(quality: Quality | None, track: int) -> Floats:
    """(len(SCORES),) of one face in one frame; NaN where no score was taken."""
    made = np.full(len(SCORES), math.nan, np.float32)
    if quality is not None:
        made[-1] = quality.background
        if track in quality.tracks:
            made[:-1] = quality.values[quality.tracks.index(track)]
    return made


def summarise(timeline: Iterable[Quality | None], same: float | None = None) -> dict[str, float]:
    """The run's figures by name; those that nothing tells of are left out.

    Median and 95th percentile (`NAME` and `NAME.p95`) of `_SPREAD` over frames and faces. jitter.ratio: RMS jitter of
    the output over the source's. jitter.calm, jitter.calm.ratio: difference and ratio of the same in the calmest
    quarter of the frames. background.identical: of the worst frame. identity.*: see `_identity`. same: cosine distance
    up to which two faces are one person.
    """
    taken, backgrounds = array("f"), array("d")
    for packet in timeline:
        if packet is not None:
            taken.extend(packet.values.ravel())
            backgrounds.extend([packet.background] if math.isfinite(packet.background) else [])
    table = np.frombuffer(taken, np.float32).reshape(-1, len(FACE_SCORES)).astype(np.float64)
    found = dict[str, float]()
    for name in _SPREAD:
        values = table[:, FACE_SCORES.index(name)]
        if np.isfinite(values).any():
            found[name] = float(np.nanmedian(values))
            found[f"{name}.p95"] = float(np.nanpercentile(values, 95))
    found |= _jitter(table[:, : FACE_SCORES.index("flicker")])
    if same is not None:
        found |= _identity(table[:, FACE_SCORES.index("identity.cosine") :][:, :2], same)
    return found | ({BACKGROUND: min(backgrounds)} if backgrounds else {})


def _identity(table: np.ndarray, same: float) -> dict[str, float]:
    """table: (n, 2) identity.cosine, identity.performer.

    Of both the median, and the 5th and the 95th percentile; the share of looks that are not the wanted person
    (`identity.cosine.below`) and of those that still are the performer (`identity.performer.above`), by the embedder's
    own threshold; `identity.spread`: from median to 5th percentile, in units of that threshold.
    """
    wanted, own = (column[np.isfinite(column)] for column in table.T)
    found = dict[str, float]()
    if len(wanted):
        median, low = float(np.median(wanted)), float(np.percentile(wanted, 5))
        found |= {"identity.cosine": median, "identity.cosine.p05": low, "identity.spread": (median - low) / same}
        found["identity.cosine.below"] = float((1 - wanted > same).mean())
    if len(own):
        found |= {"identity.performer": float(np.median(own)), "identity.performer.p95": float(np.percentile(own, 95))}
        found["identity.performer.above"] = float((1 - own <= same).mean())
    return found


def _jitter(table: np.ndarray) -> dict[str, float]:
    """table: (n, 3) jitter, jitter.source, motion."""
    table = table[np.isfinite(table).all(axis=1)]
    if not len(table):
        return {}
    calm = table[table[:, 2] <= np.percentile(table[:, 2], _CALM)]
    _, ratio = _rms(table)
    apart, still = _rms(calm)
    return {"jitter.ratio": ratio, "jitter.calm": apart, "jitter.calm.ratio": still}


def _rms(table: np.ndarray) -> tuple[float, float]:
    """Output minus source, and over it."""
    own, made = (float(np.sqrt(np.square(values).mean())) for values in (table[:, 1], table[:, 0] + table[:, 1]))
    return made - own, made / max(own, 1e-9)
