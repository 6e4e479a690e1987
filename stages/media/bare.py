"""The yardstick: decode and encode with nothing between, one loop on one thread, with the codecs' own threads."""

from __future__ import annotations

import time
from pathlib import Path

from stages.media.decode import Decode
from stages.media.encode import Encode
from stages.packets import Clip, Job


def bare_loop(clip: Clip, out: Path, encode: Encode, decode: Decode | None = None) -> tuple[int, float]:
    """Decode `clip` and encode it into the folder `out` with the settings of `encode`.

    Returns:
        Frames and seconds, the opening and flushing of both codecs included.

    Raises:
        ClipError, DeliveryError: as the stages do.
    """
    began, count = time.perf_counter(), 0
    writer = encode.begin(Job(clip, out))
    try:
        for frame in (decode or Decode()).frames(clip):
            writer.write(frame)
            count += 1
        encode.finish(writer)
    except BaseException:
        encode.abort(writer)
        raise
    return count, time.perf_counter() - began
