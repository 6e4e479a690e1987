"""What a gallery shows: the settings of `glabella gallery` (conf/gallery)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.instantiate import did_you_mean
from stages import facs
from stages.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip of the gallery, by name; start: its first frame that is shown."""

    name: str
    clip: str
    start: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One render: `words` are its settings as on the command line."""

    clip: Clip
    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Clips times gains and profiles, and identities on clips.

    folder: below `outputs`. frames: most of each clip. settings: words of every render. clips: name -> {clip, start}.
    gains: name -> {units: numbers or `all`, at: gains}. profiles: files of conf/gain. identities: name -> photos, made
    for the occasion. replacements: name -> {identity, clip}, by their names. only: names of clips or entries, empty for
    all. sheet: a JPEG of every entry's face, or None.

    Raises:
        ConfigError: a value out of range, or of another form.
    """

    title: str
    folder: str
    frames: int
    settings: tuple[str, ...]
    clips: Mapping[str, Any]
    gains: Mapping[str, Any] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    identities: Mapping[str, Any] = field(default_factory=dict)
    replacements: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    sheet: str | None = None

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ConfigError(f"gallery.frames: must be 1 or more, not {self.frames}")
        known = {*self.clips, *self.replacements, *(name for name, _ in self._gains())}
        for name, about in self.replacements.items():
            self._check(name, about)
        for name in self.only:
            if name not in known:
                raise ConfigError(f"gallery.only: there is no {name!r}{did_you_mean(name, known)}")

    def entries(self) -> Iterator[Entry]:
        """What is to be rendered, clip by clip."""
        titles = {*dict(self._gains()), *self.replacements}
        clips, names = ([n for n in self.only if n in group] for group in (self.clips, titles))
        for name, about in self.clips.items():
            clip = _clip(name, about)
            for title, words in (*self._gains(), *self._replacements(name)) if not clips or name in clips else ():
                if not names or title in names:
                    yield Entry(clip, title, words)

    def _replacements(self, clip: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name, about in self.replacements.items():
            if about["clip"] == clip:
                yield name, ("pipeline=replace", f"identity={about['identity']}")

    def _check(self, name: str, about: Any) -> None:
        where = f"gallery.replacements.{name}"
        if not isinstance(about, Mapping) or about.keys() != {"identity", "clip"}:
            raise ConfigError(f"{where}: must be {{identity: NAME, clip: NAME}}, not {about!r}")
        for key, group in (("identity", self.identities), ("clip", self.clips)):
            if about[key] not in group:
                raise ConfigError(f"{where}.{key}: there is no {about[key]!r}{did_you_mean(str(about[key]), group)}")

    def _gains(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name, about in self.gains.items():
            where = f"gallery.gains.{name}"
            if not isinstance(about, Mapping) or about.keys() != {"units", "at"}:
                raise ConfigError(f"{where}: must be {{units: [12], at: [0.5, 1.5]}}, not {about!r}")
            units = facs.NAMES if about["units"] == "all" else about["units"]
            for gain in about["at"]:
                profile = ", ".join(f"{facs.canonical(unit)}: {gain}" for unit in units)
                yield f"{name} {gain:g}", ("gain=neutral", f"gain.au_gain={{{profile}}}")
        for profile in self.profiles:
            yield profile, (f"gain={profile}",)


def _clip(name: str, about: Any) -> Clip:
    try:
        return Clip(name, str(about["clip"]), int(about["start"]))
    except (KeyError, TypeError, ValueError):
        raise ConfigError(f"gallery.clips.{name}: must be {{clip: PATH, start: FRAME}}, not {about!r}") from None
