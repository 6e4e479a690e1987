"""What is filmed for each protocol: the scripts, made from a seed and the settings alone."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np

from runner.evaluate.options import Options, Pulses
from runner.evaluate.planted import planted
from stages.expression.calibration import curves, filming
from stages.expression.calibration.curves import Doubles, Pulse
from stages.expression.calibration.filming import Script

PHOTO: Final = "photo"
"""The protocol `neutral` again, a single picture of each person."""
CONDITIONS: Final = ("yaw", "blur", "small", "dark")
WORST: Final[Mapping[str, float]] = {"yaw": 45.0, "blur": 4.0, "small": 0.16, "dark": 0.04}
"""Degrees, pixels, share of the picture's side, share of the light."""
EDITIONS: Final[Mapping[str, int]] = {"confidence": 2}
"""Protocol -> edition, 1 where none is named. Raise one when the same settings film something else, so that kept clips
are not taken for it."""
LEAD: Final = 1.6
"""Seconds cut off each end of a clip's curves, because movements start and end within them."""


@dataclass(frozen=True)
class Take:
    """One clip to be filmed. `name` tells it from any other; severity: (n,) 0..1, how bad its `condition` is."""

    name: str
    protocol: str
    script: Script
    marks: tuple[Pulse, ...] = ()
    condition: str = ""
    severity: Doubles | None = None


@dataclass(frozen=True)
class Ask:
    """A take that is asked for, and what makes it; making scripts that lie filmed already would be in vain."""

    name: str
    make: Callable[[], Take]


def asked(options: Options) -> list[Ask]:
    """All takes, turn and turn about between protocols, so that what is kept of a run that was ended can be used."""
    found = [(i / options.count(protocol), ask) for protocol in options.protocols for i, ask in _of(options, protocol)]
    return [ask for _, ask in sorted(found, key=lambda pair: pair[0])]


def _of(options: Options, protocol: str) -> Iterator[tuple[int, Ask]]:
    variants = {"neutral": ("", PHOTO), "confidence": CONDITIONS}.get(protocol, ("",))
    for i in range(options.count(protocol)):
        for variant in variants:
            yield i, _ask(options, protocol, options.first + i, variant)


def _ask(options: Options, protocol: str, seed: int, variant: str) -> Ask:
    own = {key: value for key, value in asdict(getattr(options, protocol)).items() if key != "people"}
    told = (EDITIONS.get(protocol, 1), own, variant, options.habits, options.side, options.rate, options.turn)
    digest = hashlib.sha256(repr(told).encode()).hexdigest()[:8]
    name = "-".join(part for part in (protocol, variant, str(seed), digest) if part)

    def make() -> Take:
        rng = np.random.default_rng([seed, zlib.crc32(f"{protocol} {variant}".encode())])
        return replace(_MAKERS[protocol](options, seed, rng, variant), name=name)

    return Ask(name, make)


def _pulsed(options: Options, seed: int, rng: np.random.Generator, pulses: Pulses, protocol: str) -> Take:
    length, rest = round(pulses.seconds * options.rate), round(pulses.rest * options.rate)
    shares, marks = curves.pulses(pulses.units, pulses.levels, max(length, 2), max(rest, 1), pulses.repeats)
    return Take("", protocol, _scripted(options, seed, rng, shares), marks)


def _pulses(options: Options, seed: int, rng: np.random.Generator, variant: str) -> Take:
    return _pulsed(options, seed, rng, options.pulses, "pulses")


def _micro(options: Options, seed: int, rng: np.random.Generator, variant: str) -> Take:
    return _pulsed(options, seed, rng, options.micro, "micro")


def _overlapping(options: Options, seed: int, rng: np.random.Generator, variant: str) -> Take:
    frames = round(options.overlapping.seconds * options.rate)
    shares = curves.overlapping(rng, frames, options.rate, options.overlapping.busy)
    return Take("", "overlapping", _scripted(options, seed, rng, shares))


def _neutral(options: Options, seed: int, rng: np.random.Generator, variant: str) -> Take:
    shares = np.zeros((1 if variant == PHOTO else options.neutral.frames, len(curves.SHOWN), 2))
    return Take("", variant or "neutral", _scripted(options, seed, rng, shares))


def _confidence(options: Options, seed: int, rng: np.random.Generator, variant: str) -> Take:
    frames, lead = round(options.confidence.seconds * options.rate), round(LEAD * options.rate)
    shares = curves.overlapping(rng, frames + 2 * lead, options.rate, options.overlapping.busy)
    script = _scripted(options, seed, rng, shares[lead : lead + frames])
    severity = curves.raised_cosine(frames)
    return Take("", "confidence", _worsened(script, variant, severity, rng), (), variant, severity)


def _events(options: Options, seed: int, rng: np.random.Generator, variant: str) -> Take:
    shares, marks = planted(rng, options.rate, options.events)
    return Take("", "events", _scripted(options, seed, rng, shares), marks)


def _worsened(script: Script, variant: str, severity: Doubles, rng: np.random.Generator) -> Script:
    head, worst = script.head / 2, WORST[variant]
    if variant == "yaw":
        head[:, 0] = severity * worst * rng.choice([-1, 1])
        return replace(script, head=head)
    if variant == "blur":
        return replace(script, head=head, blur=severity * worst)
    faded = worst**severity  # steps of the eye and of sensors are ratios
    return replace(script, head=head, size=faded) if variant == "small" else replace(script, head=head, dim=faded)


def _scripted(options: Options, seed: int, rng: np.random.Generator, shares: Doubles) -> Script:
    head = curves.wander(rng, len(shares), options.rate, (options.turn,) * 3)
    return filming.script(seed, options.habits, filming.camera(rng), shares, head)


_MAKERS: Final[Mapping[str, Callable[[Options, int, np.random.Generator, str], Take]]] = {
    "pulses": _pulses,
    "overlapping": _overlapping,
    "micro": _micro,
    "neutral": _neutral,
    "confidence": _confidence,
    "events": _events,
}
