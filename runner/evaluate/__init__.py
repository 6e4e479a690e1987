"""`glabella eval`: the measurement against curves that are known, and gains against what comes of them."""

from runner.evaluate.gains_job import evaluate_gains
from runner.evaluate.job import evaluate_units
from runner.evaluate.options import Options

__all__ = ["Options", "evaluate_gains", "evaluate_units"]
