from __future__ import annotations

import struct

import av
import pytest

from stages.media.extent import cut_short


def _riff(kind, size, there=None):
    return b"RIFF" + struct.pack("<I", size) + kind + bytes((size if there is None else there) - 4)


@pytest.mark.parametrize(
    ("content", "short"),
    [
        (_riff(b"AVI ", 100), False),
        (_riff(b"AVI ", 100, 60), True),
        (_riff(b"AVI ", 101) + b"\0" + _riff(b"AVIX", 50), False),
        (_riff(b"AVI ", 100) + _riff(b"AVIX", 50, 20), True),
        (_riff(b"AVI ", 108, 100), False),
        (_riff(b"AVI ", 0, 100), False),
        (_riff(b"AVI ", 100) + bytes(30), False),
    ],
    ids=["whole", "cut", "two chunks", "cut in the second", "counts its own head", "never finished", "padded"],
)
def test_avi_is_short_when_its_last_chunk_ends_beyond_the_file(tmp_path, content, short):
    (tmp_path / "a.avi").write_bytes(content)
    assert bool(cut_short(tmp_path / "a.avi", "avi")) is short


def test_a_live_recording_has_no_size_to_judge_by(make):
    source = make("a.mkv", pts=range(20))
    live = source.with_name("live.mkv")
    with av.open(str(source)) as read, av.open(str(live), "w", format="matroska", options={"live": "1"}) as written:
        copy = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.size:
                packet.stream = copy
                written.mux(packet)
    live.write_bytes(live.read_bytes()[:-100])
    assert cut_short(live, "matroska,webm") is None


def test_matroska_is_short_when_its_segment_ends_beyond_the_file(make):
    path = make("a.mkv", pts=range(20))
    whole = path.read_bytes()
    assert cut_short(path, "matroska,webm") is None
    path.write_bytes(whole[:-100])
    assert cut_short(path, "matroska,webm") == f"truncated, {len(whole) - 100} of {len(whole)} bytes are there"
