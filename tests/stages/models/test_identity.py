"""The converted recognition networks against what independent conversions of the same weights made of one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.backend import Cpu
from stages.models import dlib_resnet, recipes, registry

# Every 10th and every 42nd number, by a translation of face-api's graph layer by layer with the scales not folded in,
# and by the package's own ONNX file fed with planar BGR floats.
DLIB = [-0.0869, 0.2506, 0.0294, 0.0024, -0.0804, 0.0163, 0.0219, -0.0043, -0.1155, 0.0243, 0.1447, -0.1036, -0.0001]
ARC = [0.0355, 0.0175, -0.0354, 0.1041, -0.0103, 0.0395, -0.1058, -0.0001, 0.0478, -0.0216, -0.0096, -0.0169, 0.0071]


def picture(side: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[:side, :side]
    return np.stack([(x * 3 + y) % 256, (x * y // 7) % 256, (255 - (x + y * 2) % 256)], -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "side", "step", "wanted", "length"),
    [("identity_128", 150, 10, DLIB, 1.27456), ("identity_512", 112, 42, ARC, 1.56307)],
)
def test_a_known_picture_gives_the_known_vector(
    name: str, side: int, step: int, wanted: list[float], length: float
) -> None:
    (vector,) = Cpu().open(registry.shipped()[name].fetch()).run({"image": picture(side)[None]})
    np.testing.assert_allclose(vector[0, ::step], wanted, atol=2e-4)
    assert np.linalg.norm(vector) == pytest.approx(length, rel=1e-3)


def test_conversion_is_deterministic(tmp_path: Path) -> None:
    registry.shipped()["identity_128"].sources[0].deliver(tmp_path / "raw", offline=False)
    data = (tmp_path / "raw").read_bytes()
    first, second = (recipes.identity_128(data, {"source_sha256": "cafe"}).SerializeToString() for _ in range(2))
    assert first == second


def test_weights_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"weights of dlib's network have \d+ bytes, not 100"):
        dlib_resnet.weights(b"\0" * 100)


def test_the_network_that_may_not_be_sold_is_marked() -> None:
    shipped = registry.shipped()
    assert shipped["identity_128"].commercial
    assert not shipped["identity_512"].commercial
