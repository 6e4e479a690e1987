"""Closed captions (CEA-608, CEA-708) ride in the pictures of H.264 and H.265 (ATSC A/53 part 4), not in a stream.

Decoders hand them out as side data of frames, edits keep that, and some encoders write it again.
"""

from __future__ import annotations

from typing import Final

import av
from av.sidedata.sidedata import Type

from stages.media.side_data import side_data

_CARRYING: Final[dict[str, dict[str, str]]] = {
    "libx264": {},
    "h264_nvenc": {},
    "hevc_nvenc": {},
    "mpeg2video": {},
    "libx265": {"a53cc": "1"},  # off unless told
}
_APART: Final = 16  # frames from one that is looked at to the next; a captioned stream has them on every frame
LOST: Final = "closed captions left out: only H.264 and H.265 carry them in their pictures"


def carrying(codec: str, options: dict[str, str]) -> dict[str, str]:
    """An encoder's options with what makes it write captions; the user's own word stands."""
    return {**_CARRYING.get(codec, {}), **options}


class Captions:
    """Looks whether captions come that this encoder does not write."""

    def __init__(self, codec: str, source: str) -> None:
        self._source, self._looking, self._frames = source, codec not in _CARRYING, 0

    def found(self, native: av.VideoFrame) -> bool:
        """True once, with the first frame of those looked at that carries some in vain.

        Not every frame is looked at: what PyAV was asked for side data lives on until garbage is collected.
        """
        self._frames += 1
        if self._frames % _APART != 1:
            return False
        found = self._looking and any(data.type == Type.A53_CC for data in side_data(native, self._source))
        self._looking = self._looking and not found
        return found
