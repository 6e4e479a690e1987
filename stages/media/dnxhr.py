"""What FFmpeg's encoder leaves out of VC-3 pictures: it calls every one BT.709, whatever it was told.

Decoders believe the picture before the container. SMPTE ST 2019-1, picture header, the colour volume field.
"""

from __future__ import annotations

import av

ENCODER = "dnxhd"
_BYTE, _SHIFT, _MASK = 0x2C, 1, 0b110
_VOLUMES = {1: 0, 9: 1, 10: 2}  # H.273 matrix: BT.709, BT.2020 non-constant and constant luminance
_FROM_CONTAINER = 3


def tell_matrix(packet: av.Packet, matrix: int) -> None:
    """Write the matrix (H.273 table 4) into a coded picture; others than BT.709 and BT.2020 are left open."""
    data = bytearray(bytes(packet))
    if len(data) > _BYTE:
        data[_BYTE] = data[_BYTE] & ~_MASK | _VOLUMES.get(matrix, _FROM_CONTAINER) << _SHIFT
        packet.update(bytes(data))
