"""Everything of a clip's file but its picture: what comes along, where it cannot, and that it is said."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import pytest
from av.sidedata.sidedata import Type
from av.stream import Disposition

from stages.media.boxes import Box, edit_index, index
from stages.media.captions import LOST
from stages.media.decode import frames, probe
from stages.media.encode import Encode
from stages.media.timed_metadata import Description, descriptions
from stages.packets import Job
from tests.stages.media.synthetic_clips import picture
from tests.stages.media.test_masters import ffprobe

QUIET = {"x265-params": "log-level=none"}
MILLISECOND = Fraction(1, 1000)
KEYS = bytes(Box(b"keys", bytes(Box(b"\0\0\0\1", bytes(Box(b"keyd", b"mdtacom.apple.quicktime.location"))))))
MEBX = struct.pack(">4xI", 1) + bytes(Box(b"mebx", b"\0" * 6 + b"\0\1" + KEYS))
CHAPTERS = [
    {"id": n + 1, "start": n * 160, "end": n * 160 + 160, "time_base": MILLISECOND, "metadata": {"title": title}}
    for n, title in enumerate(("arrival", "departure"))
]


def made(path, *, data=None, sub=None, cover=None, attach=(), chapters=(), codec="libx264", rate=25):
    """A clip of 8 frames with other streams beside; `data` is a data codec, `cover` the codec of a picture."""
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w") as output:
        if cover:
            front = output.add_stream(cover)
            front.width, front.height, front.pix_fmt = 32, 32, "yuvj420p" if cover == "mjpeg" else "rgb24"
            front.disposition = Disposition.attached_pic
        stream = output.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        told = output.add_data_stream(data) if data else None
        if told:
            told.time_base = MILLISECOND
            told.metadata.update({"title": "position", "language": "deu"})
        words = output.add_mux_stream(sub) if sub else None
        if words:
            words.time_base = MILLISECOND
            words.metadata.update({"title": "for the hard of hearing", "language": "nld"})
            words.disposition = Disposition.forced | Disposition.hearing_impaired
        for attachment in attach:
            output.add_attachment(*attachment)
        output.set_chapters(list(chapters))
        if cover:
            output.mux(front.encode(picture(front.pix_fmt, size=(32, 32))))
        for number in range(8):
            native = picture("yuv420p", number)
            native.pts, native.time_base = number, Fraction(1, rate)
            output.mux(stream.encode(native))
            for other in (told, words):
                if other and number % 3 == 0:
                    packet = av.Packet(b"%d: " % number + b"48.137 N 11.575 E")
                    packet.stream, packet.time_base = other, MILLISECOND
                    packet.pts = packet.dts = number * 40
                    packet.duration = 120
                    output.mux(packet)
        output.mux(stream.encode(None))
    return path


def tracks(path):
    return [box for box in index(path).children() if box.kind == b"trak"]


def as_a_phone_does(path):
    """Turns the data track into Apple's timed metadata: described by `mebx`, referring to the picture."""
    last = tracks(path)[-1]

    def inside(inner):
        if inner.kind in (b"mdia", b"minf", b"stbl"):
            return inner.changed(inside)
        return Box(b"stsd", MEBX) if inner.kind == b"stsd" else inner

    def of_moov(inner):
        if bytes(inner) != bytes(last):
            return inner
        trak = inner.changed(inside)
        return Box(b"trak", trak.payload + bytes(Box(b"tref", bytes(Box(b"cdsc", struct.pack(">I", 1))))))

    edit_index(path, of_moov)
    return path


def deliver(source, folder, container, chunk=None, codec="libx264"):
    """Through the encoder, in chunks where asked; there a run dies after frame 5 and another goes on."""
    folder.mkdir(exist_ok=True)
    clip, stage = probe(source), Encode(codec=codec, container=container, options=QUIET if codec == "libx265" else {})
    job, saved, start = Job(clip, folder, chunk), None, 0
    state = stage.begin(job)
    for stop in (5, None) if chunk else (None,):
        for frame in frames(clip, start=start, stop=stop):
            stage.process(state, frame)
            if chunk and (frame.at.index + 1) % chunk == 0:
                saved, start = stage.save(state), frame.at.index + 1
        if stop is not None:
            stage.abort(state)
            state = stage.restore(job, saved)
    stage.finish(state)
    return state.path, state.warnings


