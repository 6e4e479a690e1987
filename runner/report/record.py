"""What a run knows of itself: enough to repeat it, and to say what it did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from runner.report.events import EventList
from runner.report.framehashes import Hashes
from runner.report.plain import from_plain, to_plain
from runner.report.review import Look
from stages.errors import DeliveryError
from stages.packets import Clip

SCHEMA: Final = 1
Task = Literal["run", "analyse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The master that left the run: where, SHA-256 (64 hexadecimal digits), bytes."""

    path: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUse:
    """One model of the run: registry name, SHA-256 of its file, licence, and the provider that really ran it."""

    name: str
    sha256: str
    licence: str
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityUse:
    """Whose face was put on: the library's name, SHA-256 of the likeness, and the reference of the signed consent.

    Nothing more is told, so that a report or MLflow holds nothing of the face itself.
    """

    name: str
    sha256: str
    consent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassFacts:
    """One pass over the clip: frames, wall seconds, frames per second."""

    name: str
    frames: int
    seconds: float
    fps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Where the measured curves came from, and the cache key they lie under."""

    source: Literal["measured", "cached"] = "measured"
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceFacts:
    """Tracks of the clip: how many, frames with and without a face, frames bridged by flow, times a track was lost."""

    tracks: int = 0
    frames_with: int = 0
    frames_without: int = 0
    bridged: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate said: its text, the figure (None if it was not measured), whether it caught the delivery.

    fatal: a gate that refuses deliveries; others warn.
    """

    gate: str
    value: float | None
    caught: bool
    fatal: bool

    @property
    def word(self) -> str:
        """What came of it."""
        return ("refused" if self.fatal else "warned") if self.caught else "passed"

    def __str__(self) -> str:
        found = "was not measured" if self.value is None else f"is {self.value:.4g}"
        name = self.gate.partition(" ")[0]
        return f"gate '{self.gate}': {name} {found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """Everything a run knows of itself.

    config is the resolved configuration as plain values. changed maps the dotted key of each setting that differs from
    the preset to (the preset's value, the run's value). stage_ms is milliseconds per frame. scores are the quality
    scores of the delivery by their documented names. started is ISO 8601 in UTC; seconds is wall time.
    events is None where nothing was looked for. review: stretches that a person should look at.
    gates are the verdicts on the delivery. task is the command: a run delivers pictures, an analysis tables.
    error is the one-line text of a failed run, empty for a good one; a failed run may have no delivery, and one that a
    gate refused has it in a folder of its own.
    """

    glabella: str
    command: tuple[str, ...]
    clip: Clip
    clip_sha256: str
    out: Path
    started: str
    seconds: float
    delivery: Delivered | None = None
    hashes: Hashes | None = None
    task: Task = "run"
    config: Mapping[str, Any] = field(default_factory=dict)
    preset: str = ""
    gain: str = ""
    production: str = ""
    changed: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    models: tuple[ModelUse, ...] = ()
    identities: tuple[IdentityUse, ...] = ()
    analysis: Analysis = Analysis()
    passes: tuple[PassFacts, ...] = ()
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    faces: FaceFacts = FaceFacts()
    scores: Mapping[str, float] = field(default_factory=dict)
    events: EventList | None = None
    review: tuple[Look, ...] = ()
    gates: tuple[Verdict, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""

    @property
    def frames(self) -> int:
        """Frames of the longest pass."""
        return max((one.frames for one in self.passes), default=0)

    @property
    def fps(self) -> float:
        """Frames per second of the whole run, every pass included."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready values, with `schema`."""
        return {"schema": SCHEMA, **to_plain(self)}

    def to_json(self) -> str:
        """Indented UTF-8 JSON."""
        return json.dumps(self.to_plain(), indent=2, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> RunRecord:
        """Read back what `to_json` or `report.json` holds.

        Raises:
            DeliveryError: not a record, or one of another schema.
        """
        try:
            plain = json.loads(text)
            schema = plain["schema"]
            if schema != SCHEMA:
                raise DeliveryError(f"report.json has schema {schema}; this glabella reads {SCHEMA}")
            return from_plain(cls, plain)
        except (KeyError, TypeError, ValueError) as error:
            raise DeliveryError(f"report.json is not a run record: {type(error).__name__}: {error}") from error
