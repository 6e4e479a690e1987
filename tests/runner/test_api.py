from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest

from runner.api import blend_faces, compare_faces, detect_face, extract_units, get_embedding, transfer_expression
from runner.compose import composed_alone
from runner.occasion import enrolled
from stages.errors import ClipError, ConfigError
from stages.identity.chosen import Chosen
from stages.identity.library import Library
from stages.media import decode, planes
from stages.packets import Bytes

Sample = Callable[[str], Path]


@pytest.fixture(scope="module")
def collins(tmp_path_factory: pytest.TempPathFactory) -> Chosen:
    folder = tmp_path_factory.mktemp("somebody's")
    enrolled(composed_alone(), ["sample:portrait"], Library(folder), "collins")
    return Chosen(name="collins", folder=str(folder))


@pytest.fixture(scope="module")
def woman(sample: Sample) -> Bytes:
    (frame,) = decode.frames(decode.probe(sample("talking_woman_mild")), start=20, stop=21)
    return planes.rgb8(frame)


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


def saved(folder: Path, picture: Bytes, name: str = "made.png") -> Path:
    cv2.imwrite(str(folder / name), picture[..., ::-1])
    return folder / name


def test_an_expression_is_transferred_to_an_identity(
    sample: Sample, tmp_path: Path, collins: Chosen, woman: Bytes
) -> None:
    made = transfer_expression(sample("talking_woman_mild"), collins, frame=20)
    assert made.shape == woman.shape
    assert made.dtype == np.uint8
    looks, who = get_embedding(saved(tmp_path, made)), get_embedding(sample("portrait"))
    performer = saved(tmp_path, woman, "performer.png")
    assert compare_faces(looks, who).same
    assert not compare_faces(looks, get_embedding(performer)).same
    x0, y0, x1, y1 = (int(value) for value in detect_face(performer)[0].box)
    around = np.ones(made.shape[:2], bool)
    size = y1 - y0
    around[max(0, y0 - size // 4) : y1 + size // 4, max(0, x0 - size // 4) : x1 + size // 4] = False
    np.testing.assert_array_equal(made[around], woman[around])
    other = transfer_expression(sample("talking_woman_mild"), collins, frame=20, gain={"AU12": 2.0, "AU1": 0.0})
    assert np.abs(other.astype(int) - made).max() > 5


def test_what_cannot_be_transferred_is_said(tmp_path: Path, collins: Chosen, sample: Sample) -> None:
    wall = saved(tmp_path, np.full((200, 300, 3), 90, np.uint8), "wall.png")
    with pytest.raises(ClipError, match=r"wall\.png: no face found"):
        transfer_expression(wall, collins)
    with pytest.raises(ConfigError, match=r"there is no 'colins' .* did you mean 'collins'"):
        transfer_expression(wall, Chosen(name="colins", folder=collins.folder))
    with pytest.raises(ConfigError, match="gain=subtl: there is no such option - did you mean 'subtle'"):
        transfer_expression(wall, collins, gain="subtl")
    with pytest.raises(ClipError, match=r"portrait\.png: there is no frame 3"):
        transfer_expression(sample("portrait"), collins, frame=3)


def test_without_a_consent_that_holds_nothing_is_drawn(tmp_path: Path, collins: Chosen, sample: Sample) -> None:
    folder = tmp_path / "library" / "collins"
    shutil.copytree(Path(collins.folder or "") / "collins", folder)
    for name in ("consent.yaml", "identity.json"):
        (folder / name).write_text((folder / name).read_text().replace("2999-12-31", "2024-12-31"))
    with pytest.raises(ConfigError, match=r"cannot be put on: the consent of people .* expired on 2024-12-31"):
        transfer_expression(sample("portrait"), Chosen(name="collins", folder=str(folder.parent)))


@pytest.mark.parametrize("mode", ["gaussian", "poisson", "multiband"])
def test_a_face_is_blended_within_the_mask(woman: Bytes, tmp_path: Path, mode: Literal["poisson"]) -> None:
    tinted = np.clip(woman * np.array([0.8, 1.0, 1.15]), 0, 255).astype(np.uint8)
    box = detect_face(saved(tmp_path, woman))[0].box
    mask = np.zeros(woman.shape[:2], np.float32)
    centre = (int(box[[0, 2]].mean()), int(box[[1, 3]].mean()))
    cv2.ellipse(mask, centre, (int(np.ptp(box[[0, 2]]) * 0.4), int(np.ptp(box[[1, 3]]) * 0.4)), 0, 0, 360, 1.0, -1)
    made = blend_faces(saved(tmp_path, woman, "under.png"), tinted, mask, mode=mode).astype(int)
    np.testing.assert_array_equal(made[mask == 0], woman[mask == 0])
    inside = np.abs(made - woman)[mask > 0].mean()
    pasted = np.abs(tinted.astype(int) - woman)[mask > 0].mean()
    assert (inside < 0.3 * pasted) if mode == "poisson" else (0.4 * pasted < inside < pasted)


def test_what_cannot_be_blended_is_said(woman: Bytes) -> None:
    mask = np.ones(woman.shape[:2], np.float32)
    with pytest.raises(ConfigError, match="blend: must be gaussian, poisson or multiband, not 'mix'"):
        blend_faces(woman, woman, mask, mode="mix")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="blend: pictures and mask must be of one size"):
        blend_faces(woman, woman, mask[:10])
    with pytest.raises(ClipError, match="the picture: no face found"):
        blend_faces(np.full_like(woman, 90), woman, mask)
