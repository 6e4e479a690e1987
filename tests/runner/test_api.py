from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from runner.api import compare_faces, detect_face, extract_units, get_embedding
from stages.errors import ClipError

Sample = Callable[[str], Path]


def test_the_portrait_has_one_face_that_smiles(sample: Sample) -> None:
    (face,) = detect_face(sample("portrait"))
    assert 80 < face.box[2] - face.box[0] < 140
    units = extract_units(sample("portrait"))
    assert units["AU12"] > 1.5
    assert units["AU43"] < 1.5


def test_people_are_compared(sample: Sample) -> None:
    man, again, woman = (get_embedding(sample(f"talking_{who}")) for who in ("man_mild", "man_strong", "woman_mild"))
    assert compare_faces(man, again).same
    assert not compare_faces(man, woman).same
    assert compare_faces(man, man).distance == pytest.approx(0, abs=1e-5)


def test_a_photo_without_a_face_is_said(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 300, 3), 90, np.uint8))
    assert detect_face(tmp_path / "wall.png") == ()
    with pytest.raises(ClipError, match=r"wall\.png: no face found"):
        get_embedding(tmp_path / "wall.png")
