"""`glabella eval`: the measurement against known curves, gains and replacements against what comes of them."""

from runner.evaluate.gains_job import evaluate_gains
from runner.evaluate.job import evaluate_units
from runner.evaluate.options import Options
from runner.evaluate.replace_job import evaluate_replace

__all__ = ["Options", "evaluate_gains", "evaluate_replace", "evaluate_units"]