def told(path, kind):
    """Of every stream of a kind: what it is called and holds."""
    with av.open(str(path)) as container:
        streams = [s for s in container.streams if s.type == kind and "timecode" not in s.metadata]
        packets = {s.index: [] for s in streams}
        for packet in container.demux(streams) if streams else ():
            if packet.size:
                packets[packet.stream_index].append((packet.pts * packet.time_base, bytes(packet)))
        keys = ("title", "name", "language")
        named = [{k: s.metadata[k] for k in keys if k in s.metadata} for s in streams]
        return [(n, s.disposition, packets[s.index]) for n, s in zip(named, streams, strict=True)]


@pytest.mark.parametrize("chunk", [None, 3], ids=["in one go", "killed"])
@pytest.mark.parametrize("container", ["mov", "mp4"])
def test_timed_metadata_of_phones_comes_along_with_its_description(tmp_path, container, chunk):
    source = as_a_phone_does(made(tmp_path / "source" / "a.mp4", data="bin_data"))
    path, warnings = deliver(source, tmp_path / "out", container, chunk)
    assert warnings == []
    (before,), (after,) = told(source, "data"), told(path, "data")
    assert [data for _, data in before[2]] == [b"%d: 48.137 N 11.575 E" % n for n in (0, 3, 6)]
    assert before[1:] == after[1:]
    assert after[0].get("language") == "deu"
    trak = tracks(path)[-1]
    assert trak.find(b"mdia", b"minf", b"stbl", b"stsd").payload == MEBX
    assert trak.find(b"mdia", b"hdlr").payload[8:12] == b"meta"
    assert trak.find(b"tref", b"cdsc").payload == struct.pack(">I", 1)
    assert len(list(frames(probe(path)))) == 8


def test_ffprobe_reads_what_kind_of_timed_metadata_it_is(tmp_path):
    source = as_a_phone_does(made(tmp_path / "source" / "a.mp4", data="bin_data"))
    path, _ = deliver(source, tmp_path / "out", "mov")
    assert [stream["codec_tag_string"] for stream in ffprobe(path)] == ["avc1", "mebx"]


def test_damaged_descriptions_are_left_out_and_nothing_breaks(tmp_path):
    source = as_a_phone_does(made(tmp_path / "source" / "a.mp4", data="bin_data"))
    whole, moov = source.read_bytes(), source.read_bytes().rindex(b"moov")
    for at in range(moov + 4, len(whole), 7):
        source.write_bytes(whole[:at] + b"\0\0\0\x0d" + whole[at + 4 :])
        assert all(isinstance(found, Description) for found in descriptions(source).values())
    source.write_bytes(whole[: moov + 90])
    assert descriptions(source) == {}


def test_a_second_generation_still_has_its_timed_metadata(tmp_path):
    source = as_a_phone_does(made(tmp_path / "source" / "a.mp4", data="bin_data"))
    first, _ = deliver(source, tmp_path / "first", "mov")
    second, warnings = deliver(first, tmp_path / "second", "mp4")
    assert warnings == []
    assert [p for _, _, p in told(second, "data")] == [p for _, _, p in told(source, "data")]
    assert bytes(tracks(second)[-1].find(b"tref")) == bytes(tracks(source)[-1].find(b"tref"))


def test_timed_metadata_that_a_container_cannot_hold_is_named(tmp_path):
    source = as_a_phone_does(made(tmp_path / "source" / "a.mp4", data="bin_data"))
    path, warnings = deliver(source, tmp_path / "out", "mkv", codec="ffv1")
    assert [w for w in warnings if "1 ms" not in w] == [
        "data stream 1 (mebx) left out: a .mkv file cannot hold it; .mov and .mp4 and .m4v can"
    ]
    assert told(path, "data") == []


