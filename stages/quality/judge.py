"""The last word on a delivery's frames: head pose, who it looks like, and one number for all pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from stages.contract import ClipStage, Timeline
from stages.expression import basis, pose
from stages.faces.embed import Embedder, mean
from stages.identity.chosen import Chosen
from stages.packets import Covers, Faces, Floats, Neutrals, Prints, Quality, Role, Roles, Stamp
from stages.quality.naturalness import naturalness
from stages.render import reshape

_COVERED: Final = 0.1
"""Share of a face behind a hand, hair or a microphone beyond which nobody can be told by it."""

Scores = dict[int, dict[str, float]]
"""Track -> score by name."""


@dataclass(frozen=True, kw_only=True)
class Judge(ClipStage):
    """Adds what only the whole clip can tell: pose, identity, and `naturalness` where pictures were compared.

    Heads are fitted with each person's own neutral, a replaced one with the performer's as it was re-shaped: by other
    bones a head that stands as it stood seems to nod. identity: whose face is put on, and embedder: what `prints` and
    `seen_prints` are of; without them no identity is scored, nor is that of a face that something covers. shape:
    0..1, how far the face took on the identity's proportions.
    """

    identity: Chosen | None = None
    embedder: Embedder | None = None
    shape: float = 0.0

    def process(
        self,
        faces: Timeline[Faces],
        scored: Timeline[Quality] | None = None,
        seen: Timeline[Faces] | None = None,
        neutrals: Timeline[Neutrals] | None = None,
        prints: Timeline[Prints] | None = None,
        seen_prints: Timeline[Prints] | None = None,
        roles: Timeline[Roles] | None = None,
        covers: Timeline[Covers] | None = None,
    ) -> Iterator[Quality | None]:
        """One packet for every frame that has any score."""
        cast = next((packet.roles for packet in reversed(roles or ()) if packet is not None), ())  # the last knows all
        source, wanted, performers = _shapes(neutrals), self._wanted(cast), performing(prints)
        result = source | {one.track: self._reshaped(_rest(source, one.track), one) for one in cast}
        for index in range(len(faces)):
            before, judged = faces[index], scored[index] if scored is not None else None
            after = seen[index] if seen is not None else None
            looks = seen_prints[index] if seen_prints is not None else None
            posed = _posed(before, after, source, result) if before is not None and after is not None else {}
            at, hidden = before.at if before is not None else None, covers[index] if covers is not None else None
            likened = _likened(looks, wanted, performers)
            yield _joined(at, judged, posed, {track: one for track, one in likened.items() if _bare(hidden, track)})

    def _reshaped(self, rest: Floats, role: Role) -> Floats:
        """A replaced face at rest, as the warp has made it: the inner face moved, the outline where it was."""
        return rest + np.float32(self.shape) * reshape.displaced(rest, role.toward)

    def _wanted(self, cast: Sequence[Role]) -> dict[int, Floats]:
        """Of each replaced track the (d,) that it should look like."""
        if not cast or self.identity is None or self.embedder is None:
            return {}
        own = mean(self.identity.entry.vectors(self.embedder))
        return {role.track: own for role in cast}


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


def _bare(covers: Covers | None, track: int) -> bool:
    """Whether a face is free enough to tell whose it is."""
    cover = covers.of(track) if covers is not None else None
    return cover is None or float(cover.hidden.mean()) <= 255 * _COVERED


def _shapes(neutrals: Timeline[Neutrals] | None) -> dict[int, Floats]:
    """Track -> (478, 3) the face at rest; the first packet holds for the clip."""
    people = next((packet for packet in neutrals if packet is not None), None) if neutrals is not None else None
    return {track: one.shape for track, one in zip(people.tracks, people.faces, strict=True)} if people else {}


def _rest(shapes: dict[int, Floats], track: int) -> Floats:
    """A face at rest; the average one's where nobody knows."""
    return shapes.get(track, basis.load().mean)


def _posed(before: Faces, after: Faces, source: dict[int, Floats], result: dict[int, Floats]) -> Scores:
    found = {face.track: face for face in after.faces}
    made: Scores = {}
    for face in before.faces:
        if face.track in found:
            was = pose.fit(face.landmarks, _rest(source, face.track))
            now = pose.fit(found[face.track].landmarks, _rest(result, face.track))
            made[face.track] = {"pose.error_deg": apart(was, now)}
    return made
