"""Jitter: how much the landmarks tremble, in the output against the source.

Landmarks are laid onto the mean face (`stages.expression.pose`), so that the head's motion is out of it; what is left
is differenced twice over three frames in a row. Speed is differenced once over the same three: white noise in the one
says nothing of that in the other, so frames may be picked by their calm without picking those whose noise is small.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from stages.contract import ClipStage, MapStage, Timeline
from stages.expression import pose
from stages.faces import layouts
from stages.packets import Edits, Face, Faces, Floats, Frame, Quality
from stages.quality.seen import SeeAgain

Pairs = dict[int, Floats]
"""Track -> (2, 468, 2): aligned landmarks of source and output."""


@dataclass(frozen=True, kw_only=True)
class SeeSource(MapStage):
    """Finds the landmarks of edited faces anew on the source, in the frames in a row that `as_output` looks at.

    as_output: how the output is looked at; None if it is not, and then the source is not either.
    """

    as_output: SeeAgain | None

    def prepare(self) -> None:
        """Open the landmark model."""
        if self.as_output is not None:
            self.as_output.prepare()

    def process(self, frame: Frame, faces: Faces, edits: Edits | None) -> Faces | None:
        """The source's faces as `as_output` finds them."""
        look = self.as_output
        if edits is None or look is None or not look.in_a_row(frame.at.index):
            return None
        edited = {edit.track for edit in edits.edits}
        return Faces(frame.at, tuple(look.again(frame, face) for face in faces.faces if face.track in edited))


@dataclass(frozen=True, kw_only=True)
class ScoreMotion(ClipStage):
    """Adds jitter and motion to what `pictured` holds, wherever three frames in a row were looked at again.

    Output (`seen`) and source (`source_seen`) must have been looked at alike: landmarks that were found from those of
    the same frame tremble up to a fifth less than those that were found from the frame before.
    """

    def process(
        self,
        source_seen: Timeline[Faces],
        pictured: Timeline[Quality] | None = None,
        seen: Timeline[Faces] | None = None,
    ) -> Iterator[Quality | None]:
        """One packet for every frame that has any score."""
        window: list[Pairs] = [{}, {}]
        ahead = chain(_pairs(source_seen, seen), iter([{}]))
        window.append(next(ahead))
        for index in range(len(source_seen)):
            window = [window[1], window[2], next(ahead)]
            scores, judged = _scores(window), pictured[index] if pictured is not None else None
            yield _joined(source_seen[index], judged, scores) if scores else judged


def _pairs(faces: Timeline[Faces], seen: Timeline[Faces] | None) -> Iterator[Pairs]:
    for index in range(len(faces)):
        before = faces[index]
        after = seen[index] if seen is not None and before else None
        found = {face.track: face for face in after.faces} if after else {}
        yield {
            face.track: np.stack([_aligned(face), _aligned(found[face.track])])
            for face in (before.faces if before else ())
            if face.track in found
        }


def _aligned(face: Face) -> Floats:
    """(468, 2) face space."""
    placed: Floats = pose.of(face.landmarks).to_face(face.landmarks)[: layouts.MESH_COUNT, :2]
    return placed


def _scores(window: list[Pairs]) -> dict[int, dict[str, float]]:
    """Of each track, for the middle one of three frames."""
    made = {}
    for track in window[0].keys() & window[1].keys() & window[2].keys():
        one, two, three = (pairs[track] for pairs in window)
        own, result = _rms(one - 2 * two + three)
        speed = float(_rms((three - one) / 2)[0])
        made[track] = {"jitter": float(result - own), "jitter.source": float(own), "motion": speed}
    return made


def _rms(steps: NDArray[np.floating]) -> Floats:
    """(2, n, 2) -> (2,)."""
    rms: Floats = np.sqrt(np.square(steps).sum(2).mean(1)).astype(np.float32)
    return rms


def _joined(faces: Faces | None, pictured: Quality | None, scores: dict[int, dict[str, float]]) -> Quality | None:
    """`pictured` with the scores of its tracks, and of those it lacks."""
    if faces is None:
        return pictured
    known = pictured.by_track() if pictured else {}
    both = {track: known.get(track, {}) | scores.get(track, {}) for track in {*known, *scores}}
    return Quality.of(faces.at, both, pictured.background if pictured else math.nan)
