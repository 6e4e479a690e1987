"""What a stage holds: its settings, the settings inside those, and so on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def held(value: Any, kind: type[T]) -> Iterator[T]:
    """Every `kind` among a setting and all settings inside it, tuples included."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from held(item, kind)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from held(getattr(value, field.name), kind)
