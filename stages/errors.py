"""Everything that can go wrong, and the exit code it ends with.

    GlabellaError            1
    ├── ConfigError          2   a YAML value or an override is wrong
    │   ├── GraphError       2   a pipeline is wired wrongly
    │   └── GainError        2   an unknown AU, a gain out of range
    ├── ClipError            3   the input is missing, unreadable or no video
    ├── ModelError           4   a model or medium could not be had, or its hash is wrong
    ├── BackendError         5   a requested provider did not load
    ├── DeliveryError        6   the output cannot be written (disk full, no permission, wrong container)
    ├── StageError           7   a stage failed on a frame
    └── GateError            8   the delivery was made, and a gate refuses it
    (KeyboardInterrupt)    130

A message is one line: where (config path, clip, frame, stage), what, and what to type next. docs/errors.md has an
entry per message.
"""

from __future__ import annotations

from typing import ClassVar


class GlabellaError(Exception):
    """An error a user can act on. Its text is one line; `exit_code` is the process's exit status."""

    exit_code: ClassVar[int] = 1


class ConfigError(GlabellaError):
    """A configuration value is wrong; the text begins with its config path."""

    exit_code = 2


class GraphError(ConfigError):
    """A pipeline cannot be wired; the text begins with `graph.<node>`."""


class GainError(ConfigError):
    """A gain profile names an unknown Action Unit or asks for a gain out of range."""


class ClipError(GlabellaError):
    """The input clip is missing, empty, truncated, or holds no picture."""

    exit_code = 3


class ModelError(GlabellaError):
    """A model or medium could not be had from any of its sources, or is not what its hash says."""

    exit_code = 4


class BackendError(GlabellaError):
    """An execution provider that was asked for did not really load."""

    exit_code = 5


class DeliveryError(GlabellaError):
    """The delivery or a report cannot be written."""

    exit_code = 6


class StageError(GlabellaError):
    """A stage failed on a frame: `clip frame N (0.123s): stage 'name' (Class) failed: cause`."""

    exit_code = 7


class GateError(GlabellaError):
    """A delivery was made whose scores a gate refuses: it lies beside its place, with its report."""

    exit_code = 8
