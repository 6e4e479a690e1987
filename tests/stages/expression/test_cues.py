from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from stages.expression.cues import FOLDS, REGIONS, SkinCues
from stages.media import decode
from stages.packets import Cues, Faces, Frame


def looked_at(sample: Callable[[str], Path], tracked: Callable[[str], Any], name: str, wanted: range) -> list[Cues]:
    """Cues of chosen frames of a clip."""
    frames = decode.frames(decode.probe(sample(name)), start=wanted.start, stop=wanted.stop)
    return [SkinCues().process(frame, tracked(name)[0][frame.at.index]) for frame in frames]


def test_a_face_gets_a_row_of_every_cue(sample: Callable[[str], Path], tracked: Callable[[str], Any]):
    (cues,) = looked_at(sample, tracked, "smile_onset", range(1))
    assert cues.folds.shape == (1, len(FOLDS))
    assert cues.covered.shape == (1, len(REGIONS))
    assert np.isfinite(cues.folds).all()


def test_no_faces_give_no_rows(sample: Callable[[str], Path]):
    frame: Frame = next(iter(decode.frames(decode.probe(sample("smile_onset")), stop=1)))
    cues = SkinCues().process(frame, Faces(frame.at, ()))
    assert cues.folds.shape == (0, len(FOLDS))
    assert cues.sharpness.shape == (0,)
