"""The settings of `glabella analyse`."""

from __future__ import annotations

from dataclasses import dataclass

from stages import facs
from stages.errors import ConfigError

_CSV = ("all", "openface")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What counts as seen and present, and which columns the CSV has.

    min_confidence: 0..1; a face below it has `success` 0, and a unit below it stays out of figures and curves' summary.
    present: intensity from which `AUxx_c` is 1, above 0, at most 5. csv: `all`, or `openface` for OpenFace 2's alone.

    Raises:
        ConfigError: a value out of range.
    """

    min_confidence: float = 0.2
    present: float = 0.5
    csv: str = "all"

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise ConfigError(f"analyse.min_confidence: must be 0 to 1, not {self.min_confidence}")
        if not 0 < self.present <= facs.MAX_INTENSITY:
            raise ConfigError(f"analyse.present: must be above 0 and at most 5, not {self.present}")
        if self.csv not in _CSV:
            raise ConfigError(f"analyse.csv: must be {' or '.join(_CSV)}, not {self.csv!r}")
