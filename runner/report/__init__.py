"""The report of a run: table, figures, curves, pictures and one page that holds them."""

from runner.report.record import (
    Analysis,
    Delivered,
    FaceFacts,
    ModelUse,
    PassFacts,
    RunRecord,
)
from runner.report.write import Report, write

__all__ = [
    "Analysis",
    "Delivered",
    "FaceFacts",
    "ModelUse",
    "PassFacts",
    "Report",
    "RunRecord",
    "write",
]
