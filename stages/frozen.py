"""State as bytes: what an ordered stage remembers, kept on disk between chunks, and read back in another process.

It is pickled, but reading takes only values, NumPy's arrays and our own classes, so that a file runs no foreign code.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, Final

import av
import numpy as np

from stages.media.pixels import visible

_OURS: Final = ("stages.",)
_KNOWN: Final = frozenset(
    {
        *(("builtins", name) for name in ("set", "frozenset", "complex", "slice", "range", "bytearray")),
        *(("collections", name) for name in ("deque", "defaultdict", "OrderedDict", "Counter")),
        *(("pathlib", name) for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")),
        *(("pathlib._local", name) for name in ("PosixPath", "WindowsPath")),
        ("fractions", "Fraction"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        *(("numpy._core.multiarray", name) for name in ("_reconstruct", "scalar")),
        ("numpy._core.numeric", "_frombuffer"),
    }
)


def freeze(state: Any) -> bytes:
    """`state` as bytes.

    Raises:
        TypeError: it holds what cannot be written down, such as an open file.
    """
    into = io.BytesIO()
    try:
        _Pickler(into, pickle.HIGHEST_PROTOCOL).dump(state)
    except (pickle.PicklingError, AttributeError) as error:
        raise TypeError(f"its state cannot be kept: {error}") from error
    return into.getvalue()


def thaw(data: bytes) -> Any:
    """What `freeze` was given.

    Raises:
        ValueError: the bytes are damaged, or name something that no state of ours holds.
    """
    try:
        return _Unpickler(io.BytesIO(data)).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError) as error:
        raise ValueError(f"not a state: {error}") from error


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        return _reduced(value) if isinstance(value, av.VideoFrame) else NotImplemented


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _KNOWN:
            return super().find_class(module, name)
        found = super().find_class(module, name) if module.startswith(_OURS) else None
        if isinstance(found, type) or found is _picture:
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is none of ours")


_TAGS: Final = ("pts", "time_base", "colorspace", "color_range", "color_primaries", "color_trc")


def _reduced(native: av.VideoFrame) -> tuple[Callable[..., av.VideoFrame], tuple[Any, ...]]:
    """Samples, time and colour tags; side data stays behind."""
    planes = [rows.tobytes() for rows in visible(native)]
    tags = {name: value for name in _TAGS if (value := getattr(native, name)) is not None}
    return _picture, (native.width, native.height, native.format.name, planes, tags)


def _picture(width: int, height: int, name: str, planes: list[bytes], tags: dict[str, Any]) -> av.VideoFrame:
    native = av.VideoFrame(width, height, name)
    for rows, data in zip(visible(native), planes, strict=True):
        rows[:] = np.frombuffer(data, np.uint8).reshape(rows.shape)
    for tag, value in tags.items():
        setattr(native, tag, int(value) if tag.startswith("color") else value)
    return native
