"""MLflow. Only this package imports mlflow."""

from runner.tracking.client import ARTIFACTS, Tracking
from runner.tracking.values import LOAD, LONGEST, UNIT, figures, metrics, params, tags

__all__ = ["ARTIFACTS", "LOAD", "LONGEST", "UNIT", "Tracking", "figures", "metrics", "params", "tags"]
