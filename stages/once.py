"""Once an array: what several stages ask of the same face's landmarks is worked out by the first of them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from stages.packets import Floats

_T = TypeVar("_T")


def once(make: Callable[[Floats], _T]) -> Callable[[Floats], _T]:
    """`make`, a function of one array that nobody writes to, remembered for as long as that very array lives."""
    known: dict[int, tuple[weakref.ref[Any], _T]] = {}

    @wraps(make)
    def made(array: Floats) -> _T:
        key = id(array)
        held = known.get(key)
        if held is None or held[0]() is not array:
            held = known[key] = weakref.ref(array, lambda _: known.pop(key, None)), make(array)
        return held[1]

    return made
