"""A timeline in memory, for tests of clip stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stages.contract import Timeline


class Held(Timeline[Any]):
    """A timeline in memory."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = list(items)

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)
