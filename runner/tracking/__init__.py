"""MLflow. Only this package imports mlflow."""

from runner.tracking.client import ARTIFACTS, Tracking
from runner.tracking.values import LONGEST, metrics, params, tags

__all__ = ["ARTIFACTS", "LONGEST", "Tracking", "metrics", "params", "tags"]
