"""A clip repeated to a given length by copying its packets: long test material without a second encode."""

from __future__ import annotations

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
