"""A public domain portrait, and what people do to photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stages.errors import ClipError
from stages.identity import photos, together
from stages.identity.enrol import Enrol, Enrolled
from stages.media import decode, exif, planes

Bytes = NDArray[np.uint8]
Save = Callable[[Bytes, str], Path]


@pytest.fixture(scope="module")
def portrait(sample: Callable[[str], Path]) -> Bytes:
    read = cv2.imread(str(sample("portrait")))
    assert read is not None
    return np.asarray(read, np.uint8)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(picture: Bytes, name: str) -> Path:
        path = tmp_path / name
        cv2.imwrite(str(path), picture)
        return path

    return write


def frame_of(clip: Path, index: int) -> Bytes:
    frame = next(decode.frames(decode.probe(clip), start=index, stop=index + 1))
    return planes.rgb8(frame)[..., ::-1].copy()


def test_one_face_is_found_and_told_about(collins: Enrolled) -> None:
    (shot,) = collins.shots
    assert shot.name == "portrait.png"
    assert 100 < shot.size < 120
    assert shot.doubts == ("covered: forehead", "a strong expression")  # her fringe, her smile
    assert shot.landmarks[:, :2].min() > 0
    assert (shot.landmarks[:, :2].max(0) < shot.picture.shape[1::-1]).all()


def test_without_a_face_there_is_nothing_to_use(enrol: Enrol, portrait: Bytes, save: Save) -> None:
    with pytest.raises(ClipError, match=r"wall\.png: no face found"):
        enrol.find(save(portrait[:60, :120], "wall.png"))


def test_two_faces_need_a_word(enrol: Enrol, portrait: Bytes, save: Save) -> None:
    both = save(np.hstack([portrait, portrait[:, ::-1]]), "both.png")
    with pytest.raises(ClipError, match=r"both\.png: it shows 2 faces; say which with --face 1\.\.2"):
        enrol.find(both)
    with pytest.raises(ClipError, match=r"there is no face 3, it shows 2"):
        enrol.find(both, 3)
    middle = [float(enrol.find(both, which)[0].look.face.box[[0, 2]].mean()) for which in (1, 2)]
    assert middle[0] < 512 < middle[1]


def test_a_passer_by_does_not_count(enrol: Enrol, portrait: Bytes, save: Save) -> None:
    large = cv2.resize(portrait, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    small = cv2.resize(portrait, (220, 220), interpolation=cv2.INTER_AREA)
    large[-220:, -220:] = small
    assert enrol.find(save(large, "crowd.png"))[0].size > 300


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda p: cv2.resize(p, (190, 190), interpolation=cv2.INTER_AREA), "the face has 4. pixels, 48 are needed"),
        (lambda p: cv2.GaussianBlur(p, (0, 0), 7), "the face is blurred"),
    ],
)
def test_what_shows_too_little_is_refused(
    enrol: Enrol, portrait: Bytes, save: Save, spoil: Callable[[Bytes], Bytes], said: str
) -> None:
    with pytest.raises(ClipError, match=rf"bad\.png: {said}"):
        enrol.find(save(spoil(portrait), "bad.png"))


def test_a_small_face_is_doubted(enrol: Enrol, portrait: Bytes, save: Save) -> None:
    (shot,) = enrol.find(save(cv2.resize(portrait, (300, 300), interpolation=cv2.INTER_AREA), "small.png"))
    assert any(doubt.startswith("small: 6") for doubt in shot.doubts)


def test_half_a_file_is_no_photo(enrol: Enrol, sample: Callable[[str], Path], tmp_path: Path) -> None:
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(sample("portrait").read_bytes()[:5000])
    with pytest.raises(ClipError, match=r"torn\.jpg: not a readable picture"):
        enrol.find(torn)


def test_a_photo_that_lies_on_its_side_is_turned(enrol: Enrol, portrait: Bytes, tmp_path: Path) -> None:
    """As phones write them: the pixels lie, a tag says how the phone was held."""
    lying = cv2.imencode(".jpg", np.rot90(portrait), [cv2.IMWRITE_JPEG_QUALITY, 97])[1].tobytes()
    path = tmp_path / "phone.jpg"
    path.write_bytes(exif.oriented(lying, 6))
    (shot,) = enrol.find(path)
    assert abs(shot.look.head.roll) < 10


def test_only_profiles_are_refused(enrol: Enrol, sample: Callable[[str], Path], save: Save) -> None:
    table = save(frame_of(sample("table_of_three"), 40), "table.png")
    shots = enrol.find(table, 2)
    assert any(doubt.startswith("half a profile") for doubt in shots[0].doubts)
    with pytest.raises(ClipError, match="only profiles: every picture shows the face turned by more than 35 degrees"):
        enrol.likeness("nobody", shots)


def test_the_same_picture_twice_is_refused(
    enrol: Enrol, collins: Enrolled, portrait: Bytes, save: Save, sample: Callable[[str], Path]
) -> None:
    copy = save(portrait, "copy.png")
    copy.write_bytes(sample("portrait").read_bytes())
    with pytest.raises(ClipError, match=r"copy\.png: the same file as portrait\.png"):
        together.check_files([sample("portrait"), copy])
    jpeg = save(portrait, "again.jpg")
    with pytest.raises(ClipError, match=r"again\.jpg: the same picture as portrait\.png"):
        enrol.likeness("collins", [*collins.shots, *enrol.find(jpeg)])


def test_another_person_is_noticed(enrol: Enrol, collins: Enrolled, sample: Callable[[str], Path], save: Save) -> None:
    (stranger,) = enrol.find(save(frame_of(sample("smile_onset"), 0), "stranger.png"))
    with pytest.raises(ClipError, match="shows another person than the rest"):
        enrol.likeness("collins", [*collins.shots, stranger])


def test_frames_of_a_clip_differ(enrol: Enrol, sample: Callable[[str], Path]) -> None:
    few = replace(enrol, photos=replace(enrol.photos, frames=24, keep=4))
    shots = few.find(sample("smile_onset"))
    assert 2 <= len(shots) <= 4
    assert len({shot.frame for shot in shots}) == len(shots)
    assert shots[0].name == f"smile_onset.mp4 frame {shots[0].frame}"
    assert not any(shot.still for shot in shots)
    assert photos.calmness(shots[0]) == max(photos.calmness(shot) for shot in shots)


def test_a_smile_in_the_photo_is_no_part_of_the_face_at_rest(
    enrol: Enrol, sample: Callable[[str], Path], save: Save
) -> None:
    """The same man before he smiles and while he does, each time as if it were his only photo."""

    def alone(index: int) -> tuple[float, float]:
        (shot,) = enrol.find(save(frame_of(sample("smile_onset"), index), f"{index}.png"))
        made = enrol.likeness("him", [shot]).likeness
        placed = shot.look.head.to_face(shot.landmarks)
        return _corners(made.neutral), _corners(placed)

    (rest, seen_rest), (smiling_rest, seen_smiling) = alone(0), alone(65)
    assert seen_smiling - seen_rest > 0.08  # the smile is there
    assert abs(smiling_rest - rest) < 0.4 * (seen_smiling - seen_rest)


def _corners(shape: NDArray[np.floating]) -> float:
    """Width of the mouth and how far its corners lie above its middle, in face space."""
    width = float(np.linalg.norm(shape[61] - shape[291]))
    return width + float(shape[[13, 14], 1].mean() - shape[[61, 291], 1].mean())
