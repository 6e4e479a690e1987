"""An outbox that cannot be written: said in one line, what it holds can still be read, and all goes on when it can."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from runner.watch.command import ask
from stages.errors import DeliveryError
from tests.runner.test_disk import mounted
from tests.runner.watch.service import Service, clip


@pytest.fixture
def locked(service: Service) -> Iterator[Service]:
    """A service that has rendered one clip, whose outbox is a disk that is read-only now."""
    mounted(service.outbox)
    clip(service.inbox / "a.mkv")
    assert service.once() == 0
    subprocess.run(["mount", "-o", "remount,ro", str(service.outbox)], check=True)
    yield service
    subprocess.run(["umount", "--lazy", str(service.outbox)], check=True)


def test_a_locked_outbox_is_one_line_and_a_free_one_goes_on(
    locked: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    clip(locked.inbox / "b.mkv", 1)
    for words in ((), ("watch.sources=keep",)):
        with pytest.raises(DeliveryError, match=rf"^outbox: {locked.outbox} cannot be used: .*may it be written\?$"):
            locked.once(*words)
    with pytest.raises(DeliveryError, match="may it be written"):
        ask(["forget", str(locked.outbox)])
    assert ask(["status", str(locked.outbox)]) == 0
    assert "a.mkv  done" in capsys.readouterr().out
    assert (locked.inbox / "b.mkv").exists()
    subprocess.run(["mount", "-o", "remount,rw", str(locked.outbox)], check=True)
    assert locked.once() == 0
    assert locked.states() == {"a.mkv": "done", "b.mkv": "done"}
