"""Keep a track on its person: where faces cross, a mesh may slide from the hidden face to the one before it.

Geometry cannot tell a face that moved from one that was swapped, so whoever is tracked is looked at now and then, and
on every frame where two faces meet or one jumps. A track that shows somebody else, or a mixture of two, ends there and
is looked for anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from stages.errors import ConfigError
from stages.faces.embed import Embedder, distance
from stages.faces.landmarks import Mesh
from stages.faces.roi import bounds, overlap
from stages.faces.tracks import Memory, Track
from stages.packets import Floats, Frame

MEETING: Final = 0.02
"""Intersection over union from which on two faces meet, and the picture of the one holds something of the other."""
JUMPED: Final = 0.03
"""Of a face's size: a step after which it is looked at at once; the step of a matched cut may be hardly larger."""
MIXED: Final = 1.3
"""Times the same-person distance beyond which a face that meets another one is no longer its own."""
STRANGER: Final = 1.6
"""Times the same-person distance beyond which a face is nobody's poor view; see docs/embeddings.md."""
PATIENCE: Final = 3
"""Looks in a row that it takes to say that a track shows a stranger; that it is mixed up with another one takes two."""
WAIT: Final = 1
"""Seconds for which a face that comes out from behind another one stays nobody's until it can be told whose it is; as
long as they still meet it stays so in any case."""
KEPT: Final = 20.0
"""Looks that a track's vector remembers."""


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """Looks at tracked faces. embedder: tells who they are. every: seconds from one look to the next, 0 to 10."""

    embedder: Embedder
    every: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.every <= 10:
            raise ConfigError(f"faces.recognition.every: must be 0 to 10 seconds, not {self.every}")

    def prepare(self) -> None:
        """Open the model."""
        self.embedder.prepare()

    def check(self, state: Memory, frame: Frame, now: Fraction) -> None:
        """End the tracks that are on somebody else's face."""
        meeting = {track.id for track in state.live if _meets(track, state)}
        looks = {
            track.id: self.embedder.vector(frame, track.landmarks)
            for track in state.live
            if not track.bridged and (track.id in meeting or self._is_due(track, now))
        }
        for track in [track for track in state.live if track.id in looks]:
            vector = looks[track.id]
            track.looked = now
            if track.vector is None:
                if track.id not in meeting:
                    track.learn(vector, KEPT)
                continue
            self._judge(state, track, vector, alone=track.id not in meeting)

    def admit(self, state: Memory, frame: Frame, mesh: Mesh, now: Fraction) -> None:
        """A face that no live track is on: whom it looks like, wherever that was lost; else who was lost about here and
        may look like that in a poor view; else somebody new."""
        if not state.lost:
            state.start(mesh.landmarks, mesh.presence, now)
            return
        vector, box = self.embedder.vector(frame, mesh.landmarks), bounds(mesh.landmarks)
        apart = {track.id: _apart(track, vector) for track in state.lost}
        near = min(state.lost, key=lambda track: apart[track.id])
        if apart[near.id] <= self.embedder.same:
            state.resume(near, mesh.landmarks, mesh.presence, now)
            return
        meets = any(overlap(box, track.box) > MEETING for track in state.live)
        hidden = (track for track in state.lost if track.vector is not None and (meets or now - track.seen < WAIT))
        if any(overlap(box, track.box) > MEETING for track in hidden):
            return
        most = (1 + STRANGER) / 2 * self.embedder.same
        state.admit(mesh.landmarks, mesh.presence, now, lambda track: track.vector is None or apart[track.id] <= most)

    def _judge(self, state: Memory, track: Track, vector: Floats, *, alone: bool) -> None:
        own = _apart(track, vector)
        track.doubt = own / self.embedder.same
        if own <= self.embedder.same:
            track.strange = 0
            if alone:
                track.learn(vector, KEPT)
            return
        track.strange += 1
        others = [other for other in (*state.live, *state.lost) if other is not track and other.vector is not None]
        known = min(others, key=lambda other: _apart(other, vector), default=None)
        if known is not None and _apart(known, vector) <= self.embedder.same:
            here = track.landmarks
            state.drop(track, astray=True)
            if known in state.lost:
                state.resume(known, here, track.presence, track.seen)
        elif not alone and track.doubt > MIXED and track.strange > 1:
            state.drop(track, astray=True)
            state.searched = None  # at once
        elif alone and track.doubt > STRANGER and track.strange >= PATIENCE:
            here = track.landmarks
            state.drop(track, astray=True)
            state.start(here, track.presence, track.seen).learn(vector, KEPT)

    def _is_due(self, track: Track, now: Fraction) -> bool:
        jumped = track.moved > JUMPED or track.strange > 0
        return jumped or track.looked is None or now - track.looked >= Fraction(self.every)


def _apart(track: Track, vector: Floats) -> float:
    return distance(vector, track.vector) if track.vector is not None else 2.0


def _meets(track: Track, state: Memory) -> bool:
    """Whether it overlaps another one, or the place where one was lost: there a hidden face comes out again."""
    box = track.box
    return any(overlap(box, other.box) > MEETING for other in (*state.live, *state.lost) if other is not track)
