"""The report of a run: table, figures, curves, pictures and one page that holds them.

`runner.report.write` makes it; it is not imported here, because what only needs the record (command line, tracking)
should not wait for Parquet, pictures and templates.
"""

from runner.report.record import (
    Analysis,
    Delivered,
    FaceFacts,
    ModelUse,
    PassFacts,
    RunRecord,
)

__all__ = [
    "Analysis",
    "Delivered",
    "FaceFacts",
    "ModelUse",
    "PassFacts",
    "RunRecord",
]
