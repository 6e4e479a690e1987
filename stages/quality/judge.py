"""The last word on a delivery's frames: head pose, and one number for all pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stages.contract import ClipStage, Timeline
from stages.expression import basis, pose
from stages.packets import Faces, Floats, Neutrals, Quality
from stages.quality.naturalness import naturalness

Scores = dict[int, dict[str, float]]
"""Track -> score by name."""


@dataclass(frozen=True, kw_only=True)
class Judge(ClipStage):
    """Adds `pose.error_deg` where a face was looked at again, and `naturalness` where its pictures were compared.

    Heads are fitted with each person's own neutral, the output's with its own: with another person's face on it the
    head stands as it stood only if it is not measured by the performer's bones.
    """

    def process(
        self,
        faces: Timeline[Faces],
        scored: Timeline[Quality] | None = None,
        seen: Timeline[Faces] | None = None,
        neutrals: Timeline[Neutrals] | None = None,
        seen_neutrals: Timeline[Neutrals] | None = None,
    ) -> Iterator[Quality | None]:
        """One packet for every frame that has any score."""
        source, result = _shapes(neutrals), _shapes(seen_neutrals if seen_neutrals is not None else neutrals)
        for index in range(len(faces)):
            before, judged = faces[index], scored[index] if scored is not None else None
            after = seen[index] if seen is not None else None
            posed = _posed(before, after, source, result) if before is not None and after is not None else {}
            if before is None or not (judged or posed):
                yield judged
                continue
            yield _joined(before, judged, posed)


def _joined(faces: Faces, judged: Quality | None, posed: Scores) -> Quality:
    known = judged.by_track() if judged is not None else {}
    both = {track: known.get(track, {}) | posed.get(track, {}) for track in {*known, *posed}}
    for scores in both.values():
        if "skin.delta_e" in scores:
            scores["naturalness"] = naturalness(scores)
    return Quality.of(faces.at, both, judged.background if judged is not None else math.nan)


def _shapes(neutrals: Timeline[Neutrals] | None) -> dict[int, Floats]:
    """Track -> (478, 3) the face at rest; the first packet holds for the clip."""
    people = next((packet for packet in neutrals if packet is not None), None) if neutrals is not None else None
    return {track: one.shape for track, one in zip(people.tracks, people.faces, strict=True)} if people else {}


def _posed(before: Faces, after: Faces, source: dict[int, Floats], result: dict[int, Floats]) -> Scores:
    found = {face.track: face for face in after.faces}
    mean = basis.load().mean
    made: Scores = {}
    for face in before.faces:
        if face.track in found:
            was = pose.fit(face.landmarks, source.get(face.track, mean))
            now = pose.fit(found[face.track].landmarks, result.get(face.track, mean))
            made[face.track] = {"pose.error_deg": apart(was, now)}
    return made


def apart(one: pose.Pose, other: pose.Pose) -> float:
    """Degrees of the rotation that carries one head into the other."""
    turn = one.rotation.T @ other.rotation
    return float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1.0, 1.0))))
