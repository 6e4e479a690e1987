"""What a stage is.

A stage is a frozen dataclass: its fields are its configuration, the type hints of `process()` are its ports. Nothing
else declares a port. Hints are packets (`stages.packets`); `X | None` marks an input that may be absent. A stage whose
required input is absent on a frame is skipped, and its own output is absent.

Three scopes, one base class each:

    MapStage       process(frame, ...) -> packet          one frame, pure, may run in parallel
    OrderedStage   process(state, frame, ...) -> packet   one frame after another; `begin()` makes the state
    ClipStage      process(timeline, ...) -> iterator     sees the whole clip, yields one packet or None per frame

Ordered state is explicit, so that a stage object holds nothing but configuration and may be shared between runs, and
so that a run that was killed goes on where a chunk ended: `save()` and `restore()`.
"""

from __future__ import annotations

import inspect
import types
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from stages.frozen import freeze, thaw
from stages.packets import Job, Packet

Scope = Literal["map", "ordered", "clip"]
State = TypeVar("State")
PacketT = TypeVar("PacketT", bound=Packet, covariant=True)  # noqa: PLC0105


class Timeline(Sequence[PacketT | None], Generic[PacketT]):
    """One wire over the whole clip: item i is the packet of frame i, or None. Items may be read from disk."""


@dataclass(frozen=True, slots=True)
class Port:
    """One input of a stage. `whole` ports take a `Timeline` of `type`; `optional` ones accept absence."""

    name: str
    type: type[Packet]
    optional: bool
    whole: bool


class Stage(ABC):
    """One step of a pipeline."""

    scope: ClassVar[Scope]

    def prepare(self) -> None:  # noqa: B027 - most stages need nothing
        """Load what `process()` needs (models, tables), so that a missing one is reported before the first frame."""

    @classmethod
    def inputs(cls) -> dict[str, Port]:
        """The ports of `process()`, by parameter name."""
        return _inputs(cls)

    @classmethod
    def output(cls) -> type[Packet] | None:
        """What `process()` makes; None for a sink."""
        return _output(cls)


class MapStage(Stage):
    """Pure, one frame at a time: `process(frame: Frame, ...) -> Packet | None`."""

    scope = "map"

    @abstractmethod
    def process(self, *args: Any, **ports: Any) -> Packet | None:
        """Make this frame's packet."""


class OrderedStage(Stage, Generic[State]):
    """In presentation order, with state: `process(state, frame: Frame, ...) -> Packet | None`."""

    scope = "ordered"

    @abstractmethod
    def begin(self, job: Job) -> State:
        """Make the state that the clip's frames will pass through."""

    @abstractmethod
    def process(self, state: State, *args: Any, **ports: Any) -> Packet | None:
        """Make this frame's packet and update `state`."""

    def finish(self, state: State) -> None:
        """End of the clip: flush and close. Called only when every frame went through."""

    def abort(self, state: State) -> None:
        """The run failed or was interrupted: release what `state` holds. Whatever was not saved is thrown away."""

    def save(self, state: State) -> bytes:
        """All that was seen so far, for `restore`, called between two chunks; its files are whole and on disk by then.

        Raises:
            TypeError: the state holds what cannot be written down.
        """
        return freeze(state)

    def restore(self, job: Job, saved: bytes) -> State:
        """The state as it was saved, in another process maybe, as if nothing had happened between.

        Raises:
            ValueError: `saved` is damaged.
        """
        state: State = thaw(saved)
        return state


class ClipStage(Stage):
    """Sees the whole clip: `process(units: Timeline[Units], ...) -> Iterator[Units | None]`."""

    scope = "clip"

    @abstractmethod
    def process(self, *args: Any, **ports: Any) -> Iterator[Packet | None]:
        """Yield one packet, or None, for every frame."""


class LoopStage(ClipStage):
    """A clip stage that is told, on a few frames, what later stages made of its answer, before all frames are made.

    Its fed-back inputs are optional and absent the first time. rounds: how often it wants to be told.
    """

    rounds: int

    @abstractmethod
    def rehearsed(self, *args: Any, **ports: Any) -> Sequence[int]:
        """The frames to try, in order; the same inputs as `process()`, nothing fed back. None of them: no rehearsal."""


@cache
def _inputs(cls: type[Stage]) -> dict[str, Port]:
    process = cls.process  # type: ignore[attr-defined]
    hints = get_type_hints(process)
    names = list(inspect.signature(process).parameters)[2 if issubclass(cls, OrderedStage) else 1 :]
    return {name: _port(cls, name, hints.get(name)) for name in names}


def _port(cls: type[Stage], name: str, hint: Any) -> Port:
    inner, optional = _without_none(hint)
    whole = get_origin(inner) is Timeline
    kind = get_args(inner)[0] if whole else inner
    if not (isinstance(kind, type) and issubclass(kind, Packet)) or whole != (cls.scope == "clip"):
        wanted = "Timeline[Packet]" if cls.scope == "clip" else "a Packet"
        raise TypeError(f"{cls.__name__}.process: parameter {name!r} must be hinted as {wanted}, not {hint!r}")
    return Port(name, kind, optional, whole)


@cache
def _output(cls: type[Stage]) -> type[Packet] | None:
    hint = get_type_hints(cls.process).get("return")  # type: ignore[attr-defined]
    if cls.scope == "clip":
        hint = get_args(hint)[0]
    kind, _ = _without_none(hint)
    if kind is types.NoneType:
        return None
    if not (isinstance(kind, type) and issubclass(kind, Packet)):
        raise TypeError(f"{cls.__name__}.process must return a Packet or None, not {hint!r}")
    return kind


def _without_none(hint: Any) -> tuple[Any, bool]:
    """`X | None` -> (X, True); X -> (X, False)."""
    if get_origin(hint) not in (Union, types.UnionType):
        return hint, False
    rest = [arg for arg in get_args(hint) if arg is not types.NoneType]
    return (rest[0] if len(rest) == 1 else hint), len(rest) < len(get_args(hint))
