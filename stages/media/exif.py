"""The one EXIF tag that changes how a picture looks: its orientation, read and written in JPEG, PNG and TIFF files.

Sources: TIFF 6.0 (tag 274), Exif 2.32 (APP1 of JPEG), PNG third edition (eXIf).
"""

from __future__ import annotations

import struct
import zlib

UPRIGHT = 1
_TAG, _SHORT = 274, 3
_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_EXIF = b"Exif\0\0"
_BY_ROTATION = {90: 8, 180: 3, -180: 3, -90: 6, 270: 6}


def orientation(file: bytes) -> int:
    """How a viewer turns the picture: 1 (upright) to 8; 1 where the file does not say."""
    try:
        block = _block(file)
        entries = _entries(block)[2] if block else []
    except (struct.error, IndexError):
        return UPRIGHT
    order = _TIFF[bytes(block[:4])] if block else "<"
    found = next((struct.unpack(f"{order}H", e[8:10])[0] for e in entries if _tag(e, order) == _TAG), UPRIGHT)
    return found if 1 <= found <= 8 else UPRIGHT


def of_rotation(degrees: int) -> int:
    """The orientation that turns as PyAV's `VideoFrame.rotation` (counter-clockwise) says."""
    return _BY_ROTATION.get(degrees, UPRIGHT)


def oriented(file: bytes, wanted: int) -> bytes:
    """The picture file with the orientation `wanted`; its picture data stay as they are.

    Nothing is done for UPRIGHT: FFmpeg may have carried a tag along from a kind of file that is not read here.
    """
    if wanted in (UPRIGHT, orientation(file)):
        return file
    small = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _TAG, _SHORT, 1, wanted, 0, 0)
    if file.startswith(b"\xff\xd8"):
        return file[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(_EXIF + small)) + _EXIF + small + file[2:]
    if file.startswith(_PNG):
        chunk = b"eXIf" + small
        return file[:33] + struct.pack(">I", len(small)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + file[33:]
    return _tiff_oriented(file, wanted)


def _tiff_oriented(file: bytes, wanted: int) -> bytes:
    """The first directory once more at the end of the file, with the tag in it."""
    order, end, entries = _entries(file)
    tag = struct.pack(f"{order}HHIHH", _TAG, _SHORT, 1, wanted, 0)
    rest = [entry for entry in entries if _tag(entry, order) != _TAG]
    listed = sorted([*rest, tag], key=lambda entry: _tag(entry, order))
    body = file + bytes(len(file) % 2)
    directory = struct.pack(f"{order}H", len(listed)) + b"".join(listed) + file[end : end + 4]
    return body[:4] + struct.pack(f"{order}I", len(body)) + body[8:] + directory


def _block(file: bytes) -> bytes | None:
    """The TIFF structure that holds the tags."""
    if file.startswith(b"\xff\xd8"):
        return _in_jpeg(file)
    if file.startswith(_PNG):
        return _in_png(file)
    return file if file[:4] in _TIFF else None


def _in_jpeg(file: bytes) -> bytes | None:
    at = 2
    while file[at] == 0xFF and file[at + 1] not in (0xDA, 0xD9):
        size = int.from_bytes(file[at + 2 : at + 4])
        body = file[at + 4 : at + 2 + size]
        if file[at + 1] == 0xE1 and body.startswith(_EXIF):
            return body[len(_EXIF) :] if body[6:10] in _TIFF else None
        at += 2 + size
    return None


def _in_png(file: bytes) -> bytes | None:
    at = len(_PNG)
    while at + 8 <= len(file):
        size, kind = struct.unpack(">I4s", file[at : at + 8])
        if kind == b"eXIf":
            body = file[at + 8 : at + 8 + size]
            return body if body[:4] in _TIFF else None
        at += 12 + size
    return None


def _entries(tiff: bytes) -> tuple[str, int, list[bytes]]:
    """Byte order, end and 12-byte entries of the first directory."""
    order = _TIFF[tiff[:4]]
    (start,) = struct.unpack(f"{order}I", tiff[4:8])
    (count,) = struct.unpack(f"{order}H", tiff[start : start + 2])
    end = start + 2 + 12 * count
    return order, end, [tiff[at : at + 12] for at in range(start + 2, end, 12)]


def _tag(entry: bytes, order: str) -> int:
    return int(struct.unpack(f"{order}H", entry[:2])[0])
