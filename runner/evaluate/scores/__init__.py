"""What the protocols say: one mapping of figures a protocol, ready for JSON."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from runner.evaluate.scores.confidence import confidence
from runner.evaluate.scores.events import events
from runner.evaluate.scores.neutral import neutral
from runner.evaluate.scores.overlapping import overlapping
from runner.evaluate.scores.pair import OVERLAPPING, Pair, Scores
from runner.evaluate.scores.pulses import micro, pulses

__all__ = ["OVERLAPPING", "SCORED", "Pair", "Scores"]

SCORED: Final[Mapping[str, Callable[[Sequence[Pair]], Scores]]] = {
    "pulses": pulses,
    "overlapping": overlapping,
    "micro": micro,
    "neutral": neutral,
    "confidence": confidence,
    "events": events,
}
"""Protocol -> its scores."""
