from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.spool import Spool, SpoolWriter
from stages.packets import Face, Faces
from tests.runner import steps


def faces(index: int) -> Faces:
    rng = np.random.default_rng(index)
    at = next(iter(steps.frames(1))).at
    made = [Face(t, rng.random(4, np.float32), rng.random((478, 3), np.float32), 0.5, bridged=t == 1) for t in range(2)]
    return Faces(at, tuple(made))


def test_packets_come_back_exactly(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "faces.spool")
    made = [faces(0), None, faces(2)]
    for packet in made:
        writer.append(packet)
    spool = writer.commit()
    assert len(spool) == 3
    assert spool[1] is None
    for got, want in zip((spool[0], spool[-1]), (made[0], made[2]), strict=True):
        assert isinstance(got, Faces)
        assert want is not None
        assert got.at == want.at
        for a, b in zip(got.faces, want.faces, strict=True):
            assert (a.track, a.presence, a.bridged) == (b.track, b.presence, b.bridged)
            np.testing.assert_array_equal(a.landmarks, b.landmarks)


def test_a_packet_that_holds_is_written_and_decoded_once(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "faces.spool")
    held = faces(0)
    for packet in (held, held, None, held, held):
        writer.append(packet)
    spool = writer.commit()
    assert spool[0] is spool[1]
    assert spool[2] is None
    assert spool[4] is spool[3]
    assert spool.path.stat().st_size < 2.5 * sum(face.landmarks.nbytes for face in held.faces)


def test_nothing_has_the_name_before_commit_and_discard_leaves_nothing(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "w.spool")
    writer.append(None)
    assert not (tmp_path / "w.spool").exists()
    writer.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [1, 8, 40])
def test_a_cut_file_is_no_spool(tmp_path: Path, cut: int) -> None:
    writer = SpoolWriter(tmp_path / "w.spool")
    writer.append(faces(0))
    writer.commit()
    data = (tmp_path / "w.spool").read_bytes()
    (tmp_path / "cut.spool").write_bytes(data[:-cut])
    with pytest.raises(ValueError, match="not a complete spool"):
        Spool(tmp_path / "cut.spool")
