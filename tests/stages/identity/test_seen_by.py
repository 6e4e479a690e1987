"""Who a photo shows is kept with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stages.faces.embed import distance
from stages.identity.enrol import Enrol, Enrolled
from stages.media import decode


def test_a_photo_is_kept_with_what_its_whole_picture_shows(
    enrol: Enrol, collins: Enrolled, sample: Callable[[str], Path]
) -> None:
    (embedder,), (portrait,), (shot,) = enrol.embedders, collins.likeness.portraits, collins.shots
    frame = next(iter(decode.frames(decode.probe(sample("portrait")))))
    whole = embedder.vector(frame, shot.look.face.landmarks)
    assert portrait.vectors.keys() == {embedder.key}
    assert distance(portrait.vectors[embedder.key], whole) < embedder.same / 10
