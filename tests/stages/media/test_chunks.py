from __future__ import annotations

import shutil
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import av
import pytest

from stages.errors import DeliveryError
from stages.media import packet_file
from stages.media.decode import frames, probe
from stages.media.encode import Encode
from stages.media.encode_images import EncodeImages
from stages.media.pixels import visible
from stages.media.steady import steadied
from stages.media.writer import CHUNKS, decoding_times
from stages.packets import Job

VFR = [0, 1001, 2002, 4004, 4504, 9009, 9999, 12012, 13013, 14014, 15015, 20020, 21021, 21500, 22022, 23023, 24024]
CODECS = [
    {"codec": "libx264"},
    {"codec": "libx264", "options": {"bf": 3, "b-pyramid": "normal", "threads": 2}},
    {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
    {"codec": "libsvtav1"},
    {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": 8}},
    {"codec": "prores_ks"},
    {"codec": "ffv1"},
]


@pytest.fixture
def clip(make):
    return make("a.mov", codec="libx264", size=(640, 352), pts=VFR, time_base=Fraction(1, 30000), audio=("aac",))


def deliver(source, folder, chunk, encode, killed=None):
    """Pass every frame through; after frame `killed` all is forgotten that was not saved, and another state goes on."""
    folder.mkdir(exist_ok=True)
    clip = probe(source)
    job, saved, start = Job(clip, folder, chunk), None, 0
    state = encode.begin(job)
    for stop in (killed, None) if killed else (None,):
        for frame in frames(clip, start=start, stop=stop):
            encode.process(state, frame)
            if chunk and (frame.at.index + 1) % chunk == 0:
                saved, start = encode.save(state), frame.at.index + 1
        if stop is not None:
            encode.abort(state)
            state = encode.restore(job, saved) if saved else encode.begin(job)
    encode.finish(state)
    return state.path


def coded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [(p.pts, p.dts, p.is_keyframe, bytes(p)) for p in container.demux(stream) if p.size]


def seen(path):
    return [(f.at.pts * f.at.time_base, [rows.tobytes() for rows in visible(f.native)]) for f in frames(probe(path))]


def ident(settings):
    return settings["codec"] + ("-b" if "options" in settings and "bf" in settings["options"] else "")


@pytest.mark.parametrize("settings", CODECS, ids=ident)
def test_joined_chunks_show_every_frame_at_its_own_time(clip, tmp_path, settings):
    path = deliver(clip, tmp_path / "out", 5, Encode(**settings))
    assert [t for t, _ in seen(path)] == [t for t, _ in seen(clip)]
    packets = coded(path)
    assert all(a[1] < b[1] for a, b in pairwise(packets))
    assert all(dts <= pts for pts, dts, *_ in packets)
    assert sum(key for _, _, key, _ in packets) >= 4


@pytest.mark.parametrize("settings", CODECS, ids=ident)
def test_one_chunk_is_what_is_written_in_one_go(clip, tmp_path, settings):
    whole = deliver(clip, tmp_path / "whole", None, Encode(**settings))
    chunk = deliver(clip, tmp_path / "chunk", 100, Encode(**settings))
    assert coded(whole) == coded(chunk)
    if whole.suffix in (".mp4", ".mov") and settings["codec"] not in ("libx265", "libsvtav1"):
        assert whole.read_bytes() == chunk.read_bytes()


@pytest.mark.parametrize("settings", CODECS, ids=ident)
@pytest.mark.parametrize("killed", [3, 5, 12])
def test_a_killed_delivery_goes_on_after_its_last_chunk(clip, tmp_path, settings, killed):
    whole = deliver(clip, tmp_path / "whole", 5, Encode(**settings))
    again = deliver(clip, tmp_path / "again", 5, Encode(**settings), killed)
    assert again.read_bytes() == whole.read_bytes()
    assert not list((tmp_path / "again").rglob("*.part"))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "gbrp12le", "yuva444p10le"])
def test_lossless_chunks_hold_the_very_frames(make, tmp_path, pixel_format):
    source = make("a.mkv", pixel_format=pixel_format)
    path = deliver(source, tmp_path / "out", 3, Encode(codec="ffv1", options={"level": 3, "slices": 4}), 7)
    assert seen(path) == seen(source)


def test_sound_and_tags_arrive_beside_chunks(make, tmp_path):
    metadata = {"timecode": "01:02:03:04", "language": "nld"}
    source = make(
        "a.mov",
        codec="libx264",
        metadata=metadata,
        rotation=90,
        aspect=Fraction(4, 3),
        time_base=Fraction(1, 25),
        audio=("pcm_s16le",),
    )
    path = deliver(source, tmp_path / "out", 3, Encode(), 4)
    with av.open(str(source)) as before, av.open(str(path)) as after:
        one, two = before.streams.video[0], after.streams.video[0]
        assert two.metadata["timecode"] == "01:02:03:04"
        assert two.metadata.get("language") == one.metadata.get("language")
        assert two.sample_aspect_ratio == Fraction(4, 3)
        assert next(after.decode(video=0)).rotation == next(before.decode(video=0)).rotation != 0
        sounds = [[bytes(p) for p in c.demux(audio=0) if p.size] for c in (before, after)]
    assert sounds[0] == sounds[1]


