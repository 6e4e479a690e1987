"""Clips made longer by copying their packets, or larger by scaling their pictures: material to measure with."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av


def looped(source: Path, target: Path, seconds: float) -> Path:
    """Write `source`'s picture, over and over, into `target` until it lasts `seconds`; returns `target`."""
    with av.open(str(source)) as first, av.open(str(target), "w") as out:
        stream = first.streams.video[0]
        copy = out.add_stream_from_template(stream)
        packets = [packet for packet in first.demux(stream) if packet.dts is not None]
        times = [(packet.pts or 0, packet.dts or 0) for packet in packets]
        base = stream.time_base
        assert base is not None
        length = max(pts for pts, _ in times) + round(1 / (stream.average_rate or 25) / base) - min(p for p, _ in times)
        for turn in range(max(1, round(seconds / float(length * base)))):
            for packet, (pts, dts) in zip(packets, times, strict=True):
                packet.pts, packet.dts, packet.time_base = pts + turn * length, dts + turn * length, base
                packet.stream = copy
                out.mux(packet)
    return target


def scaled(source: Path, target: Path, height: int, frames: int | None = None) -> Path:
    """Write `source`'s picture `height` pixels high, as 8-bit H.264, into `target`; returns `target`.

    frames: so many, from the first; None is all.
    """
    with av.open(str(source)) as first, av.open(str(target), "w") as out:
        stream = first.streams.video[0]
        rate = stream.average_rate or Fraction(25)
        made = out.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "18"})
        made.width, made.height, made.pix_fmt = 2 * round(stream.width * height / stream.height / 2), height, "yuv420p"
        for index, frame in enumerate(islice(first.decode(stream), frames)):
            larger = frame.reformat(made.width, made.height, "yuv420p", interpolation="BICUBIC")
            larger.pts, larger.time_base, larger.pict_type = index, 1 / rate, 0
            out.mux(made.encode(larger))
        out.mux(made.encode(None))
    return target
