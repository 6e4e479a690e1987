"""Dataclasses to plain JSON values and back, driven by type hints.

Only what our records hold: dataclasses, tuples, dicts, paths, fractions, optionals and JSON's own types.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
_LOGIN: Final = re.compile(r"(\w://)[^/@\s]+@")


def without_password(text: str) -> str:
    """`http://user:secret@host` -> `http://***@host`, anywhere in a text."""
    return _LOGIN.sub(r"\1***@", text)


def to_plain(value: Any) -> Any:
    """A JSON-ready copy, fit to be shown: fractions as `"30000/1001"`, paths as POSIX text, undefined or infinite
    floats as None, and no passwords in URLs."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, Path):
        return value.as_posix()
    return value if value is None or isinstance(value, int) else without_password(str(value))


def from_plain(kind: type[T], value: Any) -> T:
    """The inverse of `to_plain` for a value hinted as `kind`. Unknown keys of a dataclass are ignored.

    Raises:
        KeyError, TypeError, ValueError: the value does not fit the hint.
    """
    return cast(T, _revive(kind, value))


def _revive(hint: Any, value: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = next(arg for arg in args if arg is not types.NoneType)
        return None if value is None else _revive(inner, value)
    if origin is tuple:
        each = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        return tuple(_revive(kind, item) for kind, item in zip(each, value, strict=True))
    if origin in (dict, Mapping):
        return {key: _revive(args[1], item) for key, item in value.items()}
    return _revive_one(hint, value)


def _revive_one(hint: Any, value: Any) -> Any:
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        return hint(**{f.name: _revive(hints[f.name], value[f.name]) for f in fields(hint) if f.name in value})
    if hint is float and value is None:
        return math.nan
    return hint(value) if hint in (Fraction, Path, float) else value
