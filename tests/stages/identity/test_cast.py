"""Who is replaced, on real clips: a man, then three people at a table, then the man again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from runner.compose import composed_alone
from stages.errors import ConfigError
from stages.expression import basis, coder, pose
from stages.identity.cast import Cast
from stages.identity.casting import toward
from stages.identity.enrol import Enrolled
from stages.media import decode
from stages.packets import Job, Neutrals, Roles
from tests.stages.expression.held import Held
from tests.stages.identity.reels import add, photo, watch


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory, collins: Enrolled) -> Cast:
    """As shipped, with the portrait's astronaut as the identity."""
    folder = tmp_path_factory.mktemp("identities")
    made: Cast = composed_alone(["identity=collins", f"identities={folder / 'library'}"]).stage("cast")
    add(folder, collins, made)
    made.prepare()
    return made


@pytest.fixture(scope="module")
def watched(cast: Cast, sample: Callable[[str], Path]) -> tuple[Held, Held]:
    return watch(cast, sample)


def roles(cast: Cast, watched: tuple[Held, Held], neutrals: Any = None) -> Roles:
    made = list(cast.process(*watched, neutrals))
    assert len(made) == len(watched[0])
    assert all(one is made[0] for one in made), "the same packet on every frame"
    assert made[0] is not None
    return made[0]


def test_the_largest_is_one_person_on_both_sides_of_two_cuts(cast: Cast, watched: tuple[Held, Held]) -> None:
    first, *_, last = (packet.faces for packet in watched[0])
    tracks = (first[0].track, last[0].track)
    assert tracks[0] != tracks[1], "a cut starts a new track"
    made = roles(cast, watched)
    assert tuple(role.track for role in made.roles) == tracks
    assert made.notes == ()


def test_all_and_a_number(cast: Cast, watched: tuple[Held, Held]) -> None:
    everyone = {face.track for packet in watched[0] for face in packet.faces}
    assert len(everyone) >= 4
    assert {role.track for role in roles(replace(cast, who="all"), watched).roles} == everyone
    for number in (1, "1"):
        assert [role.track for role in roles(replace(cast, who=number), watched).roles] == [1]
    with pytest.raises(ConfigError, match=r"cast\.who: there is no face 17 in this clip; its faces are 0, 1, 2"):
        roles(replace(cast, who=17), watched)


def test_a_photo_finds_its_person(
    cast: Cast, watched: tuple[Held, Held], tmp_path: Path, sample: Callable[[str], Path]
) -> None:
    chosen = replace(cast, who=photo(tmp_path, sample, "talking_man_strong", 5))
    chosen.prepare()
    assert roles(chosen, watched).roles[0].track == 0
    assert len(roles(chosen, watched).roles) == 2
    assert chosen.fingerprint != cast.fingerprint


def test_a_photo_of_nobody_here_of_nobody_and_of_several_is_said_in_words(
    cast: Cast, watched: tuple[Held, Held], tmp_path: Path, sample: Callable[[str], Path]
) -> None:
    stranger = replace(cast, who=photo(tmp_path, sample, "talking_woman_mild", 5))
    with pytest.raises(ConfigError, match=r"nobody in this clip looks like talking_woman_mild\.png: face"):
        roles(stranger, watched)
    with pytest.raises(ConfigError, match=r"table_of_three\.png shows \d faces; crop it"):
        replace(cast, who=photo(tmp_path, sample, "table_of_three", 24)).prepare()
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 300, 3), 90, np.uint8))
    with pytest.raises(ConfigError, match=r"no face is seen in wall\.png"):
        replace(cast, who=str(tmp_path / "wall.png")).prepare()
    with pytest.raises(ConfigError, match=r"cast\.who: 'larges' is neither largest nor all"):
        replace(cast, who="larges")


def test_the_identity_playing_itself_is_noted(cast: Cast, collins: Enrolled, sample: Callable[[str], Path]) -> None:
    frame = next(iter(decode.frames(decode.probe(sample("portrait")))))
    faces = cast.tracker.process(cast.tracker.begin(Job(None, Path())), frame)  # type: ignore[arg-type]
    prints = replace(composed_alone([]).stage("embed"), every=1).process(frame, faces)
    made = roles(cast, (Held([faces]), Held([prints])))
    assert [role.track for role in made.roles] == [0]
    assert "face 0 looks like collins already" in made.notes[0]


def test_a_clip_without_faces_has_no_roles(cast: Cast) -> None:
    assert list(cast.process(Held([None] * 3), Held([None] * 3), None)) == [None] * 3


def test_the_performers_own_neutral_counts_and_the_average_where_none_is_known(
    cast: Cast, watched: tuple[Held, Held]
) -> None:
    average = coder.tables().rest
    wide = replace(average, shape=(average.shape * (1.1, 1, 1)).astype(np.float32), known=True)
    at = watched[0][0].at
    identity = cast.identity.likeness.neutral
    told = roles(cast, watched, Held([None, Neutrals(at, (0,), (wide,))]))
    np.testing.assert_allclose(told.roles[0].toward, toward(identity, wide.shape), atol=1e-6)
    np.testing.assert_array_equal(told.roles[0].toward, told.roles[1].toward)  # one person, one shape
    np.testing.assert_allclose(roles(cast, watched).roles[0].toward, toward(identity, average.shape), atol=1e-6)


def test_only_shape_is_carried(collins: Enrolled) -> None:
    """A face that is the same but larger, shifted and turned asks for no change at all."""
    rest = basis.load().mean
    same = pose.Pose(1.2, pose.rotation(8, -5, 3), np.array([0.3, -0.2, 0.1])).to_image(rest)
    assert np.abs(toward(same, rest)).max() < 1e-4
    other = collins.likeness.neutral
    moved = pose.Pose(0.8, pose.rotation(-6, 4, 2), np.array([0.1, 0.2, 0])).to_image(other)
    np.testing.assert_allclose(toward(moved, rest), toward(other, rest), atol=1e-4)
    assert 0.02 < np.linalg.norm(toward(other, rest), axis=1).mean() < 0.3
