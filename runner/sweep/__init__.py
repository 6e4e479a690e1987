"""Sweeps: many runs of one analysis, side by side. Read `job.py` first."""

from runner.sweep.job import run_sweep

__all__ = ["run_sweep"]
