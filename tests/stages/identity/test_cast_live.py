"""Who is replaced in live pictures: a man, then three people at a table, then the man again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runner.compose import composed_alone
from stages.errors import ConfigError
from stages.expression import coder
from stages.frozen import freeze, thaw
from stages.identity.cast_live import CastLive
from stages.identity.casting import toward
from stages.identity.enrol import Enrolled
from stages.packets import Neutrals, Role, Roles
from tests.stages.expression.held import Held
from tests.stages.identity.reels import add, photo, watch

Watched = tuple[Held, Held]
Sample = Callable[[str], Path]


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory, collins: Enrolled) -> CastLive:
    folder = tmp_path_factory.mktemp("identities")
    made: CastLive = composed_alone(["cast=live", "identity=collins", f"identities={folder / 'library'}"]).stage("cast")
    add(folder, collins, made)
    made.prepare()
    return made


@pytest.fixture(scope="module")
def watched(cast: CastLive, sample: Sample) -> Watched:
    return watch(cast, sample)


def played(cast: CastLive, watched: Watched, neutrals: Neutrals | None = None) -> tuple[list[Roles], list[str]]:
    """The roles of every frame, and the warnings."""
    state, made = cast.begin(None), []  # type: ignore[arg-type]
    for faces, prints in zip(*watched, strict=True):
        made.append(cast.process(state, faces, prints, neutrals))
        state = thaw(freeze(state))  # a run that was killed goes on
    cast.finish(state)
    return made, state.warnings


def tracks(roles: Roles) -> list[int]:
    return [role.track for role in roles.roles]


def test_the_first_largest_keeps_the_role_and_gets_it_again_after_a_cut(cast: CastLive, watched: Watched) -> None:
    first, *_, last = (packet.faces for packet in watched[0])
    made, warnings = played(cast, watched)
    assert tracks(made[0]) == [first[0].track]
    assert tracks(made[9]) == [first[0].track], "nobody at the table is taken for the man"
    assert tracks(made[-1]) == [first[0].track, last[0].track]
    assert first[0].track != last[0].track
    assert warnings == []


def test_all_and_a_number(cast: CastLive, watched: Watched) -> None:
    everyone = {face.track for packet in watched[0] for face in packet.faces}
    made, _ = played(replace(cast, who="all"), watched)
    for faces, roles in zip(watched[0], made, strict=True):
        assert {face.track for face in faces.faces} <= set(tracks(roles))
    assert set(tracks(made[-1])) == everyone
    made, _ = played(replace(cast, who=1), watched)
    assert {tuple(tracks(roles)) for roles in made} == {(), (1,)}
    made, warnings = played(replace(cast, who=17), watched)
    assert not any(roles.roles for roles in made)
    assert warnings == ["cast.who: there was no face 17; nobody was replaced"]


def test_a_photo_finds_its_person_and_nobody_else(
    cast: CastLive, watched: Watched, tmp_path: Path, sample: Sample
) -> None:
    made, _ = played(replace(cast, who=photo(tmp_path, sample, "talking_man_strong", 5)), watched)
    assert len(tracks(made[-1])) == 2
    assert tracks(made[0]) == [watched[0][0].faces[0].track]
    made, warnings = played(replace(cast, who=photo(tmp_path, sample, "talking_woman_mild", 5)), watched)
    assert not any(roles.roles for roles in made)
    assert "nobody looked like talking_woman_mild.png" in warnings[0]


def test_the_shape_follows_the_neutral_softly(cast: CastLive, watched: Watched) -> None:
    average = coder.tables().rest
    own = replace(average, shape=average.shape * np.float32([1, 1.1, 1]), known=True)
    at = watched[0][0].at
    neutrals = Neutrals(at, (0,), (own,))
    faces = Held([packet for packet in watched[0] if packet.faces[0].track == 0])
    state = cast.begin(None)  # type: ignore[arg-type]
    start = role(cast.process(state, faces[0], None, None))
    wanted = toward(cast.identity.likeness.neutral, own.shape)
    np.testing.assert_array_equal(start.toward, toward(cast.identity.likeness.neutral, average.shape))
    shown = (start, *(role(cast.process(state, packet, None, neutrals)) for packet in faces[1:]))
    away = [np.abs(one.toward - wanted).max() for one in shown]
    assert away[0] > 0.02
    step = 1 - np.exp(-float(faces[1].at.time_base) / cast.settle)
    assert away[1] / away[0] == pytest.approx(1 - step, abs=0.01)
    assert away[3] < away[2] < away[1]


def role(roles: Roles) -> Role:
    (one,) = roles.roles
    return one


def test_wrong_settings_are_named(cast: CastLive) -> None:
    with pytest.raises(ConfigError, match=r"cast\.settle: must be 0 to 10 seconds"):
        replace(cast, settle=-1)
    with pytest.raises(ConfigError, match=r"cast\.who: 'larges' is neither"):
        replace(cast, who="larges")
