"""Grain."""

from __future__ import annotations

from dataclasses import dataclass

from stages.contract import MapStage
from stages.packets import Edits


@dataclass(frozen=True, kw_only=True)
class Off(MapStage):
    """No grain is added."""

    def process(self, edits: Edits) -> Edits:
        """The very same packet."""
        return edits
