"""`glabella identity add|list|show|remove|verify`: the library of faces that may be put on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console
from rich.table import Table

from runner.progress import bar, say
from runner.settings import Settings
from stages.errors import ClipError, ConfigError, DeliveryError
from stages.identity import consent as consents
from stages.identity.consent import Consent
from stages.identity.enrol import Enrol
from stages.identity.library import Entry, Library
from stages.identity.photos import Shot, Which
from stages.identity.together import check_files


def main(words: Sequence[str]) -> int:
    """Run the sub-command in `words`.

    Raises:
        ConfigError: a name, a consent or a setting that is no good.
        ClipError: a photo or clip that cannot be used.
    """
    options = _parser().parse_args(list(words))
    library = Library.at(options.folder)
    actions = {"add": _add, "list": _list, "show": _show, "remove": _remove, "verify": _verify}
    return actions[options.action](library, options)


def _parser() -> argparse.ArgumentParser:
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument("--folder", help="the library; by default GLABELLA_IDENTITIES or the user's data folder")
    parser = argparse.ArgumentParser("glabella identity", description="The library of faces that may be put on.")
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser(
        "add", parents=[everywhere], help="make an identity of photos and clips; prints its folder"
    )
    add.add_argument("name", help="a-z, 0-9, - and _; what identity=NAME will say")
    add.add_argument("photos", nargs="+", help="photos and clips of one person; sample:NAME for a sample")
    add.add_argument("--consent", help="the consent as YAML, see docs/identities.md")
    add.add_argument("--face", help="which face where a picture shows several: 1 is the leftmost; or 'largest'")
    add.add_argument("--skip", action="store_true", help="go on without pictures that cannot be used")
    add.add_argument("--force", action="store_true", help="replace an identity of that name")
    add.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, such as backend=cuda")
    show = actions.add_parser("show", parents=[everywhere], help="all about one identity")
    show.add_argument("name")
    show.add_argument("--sheet", help="a PNG to draw its photos and textures into")
    actions.add_parser("list", parents=[everywhere], help="every identity with its consent")
    remove = actions.add_parser("remove", parents=[everywhere], help="delete one with all its files")
    remove.add_argument("name")
    verify = actions.add_parser("verify", parents=[everywhere], help="read all files again, and check consent")
    verify.add_argument("name", nargs="?", help="none means all")
    return parser


def _add(library: Library, options: Any) -> int:
    library.check_name(options.name, force=options.force)
    if not options.consent:
        raise ConfigError("consent: say who allowed it with --consent FILE; docs/identities.md says what goes into it")
    consents.read(Path(options.consent)).check_dates()
    settings = _settings(options.set)
    enrol: Enrol = settings.stage("enrol")
    enrol.prepare()
    paths = [settings.located(photo) for photo in options.photos]
    check_files(paths)
    shots = _found(enrol, paths, _which(options.face), skip=options.skip)
    entry = library.add(options.name, enrol.likeness(options.name, shots), Path(options.consent), force=options.force)
    _print(_portraits(entry))
    print(entry.folder)
    return 0


def _found(enrol: Enrol, paths: Sequence[Path], which: Which, *, skip: bool) -> list[Shot]:
    """What can be used of every picture; each that cannot be is named."""
    shots: list[Shot] = []
    bad = 0
    with bar("photos", len(paths)) as advance:
        for path in paths:
            try:
                shots += enrol.find(path, which)
            except ClipError as error:
                bad += 1
                say(f"{'left out' if skip else 'refused'}: {error}")
            advance()
    if not shots or (bad and not skip):
        advice = "give others" if bad == len(paths) else "leave them out, or go on without them with --skip"
        raise ClipError(f"{bad} of {len(paths)} pictures cannot be used; {advice}")
    return shots


def _list(library: Library, options: Any) -> int:
    table = Table("name", "who", "photos", "consent", "for", box=None, header_style="bold")
    for name in library.names():
        try:
            entry = library.entry(name)
        except ConfigError as error:
            table.add_row(name, "", "", str(error), "")
            continue
        consent = entry.consent
        table.add_row(
            name, consent.who, str(len(entry.record["photos"])), _state(consent), ", ".join(consent.productions)
        )
    if not table.rows:
        say(f"{library.folder}: no identity yet; glabella identity add NAME PHOTOS --consent FILE")
    else:
        _print(table)
    return 0


def _show(library: Library, options: Any) -> int:
    entry = library.entry(options.name)
    consent = entry.consent
    for label, value in (
        ("name", entry.name),
        ("who", consent.who),
        ("granted by", f"{consent.granted_by}, on {consent.granted_on}"),
        ("consent", f"{_state(consent)} ({consent.paper})"),
        ("purposes", "; ".join(consent.purposes)),
        ("productions", ", ".join(consent.productions)),
        ("added", entry.record["added"]),
        ("digest", entry.digest),
    ):
        print(f"{label:12} {value}")
    _print(_portraits(entry))
    if options.sheet:
        _draw(entry, Path(options.sheet).expanduser())
    else:
        say(f"its photos and textures as a picture: glabella identity show {entry.name} --sheet sheet.png")
    print(options.sheet or entry.folder)
    return 0


def _draw(entry: Entry, file: Path) -> None:
    if file.suffix.lower() != ".png":
        raise ConfigError(f"--sheet: {file} must end in .png")
    coded = cv2.imencode(".png", entry.sheet()[..., ::-1])[1]
    try:
        file.write_bytes(coded.tobytes())
    except OSError as error:
        raise DeliveryError(f"--sheet: {file} cannot be written: {error.strerror}") from error


def _remove(library: Library, options: Any) -> int:
    library.remove(options.name)
    say(f"{options.name}: removed from {library.folder}")
    return 0


def _verify(library: Library, options: Any) -> int:
    bad = 0
    for name in [options.name] if options.name else library.names():
        try:
            entry = library.entry(name)
            entry.consent.check_dates()
            fault = entry.damage()
        except ConfigError as error:
            fault = str(error)
        bad += fault is not None
        print(f"{name}: {fault or 'ok'}")
    return ConfigError.exit_code if bad else 0


def _state(consent: Consent) -> str:
    try:
        consent.check_dates()
    except ConfigError:
        return f"expired {consent.until}" if consent.until < datetime.now(UTC).date() else f"from {consent.granted_on}"
    return f"until {consent.until}"


def _portraits(entry: Entry) -> Table:
    columns = ("file", "frame", "pixels", "yaw", "sharpness", "light")
    table = Table("photo", *columns[1:], "remarks", box=None, header_style="bold")
    for photo in entry.record["photos"]:
        table.add_row(*(str(photo[key]) for key in columns), "; ".join(photo["doubts"]))
    return table


def _which(text: str | None) -> Which:
    if text is None:
        return None
    if text == "largest":
        return "largest"
    if not text.isdecimal():
        raise ConfigError(
            f"--face: must be a number from 1, counted from the picture's left, or 'largest', not {text!r}"
        )
    return int(text)


def _settings(overrides: Sequence[str]) -> Settings:
    from runner.compose import composed_alone

    return composed_alone(overrides)


def _print(table: Table) -> None:
    Console(file=sys.stdout).print(table)