def test_telemetry_of_a_transport_stream_is_named(tmp_path):
    source = made(tmp_path / "source" / "a.ts", data="klv")
    path, warnings = deliver(source, tmp_path / "out", "mov")
    assert warnings == ["data stream 1 (klv) left out: a .mov file cannot hold it"]
    assert told(path, "data") == []


@pytest.mark.parametrize("chunk", [None, 3], ids=["in one go", "killed"])
def test_fonts_chapters_subtitles_and_their_names_stay_in_matroska(tmp_path, chunk):
    files = [("Inter.ttf", "font/ttf", bytes(range(256)) * 9), ("notes.txt", "text/plain", b"grade me")]
    source = made(tmp_path / "source" / "a.mkv", sub="subrip", attach=files, chapters=CHAPTERS)
    path, warnings = deliver(source, tmp_path / "out", "mkv", chunk)
    assert warnings == []
    with av.open(str(path)) as container:
        assert [(a.name, a.mimetype, a.data) for a in container.streams.attachments] == files
        assert [c["metadata"]["title"] for c in container.chapters()] == ["arrival", "departure"]
    (before,), (after,) = told(source, "subtitle"), told(path, "subtitle")
    assert before == after
    assert after[0] == {"title": "for the hard of hearing", "language": "nld"}
    assert Disposition(after[1]) == Disposition.forced | Disposition.hearing_impaired


@pytest.mark.parametrize("language", ["deu", "swe", "gsw", "jpn"])
@pytest.mark.parametrize("container", ["mov", "mp4"])
def test_languages_stay_that_the_macintosh_had_no_number_for(make, tmp_path, container, language):
    source = make("a.mp4", codec="libx264", metadata={"language": language}, audio=("aac",))
    path, warnings = deliver(source, tmp_path / "out", container)
    assert warnings == []
    with av.open(str(path)) as after:
        assert after.streams.video[0].language == language
        assert len(after.streams.audio) == 1


@pytest.mark.parametrize("container", ["mov", "mp4"])
def test_what_a_phone_says_of_itself_stays(tmp_path, container):
    says = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.location.ISO6709": "+48.137+011.575/"}
    source = tmp_path / "a.mov"
    with av.open(str(source), "w", container_options={"movflags": "use_metadata_tags"}) as output:
        output.metadata.update(says)
        one_picture(output, output.add_stream("libx264", rate=25))
    path, warnings = deliver(source, tmp_path / "out", container)
    assert warnings == []
    with av.open(str(path)) as after:
        assert says.items() <= after.metadata.items()


def one_picture(output, *streams):
    for stream in streams:
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
    for stream in streams:
        native = picture("yuv420p")
        native.pts, native.time_base = 0, Fraction(1, 25)
        output.mux(stream.encode(native))
    for stream in streams:
        output.mux(stream.encode(None))


def test_a_second_picture_is_named(tmp_path):
    source = tmp_path / "a.mkv"
    with av.open(str(source), "w") as output:
        one_picture(output, *(output.add_stream("ffv1", rate=25) for _ in range(2)))
    _, warnings = deliver(source, tmp_path / "out", "mkv", codec="ffv1")
    assert warnings == ["video stream 1 left out: one picture is edited and delivered, the first"]


def test_fonts_stay_behind_where_only_matroska_holds_them_and_that_is_said(tmp_path):
    source = made(tmp_path / "source" / "a.mkv", attach=[("a.ttf", "font/ttf", b"abc")], chapters=CHAPTERS)
    path, warnings = deliver(source, tmp_path / "out", "mp4")
    assert warnings == ["attachment stream 1 (a.ttf) left out: a .mp4 file cannot hold it; .mkv can"]
    with av.open(str(path)) as container:
        assert len(container.chapters()) == 2


