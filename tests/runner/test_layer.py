"""Plate and delivered layer, laid over one another, are the full render: a real edit of a real clip, at 12 bits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from stages.media.decode import frames, probe
from stages.media.light import light_of
from stages.media.planes import crop
from stages.render.spaces import coded
from tests.runner.test_run import Sample, glabella, transcoded

EDIT = ["gain.au_gain={6: 1.5, 12: 2.0, 25: 1.5}", "loop=open", "quality=off", "check=none"]


def codes(path: Path) -> Iterator[np.ndarray]:
    """R'G'B' of every frame, (h, w, 3)."""
    for frame in frames(probe(path)):
        yield crop(frame, (0, 0, frame.width, frame.height)).astype(float)


def layers(folder: Path) -> Iterator[np.ndarray]:
    """R, G, B and matte as stored, (h, w, 4)."""
    for file in sorted(folder.iterdir()):
        with av.open(str(file)) as container:
            native = next(container.decode(video=0))
            if file.suffix == ".png":
                yield native.to_ndarray() / 65535
                continue
            assert native.format.name == "gbrapf16le"
            planes = [np.frombuffer(p, np.float16).reshape(p.height, -1)[:, : p.width] for p in native.planes]
            yield np.dstack([planes[i] for i in (2, 0, 1, 3)]).astype(float)


def test_plate_and_layer_are_the_full_render(
    sample: Sample, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = transcoded(sample("talking_woman_mild"), tmp_path / "clip.mkv", "yuv444p12le", 10)
    made = []
    for words in (["encode=ffv1"], ["encode=png", "encode.layer=face"], ["encode=exr", "encode.layer=face"]):
        code, delivery, said = glabella(capsys, tmp_path, "run", f"clip={clip}", *EDIT, *words)
        assert code == 0, said
        made.append(Path(delivery))
    full, straight, light = made
    most = 0.0
    for plate, render, over, lit in zip(codes(clip), codes(full), layers(straight), layers(light), strict=True):
        one, two = np.clip(plate, 0, 1), np.clip(render, 0, 1)
        laid = over[..., :3] * over[..., 3:] + one * (1 - over[..., 3:])
        assert np.abs(laid - two).max() < 1 / 4095
        seen = coded(lit[..., :3] + light_of(plate, 1) * (1 - lit[..., 3:]), 1)
        assert np.abs(seen - render)[render > 0.02].max() < 1 / 4095
        assert over[:20, :20].max() == 0
        most = max(most, np.abs(two - one).max())
    assert most > 0.05
