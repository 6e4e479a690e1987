from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.watch.service import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path)
    yield made
    if made.process and made.process.poll() is None:
        made.process.kill()
        made.process.wait()
