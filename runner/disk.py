"""What a disk that takes no more, or fails, is called: one line with the file and what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from stages.errors import DeliveryError

_FULL: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the disk takes no larger file",
}
_AGAIN: Final = "; free space there, and the same command goes on"
_ADVICE: Final = {errno.EROFS: "; make it writable, or choose another place", errno.EACCES: "; check its permissions"}


def why(error: OSError) -> str:
    """What went wrong, in the system's words rather than a library's, and what to do."""
    number = error.errno or 0
    if number in _FULL:
        return f"{_FULL[number]}{_AGAIN}"
    return f"{os.strerror(number) if number else error}{_ADVICE.get(number, '')}"


@contextmanager
def disk_errors() -> Iterator[None]:
    """A full or failing disk, wherever it shows, is a delivery error of one line."""
    try:
        yield
    except OSError as error:
        raise DeliveryError(f"out: {error.filename or 'while writing'}: {why(error)}") from error


@contextmanager
def naming(path: os.PathLike[str]) -> Iterator[None]:
    """Errors of writing name the file: the system does so only where one is opened."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or os.fspath(path)
        raise
