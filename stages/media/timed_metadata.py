"""Timed metadata of QuickTime and MP4 files: location, motion, exposure, face tracks of phones, drones and cameras.

FFmpeg copies the samples of such a track, but knows how to describe GoPro's alone. So the track is written as one of
GoPro's, and when the file is finished the description of the source's track takes that place: handler, media header,
sample description (ISO/IEC 14496-12, 8.4.3, 8.4.5, 8.5.2) and what it refers to (8.3.3).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import av.container

from stages.media.boxes import Box, index, track_id

_HINT, _TIMECODE = b"hint", b"tmcd"
_UNFIT: Final = (_HINT, _TIMECODE)  # one tells where the source's bytes lie, the other the muxer makes anew
_MEDIA_HEADERS: Final = (b"gmhd", b"nmhd")
_HANDLER: Final = slice(8, 12)  # of an hdlr's payload: what kind of media this is
_ENTRIES: Final = struct.Struct(">4xI")  # head of an stsd's payload: version and flags, number of descriptions
_REFERENCE: Final = slice(14, 16)  # of a description, head included: which data reference its samples lie in
_IDS: Final = struct.Struct(">I")
_OWN_FILE: Final = (1).to_bytes(2)


@dataclass(frozen=True, slots=True)
class Description:
    """What a track is. references: (kind, the source's track ids); chapters: it only holds the chapters' titles."""

    handler: bytes
    header: Box
    samples: Box
    references: tuple[tuple[bytes, tuple[int, ...]], ...]
    chapters: bool

    @property
    def kind(self) -> str:
        """The sample description's name, such as "mebx"."""
        return self.samples.payload[_ENTRIES.size + 4 : _ENTRIES.size + 8].decode("ascii", "replace")


def descriptions(path: Path) -> dict[int, Description]:
    """By track id, those of a QuickTime or MP4 file that are neither picture nor sound and can be described anew."""
    tracks = [box for box in index(path).children() if box.kind == b"trak"]
    titles = {track for trak in tracks for kind, ids in _references(trak) if kind == b"chap" for track in ids}
    found = {track_id(trak): _description(trak, track_id(trak) in titles) for trak in tracks}
    return {track: description for track, description in found.items() if description is not None}


def add_track(output: av.container.OutputContainer) -> Any:
    """A track for samples of any kind, to be described when the file is finished."""
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as example:
        packet = av.Packet(b"\0")
        packet.stream, packet.pts, packet.dts = example.add_data_stream("bin_data"), 0, 0
        example.mux(packet)
    memory.seek(0)
    with av.open(memory) as example:
        return output.add_stream_from_template(example.streams[0])


def described(trak: Box, description: Description, track_ids: Mapping[int, int]) -> Box:
    """A written track with the source's description. track_ids: the source's ids to those of the file."""
    trak = trak.changed(lambda inner: _of_media(inner, description))
    return Box(trak.kind, trak.payload + _referring(description, track_ids))


def _of_media(box: Box, description: Description) -> Box:
    """A box of a track, with what lies below it replaced."""
    if box.kind in (b"mdia", b"minf", b"stbl"):
        return box.changed(lambda inner: _of_media(inner, description))
    if box.kind == b"hdlr" and len(box.payload) >= _HANDLER.stop:
        return Box(box.kind, box.payload[: _HANDLER.start] + description.handler + box.payload[_HANDLER.stop :])
    if box.kind in _MEDIA_HEADERS:
        return description.header
    return description.samples if box.kind == b"stsd" else box


def _referring(description: Description, track_ids: Mapping[int, int]) -> bytes:
    """A track reference box, of the tracks that came along."""
    boxes = b""
    for kind, ids in description.references:
        there = [track_ids[track] for track in ids if track in track_ids]
        if there:
            boxes += bytes(Box(kind, struct.pack(f">{len(there)}I", *there)))
    return bytes(Box(b"tref", boxes)) if boxes else b""


def _references(trak: Box) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    tref = trak.find(b"tref")
    boxes = tref.children() if tref else []
    return tuple((box.kind, tuple(number for (number,) in _IDS.iter_unpack(_whole(box.payload)))) for box in boxes)


def _whole(ids: bytes) -> bytes:
    """Without what a damaged file has at the end."""
    return ids[: len(ids) // _IDS.size * _IDS.size]


def _description(trak: Box, chapters: bool) -> Description | None:
    """None where there is not one single description: copied samples all have the first."""
    handler, samples = trak.find(b"mdia", b"hdlr"), trak.find(b"mdia", b"minf", b"stbl", b"stsd")
    header = next((box for kind in _MEDIA_HEADERS if (box := trak.find(b"mdia", b"minf", kind))), None)
    if handler is None or samples is None or header is None or len(samples.payload) < _ENTRIES.size + _REFERENCE.stop:
        return None
    kind = handler.payload[_HANDLER]
    if kind in _UNFIT or _ENTRIES.unpack_from(samples.payload) != (1,):
        return None
    start, end = _ENTRIES.size + _REFERENCE.start, _ENTRIES.size + _REFERENCE.stop
    samples = Box(samples.kind, samples.payload[:start] + _OWN_FILE + samples.payload[end:])
    return Description(kind, header, samples, _references(trak), chapters)
