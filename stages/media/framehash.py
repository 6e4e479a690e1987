"""Hashes of pictures: equal for equal samples, whatever the padding of rows."""

from __future__ import annotations

import av
import numpy as np
import xxhash

from stages.media.pixels import visible

METHOD = "xxh3-128"


def framehash(native: av.VideoFrame) -> str:
    """XXH3-128 over all planes, in their order: 32 hexadecimal digits."""
    digest = xxhash.xxh3_128()
    for rows in visible(native):
        digest.update(np.ascontiguousarray(rows).data)
    return digest.hexdigest()
