from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import av
import pytest

from runner.garbage import EVERY, between_frames


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


class Ring:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.ring = self


def test_garbage_does_not_outlive_a_few_frames() -> None:
    alive: list[weakref.ref[Ring]] = []
    with between_frames() as garbage:
        for _ in range(3 * EVERY):
            alive.append(weakref.ref(Ring()))
            garbage.frame()
            assert sum(ring() is not None for ring in alive) < EVERY
    assert gc.isenabled()


def test_pictures_whose_side_data_was_read_are_let_go() -> None:
    """PyAV's frame and its side data hold each other."""
    counted = []
    with between_frames() as garbage:
        for _ in range(2 * EVERY):
            list(av.VideoFrame(16, 16, "yuv420p").side_data)
            garbage.frame()
            counted.append(sum(isinstance(one, av.VideoFrame) for one in gc.get_objects()))
    assert max(counted) >= EVERY - 1, "they are garbage that must be looked for"
    assert counted[-1] == counted[EVERY - 1] <= 2


def test_older_objects_are_not_walked_and_are_walked_again_afterwards() -> None:
    before = gc.get_freeze_count()
    with between_frames():
        assert gc.get_freeze_count() > before + 1000
        assert not gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_whoever_switched_it_off_keeps_it_off() -> None:
    gc.disable()
    ring = weakref.ref(Ring())
    with between_frames() as garbage:
        for _ in range(EVERY):
            garbage.frame()
    assert ring() is not None
    assert not gc.isenabled()


def test_a_failure_leaves_it_as_it_was() -> None:
    with pytest.raises(ValueError, match="no"), between_frames():
        raise ValueError("no")
    assert gc.isenabled()
