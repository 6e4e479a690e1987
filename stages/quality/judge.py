"""The last word on a delivery's frames: head pose, who it looks like, and one number for all pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stages.contract import ClipStage, Timeline
from stages.expression import basis, pose
from stages.faces.embed import Embedder, mean
from stages.identity.cast import vector_of
from stages.identity.chosen import Chosen
from stages.packets import Faces, Floats, Neutrals, Prints, Quality, Roles, Stamp
from stages.quality.naturalness import naturalness

Scores = dict[int, dict[str, float]]
"""Track -> score by name."""


@dataclass(frozen=True, kw_only=True)
class Judge(ClipStage):
    """Adds what only the whole clip can tell: pose, identity, and `naturalness` where pictures were compared.

    Heads are fitted with each person's own neutral, the output's with its own: with another person's face on it the
    head stands as it stood only if it is not measured by the performer's bones. identity: whose face is put on, and
    embedder: what `prints` and `seen_prints` are of; without them no identity is scored. An identity that was added
    without this embedder has no similarity.
    """

    identity: Chosen | None = None
    embedder: Embedder | None = None

    def process(
        self,
        faces: Timeline[Faces],
        scored: Timeline[Quality] | None = None,
        seen: Timeline[Faces] | None = None,
        neutrals: Timeline[Neutrals] | None = None,
        seen_neutrals: Timeline[Neutrals] | None = None,
        prints: Timeline[Prints] | None = None,
        seen_prints: Timeline[Prints] | None = None,
        roles: Timeline[Roles] | None = None,
    ) -> Iterator[Quality | None]:
        """One packet for every frame that has any score."""
        source, result = _shapes(neutrals), _shapes(seen_neutrals if seen_neutrals is not None else neutrals)
        wanted, performers = self._wanted(roles), performing(prints)
        for index in range(len(faces)):
            before, judged = faces[index], scored[index] if scored is not None else None
            after = seen[index] if seen is not None else None
            looks = seen_prints[index] if seen_prints is not None else None
            posed = _posed(before, after, source, result) if before is not None and after is not None else {}
            at = before.at if before is not None else None
            yield _joined(at, judged, posed, _likened(looks, wanted, performers))

    def _wanted(self, roles: Timeline[Roles] | None) -> dict[int, Floats]:
        """Of each replaced track the (d,) that it should look like."""
        cast = next((packet for packet in roles if packet is not None), None) if roles is not None else None
        if cast is None or self.identity is None or self.embedder is None:
            return {}
        own = vector_of(self.identity.likeness, self.embedder.key)
        return {role.track: own for role in cast.roles} if own is not None else {}


def performing(prints: Timeline[Prints] | None) -> dict[int, Floats]:
    """Track -> (d,) mean of what its own face looked like."""
    rows: dict[int, list[Floats]] = {}
    for packet in prints or ():
        for track, vector in zip(packet.tracks, packet.vectors, strict=True) if packet is not None else ():
            rows.setdefault(track, []).append(vector)
    return {track: mean(np.stack(vectors)) for track, vectors in rows.items()}


def apart(one: pose.Pose, other: pose.Pose) -> float:
    """Degrees of the rotation that carries one head into the other."""
    turn = one.rotation.T @ other.rotation
    return float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1.0, 1.0))))


def _joined(at: Stamp | None, judged: Quality | None, *more: Scores) -> Quality | None:
    """`judged` and what came on top."""
    if at is None or not (judged is not None or any(more)):
        return judged
    both = judged.by_track() if judged is not None else {}
    for scores in more:
        both |= {track: both.get(track, {}) | found for track, found in scores.items()}
    for found in both.values():
        if "skin.delta_e" in found:
            found["naturalness"] = naturalness(found)
    return Quality.of(at, both, judged.background if judged is not None else np.nan)


def _likened(looks: Prints | None, wanted: dict[int, Floats], performers: dict[int, Floats]) -> Scores:
    """Cosines of the replaced faces."""
    made: Scores = {}
    for track, vector in zip(looks.tracks, looks.vectors, strict=True) if looks is not None else ():
        if track in wanted:
            made[track] = {"identity.cosine": float(vector @ wanted[track])}
            if track in performers:
                made[track]["identity.performer"] = float(vector @ performers[track])
    return made


def _shapes(neutrals: Timeline[Neutrals] | None) -> dict[int, Floats]:
    """Track -> (478, 3) the face at rest; the first packet holds for the clip."""
    people = next((packet for packet in neutrals if packet is not None), None) if neutrals is not None else None
    return {track: one.shape for track, one in zip(people.tracks, people.faces, strict=True)} if people else {}


def _posed(before: Faces, after: Faces, source: dict[int, Floats], result: dict[int, Floats]) -> Scores:
    found = {face.track: face for face in after.faces}
    average = basis.load().mean
    made: Scores = {}
    for face in before.faces:
        if face.track in found:
            was = pose.fit(face.landmarks, source.get(face.track, average))
            now = pose.fit(found[face.track].landmarks, result.get(face.track, average))
            made[face.track] = {"pose.error_deg": apart(was, now)}
    return made
