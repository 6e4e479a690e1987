"""What a failure looks like: one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys

from stages.errors import GlabellaError


def told(error: Exception) -> int:
    """Print the one line of `error` and return its exit code; GLABELLA_DEBUG raises an unforeseen one again."""
    what, code = line(error)
    print(f"error: {what}", file=sys.stderr)
    return code


def line(error: Exception) -> tuple[str, int]:
    """The one line of `error` and its exit code; GLABELLA_DEBUG raises an unforeseen one again."""
    foreseen = isinstance(error, GlabellaError)
    if not foreseen and os.environ.get("GLABELLA_DEBUG"):
        raise error
    what = " ".join(str(error).splitlines())
    if not foreseen:
        what = f"unexpected {type(error).__name__}: {what} (a fault of ours; GLABELLA_DEBUG=1 shows where)"
    return what, error.exit_code if isinstance(error, GlabellaError) else 1