def test_pictures_of_a_killed_sequence_are_made_whole(make, tmp_path):
    source, encode = make("a.mkv", pixel_format="gbrp12le"), EncodeImages()
    whole = deliver(source, tmp_path / "whole", 3, encode)
    again = deliver(source, tmp_path / "again", 3, encode, 5)
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in whole.iterdir()}
    assert len(list(again.iterdir())) == 8


def test_a_damaged_chunk_is_not_joined(make, tmp_path):
    source, encode = make("a.mp4", codec="libx264"), Encode()
    job = Job(probe(source), tmp_path, 3)
    state = encode.begin(job)
    for frame in frames(job.clip):
        encode.process(state, frame)
    saved = encode.save(state)
    encode.abort(state)
    chunk = next((tmp_path / CHUNKS).rglob("*.packets"))
    chunk.write_bytes(chunk.read_bytes()[:-9])
    with pytest.raises(ValueError, match="not a whole chunk"):
        encode.restore(job, saved)


def test_other_parameter_sets_are_refused(make, tmp_path):
    source, encode = make("a.mp4", codec="libx264"), Encode()
    job = Job(probe(source), tmp_path, 3)
    state = encode.begin(job)
    encode.process(state, next(frames(job.clip)))
    saved = encode.save(state)
    encode.abort(state)
    state = Encode(options={"profile": "baseline"}).restore(job, saved)
    state._opening.options["profile"] = "baseline"
    with pytest.raises(DeliveryError, match="other parameter sets"):
        encode.process(state, next(frames(job.clip)))


def test_small_pictures_are_coded_the_same_every_time(make, tmp_path):
    source = make("a.mov", codec="libx264", size=(320, 176), pts=range(24))
    encode = Encode(preset="veryfast", crf=17, threads=1)
    made = {deliver(source, tmp_path / str(i), 6, encode).read_bytes() for i in range(8)}
    assert len(made) == 1


@pytest.mark.parametrize("chunk", [None, 2], ids=["one go", "chunks"])
@pytest.mark.parametrize("container", ["mp4", "mov"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_clips_are_written(make, tmp_path, count, container, chunk):
    source = make("a.mov", codec="libx264", pts=range(count), size=(256, 128))
    encode = Encode(codec="libx265", container=container, options={"x265-params": "log-level=none"})
    for again in range(3):  # x265 reads memory that it did not write, which is right by luck
        path = deliver(source, tmp_path / str(again), chunk, encode)
        assert [t for t, _ in seen(path)] == [t for t, _ in seen(source)]


def test_a_disk_without_room_for_the_join_is_said_before_it(make, tmp_path, monkeypatch):
    source, encode = make("a.mp4", codec="libx264"), Encode()
    job = Job(probe(source), tmp_path, 3)
    state = encode.begin(job)
    for frame in frames(job.clip):
        encode.process(state, frame)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=900))
    with pytest.raises(DeliveryError, match=r"0 MB are free, joining needs .*free space on the disk"):
        encode.finish(state)
    assert list((tmp_path / CHUNKS).rglob("*.packets"))


def test_what_steadies_an_encoder_leaves_the_users_own_word():
    assert steadied("libx265", {"preset": "fast"}) == {"preset": "fast"}
    assert steadied("libx264", {"x264-params": "asm=avx512"}) == {"x264-params": "asm=avx512"}
    assert steadied("libx264", {"x264-params": "no-deblock=1"})["x264-params"].startswith("no-deblock=1")


def test_the_alpha_that_rides_beside_a_packet_stays(tmp_path):
    packet = av.Packet(b"colour")
    packet.set_sidedata(packet_file._carried(b"\x00" * 7 + b"\x01alpha"), move=True)
    packet.pts, packet.dts, packet.is_keyframe = 5, 4, True
    writer = packet_file.PacketWriter(tmp_path / "0.packets")
    writer.write(packet)
    writer.commit()
    (again,) = packet_file.read(tmp_path / "0.packets", Fraction(1, 25))
    assert (again.pts, again.dts, again.is_keyframe, bytes(again)) == (5, 4, True, b"colour")
    assert [bytes(side) for side in again.iter_sidedata()] == [b"\x00" * 7 + b"\x01alpha"]


def test_decoding_times_rise_across_chunks_of_uneven_time():
    chunks = [[(0, -50), (97, -25), (25, 0), (50, 25)], [(1000, 950), (1010, 975), (1005, 1000)]]
    assert list(decoding_times(chunks)) == [-50, -25, 0, 25, 50, 97, 1000]
    assert list(decoding_times([[(7, 7)]])) == [7]
    assert list(decoding_times([])) == []
