"""The coder by itself: what it is given, what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stages import facs
from stages.expression import basis, coder
from stages.expression.coder import COLUMNS, Coder
from stages.expression.looks import looks, sight
from stages.expression.relief import NONE, SIDE, UNSEEN, contrast
from stages.faces import layouts
from stages.packets import Neutral


@pytest.fixture(scope="module")
def faces(tracked: Callable[[str], Any]) -> coder.Sight:
    return sight([look for packets in zip(*tracked("smile_onset"), strict=True) for look in looks(*packets)])


def part(seen: coder.Sight, rows: slice) -> coder.Sight:
    return coder.Sight(*(getattr(seen, name)[rows] for name in seen.__dataclass_fields__))


def test_every_code_of_the_promise_is_told():
    told = {number for number, _ in COLUMNS} | {45, 46}
    promised = {
        *(1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 34, 43, 45, 46)
    }
    assert told >= promised | {61, 62, 63, 64}


def test_columns_and_tables_are_each_others_inverse():
    rng = np.random.default_rng(3)
    columns = rng.uniform(0, 5, len(COLUMNS)).astype(np.float32)
    np.testing.assert_allclose(coder.in_columns(coder.spread(columns)[None])[0], columns, atol=1e-6)


def test_one_closed_eye_is_a_wink():
    columns = np.zeros(len(COLUMNS), np.float32)
    columns[COLUMNS.index((43, 0))] = 4
    wink = coder.spread(columns)[facs.INDEX["AU46"]]
    assert wink.tolist() == [4, 0]


def test_faces_read_alone_and_together_are_the_same(coder_model: Coder, faces: coder.Sight):
    rest = coder.tables().rest
    together = coder_model.read(part(faces, slice(0, 8)), rest).values
    alone = np.concatenate([coder_model.read(part(faces, slice(k, k + 1)), rest).values for k in range(8)])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_a_mirrored_face_reads_mirrored(coder_model: Coder, faces: coder.Sight):
    some = part(faces, slice(0, 70, 5))
    mirror = coder.Sight(
        some.shape[:, layouts.MIRROR] * np.array([-1, 1, 1], np.float32),
        some.relief[:, :, ::-1],
        some.scores[:, coder.mirrored_scores()],
        some.head * np.array([-1, 1, -1], np.float32),
    )
    rest = coder.tables().rest
    here, there = (coder_model.read(seen, rest).values for seen in (some, mirror))
    assert np.abs(here - there[:, coder.mirrored_columns()]).mean() < 0.25


def test_doubt_is_never_none(coder_model: Coder, faces: coder.Sight):
    assert coder_model.read(faces, coder.tables().rest).deviation.min() > 0


def test_a_face_beside_itself_does_nothing(coder_model: Coder, faces: coder.Sight):
    one = part(faces, slice(0, 1))
    shown = contrast(one.relief)[0]
    relief = np.where(np.isnan(shown), coder.tables().rest.relief, shown)
    itself = Neutral(one.shape[0], relief, one.scores[0], coder.tables().rest.folds)
    assert np.clip(coder_model.read(one, itself).values, 0, 5).max() < 0.6


def test_a_turned_face_hides_a_part_of_its_relief(faces: coder.Sight):
    assert faces.relief.shape[1:] == (SIDE, SIDE)
    assert (faces.relief[0] == UNSEEN).mean() < 0.5
    assert abs(float(faces.relief[0][faces.relief[0] != UNSEEN].mean()) - NONE) < 8


def test_the_average_neutral_is_the_face_models(faces: coder.Sight):
    assert coder.tables().rest.shape is basis.load().neutral
    assert not coder.tables().rest.known
