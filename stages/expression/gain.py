"""Gain profiles: what a production asks of a performance. A profile is data; `stages.expression.shape` acts on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from stages.errors import GainError
from stages.expression import asking
from stages.expression.asking import Blinks, Hold, Span
from stages.expression.response import Response
from stages.packets import Floats

_OPEN: Final = ("au_gain", "response", "blinks", "smile")
"""Settings that a range overrides entry by entry; of the others it replaces the whole."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """How much of each Action Unit a production asks for. Every setting is explained in docs/gains.md.

    au_gain: unit (`4`, `AU4` or `AU04`) -> gain, or {left: gain, right: gain} of the performer's sides; what is not
    named is left alone. AU43 means how far the eyes close, blinks included; AU45 is another name for it. The same unit
    under two names (`12` on the command line, `AU12` in the profile) takes the later gain.
    response: unit -> {gain, offset, gamma, ceiling, dead_zone} of its response curve (`stages.expression.response`).
    micro, macro: gain of brief movements (at most .5 s), and of everything slower; a number for all units but lids and
    gaze, or unit -> number. blinks: {rate: a minute, depth: gain}. smile: {strength: gain, onset: speed} of AU6 and
    AU12. hold: a list of {au, from, to, release, person}: units that stay at their apex. ranges: a list of {from, to,
    person} with any of the other settings, which hold there instead.
    enable_smooth: move the smoothed course of a unit. allow_extreme: accept gains above 2. min_confidence: 0..1; a
    unit measured with less is left alone.

    Raises:
        GainError: anything else; the text begins with the place, such as `gain.au_gain.12` or `gain.ranges[0].from`.
    """

    au_gain: Mapping[Any, Any] = field(default_factory=dict)
    response: Mapping[Any, Any] = field(default_factory=dict)
    micro: Any = 1.0
    macro: Any = 1.0
    blinks: Mapping[str, Any] = field(default_factory=dict)
    smile: Mapping[str, Any] = field(default_factory=dict)
    hold: Sequence[Any] = ()
    ranges: Sequence[Any] = ()
    enable_smooth: bool = True
    allow_extreme: bool = False
    min_confidence: float = 0.2

    def __post_init__(self) -> None:
        for name in ("enable_smooth", "allow_extreme"):
            if not isinstance(getattr(self, name), bool):
                raise GainError(f"gain.{name} must be true or false, not {getattr(self, name)!r}")
        asking.number("gain.min_confidence", self.min_confidence, 0, 1)
        _ = self.layer, self.holds, self.layers  # read all of it, so that a mistake shows before the first frame

    @cached_property
    def layer(self) -> Layer:
        """What holds wherever no range does."""
        limit = asking.Limit(self.allow_extreme)
        gains, response = asking.gains(self.au_gain, limit), asking.response(self.response, limit)
        smile = asking.smile(self.smile, limit)
        gains = gains * smile.strength_of_units * response.gain
        micro, macro = (asking.parts(name, getattr(self, name), limit) for name in ("micro", "macro"))
        limit.check_products(gains, micro, macro)
        return Layer(
            replace(response, gain=gains),
            micro,
            macro,
            asking.blinks(self.blinks, limit),
            smile.onset,
            self.enable_smooth,
            float(self.min_confidence),
        )

    @cached_property
    def layers(self) -> tuple[tuple[Span, Layer], ...]:
        """Where each range holds, and what holds there; a later one covers an earlier one."""
        entries = asking.entries("gain.ranges", self.ranges)
        return tuple(self._range(f"gain.ranges[{i}]", entry) for i, entry in enumerate(entries))

    @cached_property
    def holds(self) -> tuple[Hold, ...]:
        """The units that stay at their apex, and when."""
        entries = asking.entries("gain.hold", self.hold)
        return tuple(asking.hold(f"gain.hold[{i}]", entry) for i, entry in enumerate(entries))

    @property
    def gains(self) -> Floats:
        """(facs.COUNT, 2) gain of every unit where no range holds; 1 where none is asked for."""
        return self.layer.response.gain

    @cached_property
    def touched(self) -> Any:
        """(facs.COUNT,) bool: units that something is asked of, somewhere."""
        named = np.any([layer.touched for layer in self.everywhere], axis=0)
        for hold in self.holds:
            named[list(hold.rows)] = True
        return named

    @property
    def idle(self) -> bool:
        """Nothing is asked for."""
        return not self.touched.any()

    @property
    def everywhere(self) -> tuple[Layer, ...]:
        """What holds somewhere."""
        return (self.layer, *(layer for _, layer in self.layers))

    def whole_clip(self) -> Iterator[str]:
        """The settings that need to see the whole clip."""
        asked = {
            "gain.micro": any((layer.micro != 1).any() for layer in self.everywhere),
            "gain.macro": any((layer.macro != 1).any() for layer in self.everywhere),
            "gain.blinks": any(not layer.blinks.idle for layer in self.everywhere),
            "gain.smile.onset": any(layer.onset != 1 for layer in self.everywhere),
            "gain.hold": bool(self.holds),
        }
        return (name for name, wanted in asked.items() if wanted)

    def _range(self, where: str, entry: Mapping[str, Any]) -> tuple[Span, Layer]:
        own = {f.name for f in fields(self)} - {"ranges", "hold"}
        asking.known(where, entry, (*asking.TIMES, *own), "a hold has times of its own" if "hold" in entry else "")
        span = asking.span(where, entry)
        changes = {name: self._over(name, entry[name]) for name in own & entry.keys()}
        try:
            return span, replace(self, **changes, ranges=(), hold=()).layer
        except GainError as error:
            raise GainError(where + str(error).removeprefix("gain")) from None

    def _over(self, name: str, value: Any) -> Any:
        """What a range's setting comes to over the profile's own."""
        below = getattr(self, name)
        if name not in _OPEN or not (isinstance(value, Mapping) and isinstance(below, Mapping)):
            return value
        named = {asking.key(name, key) for key in value}
        return {key: one for key, one in below.items() if asking.key(name, key) not in named} | dict(value)


@dataclass(frozen=True, slots=True)
class Layer:
    """A profile as numbers, at one time. response, micro, macro: (facs.COUNT, 2); onset: speed of a smile's onset."""

    response: Response
    micro: Floats
    macro: Floats
    blinks: Blinks
    onset: float
    smooth: bool
    least: float

    @property
    def touched(self) -> Any:
        """(facs.COUNT,) bool: units that something is asked of."""
        found = (~self.response.identity | (self.micro != 1) | (self.macro != 1)).any(axis=1)
        if not self.blinks.idle:
            found[list(asking.CLOSING)] = True
        if self.onset != 1:
            found[list(asking.SMILING)] = True
        return found
