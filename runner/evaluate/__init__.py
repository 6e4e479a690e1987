"""`glabella eval units`: the measurement of Action Units against curves that are known."""

from runner.evaluate.job import evaluate_units
from runner.evaluate.options import Options

__all__ = ["Options", "evaluate_units"]
