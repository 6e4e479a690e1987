"""Tracks that are one person, from made vectors: what joins them, what keeps them apart, what tells of a slip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.backend import Cpu, Model
from stages.faces.embed import Embedder
from stages.identity.people import people, sighted, slip
from stages.models.registry import shipped
from stages.packets import Face, Faces, Prints, Stamp

ADA, BEN = np.eye(16)[0], np.eye(16)[1]
Looks = NDArray[np.float64]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    model = Model(asset=shipped()["identity_128"], backend=Cpu())
    return Embedder(name="made", model=model, layout="dlib_150", same=0.2)


def near(who: Looks, seed: int, spread: float = 0.08) -> NDArray[np.float32]:
    row = who + np.random.default_rng(seed).normal(0, spread, 16)
    return (row / np.linalg.norm(row)).astype(np.float32)


def clip(
    length: int, tracks: Mapping[int, tuple[range, Sequence[Looks], float]]
) -> tuple[list[Faces | None], list[Prints | None]]:
    """Per track: the frames it is seen in, whom it shows there in equal parts, and its size; a look every fifth."""
    faces: list[Faces | None] = []
    prints: list[Prints | None] = []
    for index in range(length):
        at = Stamp("made", index, index, Fraction(1, 25))
        here = {track: row for track, row in tracks.items() if index in row[0]}
        faces.append(Faces(at, tuple(face(track, row[2]) for track, row in here.items())) if here else None)
        looked = {track: near(shown(*row[:2], index), index * 100 + track) for track, row in here.items()}
        rows = np.stack(list(looked.values())) if looked else None
        prints.append(Prints(at, tuple(looked), rows) if rows is not None and index % 5 == 0 else None)
    return faces, prints


def shown(seen: range, who: Sequence[Looks], index: int) -> Looks:
    return who[(index - seen.start) * len(who) // len(seen)]


def face(track: int, size: float) -> Face:
    return Face(track, np.array([0, 0, size / 2, size], np.float32), np.zeros((478, 3), np.float32), 1.0)


def test_one_person_before_and_after_a_cut_is_one_person(embedder: Embedder) -> None:
    seen = {
        0: (range(40), [ADA], 100.0),
        1: (range(40, 80), [BEN], 90.0),
        2: (range(80, 120), [ADA], 300.0),
    }
    found = people(sighted(*clip(120, seen)), embedder)
    assert [(person.tracks, person.seen) for person in found.persons] == [((0, 2), 80), ((1,), 40)]
    assert found.persons[0].size == 200
    assert str(found.persons[0]) == "faces 0, 2"
    assert not found.slipped


def test_two_faces_of_one_frame_are_two_people_however_alike(embedder: Embedder) -> None:
    seen = {0: (range(60), [ADA], 100.0), 1: (range(30, 60), [ADA], 100.0), 2: (range(60, 90), [ADA], 100.0)}
    found = people(sighted(*clip(90, seen)), embedder)
    assert (1,) in [person.tracks for person in found.persons] or (1, 2) in [person.tracks for person in found.persons]
    assert len(found.persons) == 2


def test_without_looks_or_embedder_every_track_is_somebody_else(embedder: Embedder) -> None:
    faces, prints = clip(80, {0: (range(40), [ADA], 100.0), 1: (range(40, 80), [ADA], 100.0)})
    assert len(people(sighted(faces, prints), None).persons) == 2
    unseen = people(sighted(faces, [None] * 80), embedder).persons
    assert [person.vector for person in unseen] == [None, None]


@pytest.mark.parametrize(("who", "frame"), [([ADA, BEN], 50), ([ADA, ADA, ADA, BEN], 75), ([BEN, ADA, ADA, ADA], 25)])
def test_a_track_that_slips_to_somebody_else_is_told_with_the_frame(
    embedder: Embedder, who: list[Looks], frame: int
) -> None:
    tracks = sighted(*clip(100, {0: (range(100), who, 100.0)}))
    assert slip(tracks[0], embedder) == frame
    found = people(tracks, embedder)
    assert found.slipped == {0: frame}


def test_a_steady_track_with_one_bad_look_has_not_slipped(embedder: Embedder) -> None:
    faces, prints = clip(100, {0: (range(100), [ADA], 100.0)})
    hidden = prints[50]
    assert hidden is not None
    prints[50] = Prints(hidden.at, (0,), near(BEN, 1)[None])
    assert slip(sighted(faces, prints)[0], embedder) is None


def test_a_slipped_track_joins_nobody(embedder: Embedder) -> None:
    seen = {0: (range(60), [ADA], 100.0), 1: (range(60, 120), [ADA, BEN], 100.0), 2: (range(120, 160), [BEN], 90.0)}
    found = people(sighted(*clip(160, seen)), embedder)
    assert [person.tracks for person in found.persons] == [(0,), (1,), (2,)]
    assert set(found.slipped) == {1}