@pytest.mark.parametrize("name", ["a.mov", "a.mp4"])
@pytest.mark.parametrize("container", ["mov", "mp4", "mkv"])
def test_chapters_are_carried_once(tmp_path, name, container):
    source = made(tmp_path / "source" / name, chapters=CHAPTERS)
    path, warnings = deliver(source, tmp_path / "out", container)
    assert [w for w in warnings if "1 ms" not in w] == []
    with av.open(str(path)) as after:
        found = [(c["start"] * c["time_base"], c["metadata"]["title"]) for c in after.chapters()]
        assert found == [(0, "arrival"), (Fraction(160, 1000), "departure")]
        assert len(after.streams) <= 2


@pytest.mark.parametrize("codec", ["mjpeg", "png"])
@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_the_cover_stays_and_is_not_taken_for_the_picture(tmp_path, container, codec):
    source = made(tmp_path / "source" / "a.mp4", cover=codec)
    clip = probe(source)
    assert clip.width == 96
    path, warnings = deliver(source, tmp_path / "out", container, 3)
    assert [w for w in warnings if "1 ms" not in w] == []
    (before,), (after,) = (covers(p) for p in (source, path))
    assert before == after
    again, warnings = deliver(path, tmp_path / "again", "mp4")
    assert warnings == []
    assert covers(again) == [before]


def covers(path):
    with av.open(str(path)) as container:
        streams = [s for s in container.streams.video if s.disposition & Disposition.attached_pic]
        return [bytes(p) for p in container.demux(streams) if p.size]


def test_a_cover_that_does_not_fit_is_named(tmp_path):
    source = made(tmp_path / "source" / "a.mp4", cover="png")
    _, warnings = deliver(source, tmp_path / "out", "mov")
    assert len(warnings) == 1
    assert "left out: a .mov file cannot hold it; .mp4 and .m4v and .mkv can" in warnings[0]


def captioned(path):
    """H.264 with a CEA-608 pair in the user data of every picture."""
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in (*range(8), None):
            native = None if number is None else picture("yuv420p", number)
            if native is not None:
                native.pts, native.time_base = number, Fraction(1, 25)
            for packet in stream.encode(native):
                said = b"\xb5\x00\x31GA94\x03\xc1\xff\xfc" + bytes(
                    [0x80 | 65 + int(packet.pts * 25 * packet.time_base), 97]
                )
                message = b"\x06\x04" + bytes([len(said) + 1]) + said + b"\xff\x80"
                spoken = av.Packet(b"\0\0\0\1" + message + bytes(packet))
                spoken.pts, spoken.dts, spoken.time_base = packet.pts, packet.dts, packet.time_base
                spoken.is_keyframe, spoken.stream = packet.is_keyframe, stream
                output.mux(spoken)
    return path


def captions(path):
    return [[bytes(d) for d in f.native.side_data if d.type == Type.A53_CC] for f in frames(probe(path))]


@pytest.mark.parametrize("chunk", [None, 3], ids=["in one go", "killed"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_closed_captions_stay_in_the_pictures(tmp_path, codec, chunk):
    source = captioned(tmp_path / "source" / "a.mp4")
    path, warnings = deliver(source, tmp_path / "out", "mp4", chunk, codec)
    assert warnings == []
    assert captions(path) == captions(source)
    assert [bytes([0xFC, 0x80 | 66, 97])] in captions(path)


@pytest.mark.parametrize("chunk", [None, 3], ids=["in one go", "killed"])
def test_captions_that_the_codec_cannot_hold_are_named_once(tmp_path, chunk):
    source = captioned(tmp_path / "source" / "a.mp4")
    path, warnings = deliver(source, tmp_path / "out", "mkv", chunk, "ffv1")
    assert [w for w in warnings if "captions" in w] == [LOST]
    assert captions(path) == [[]] * 8


def test_captions_outlast_a_change_of_pixels(tmp_path):
    source = captioned(tmp_path / "source" / "a.mp4")
    stage, clip = Encode(codec="libx265", pixel_format="yuv420p10le", options=QUIET), probe(source)
    state = stage.begin(Job(clip, tmp_path))
    for frame in frames(clip):
        stage.process(state, frame)
    stage.finish(state)
    assert captions(state.path) == captions(source)
