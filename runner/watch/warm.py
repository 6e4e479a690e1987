"""What jobs import, imported once: the process that they are forked from holds it already."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import stages

for found in pkgutil.walk_packages(stages.__path__, f"{stages.__name__}."):
    if not found.name.endswith("__main__"):
        import_module(found.name)
for name in ("job", "cli", "watch.gate", "watch.worker"):
    import_module(f"runner.{name}")
