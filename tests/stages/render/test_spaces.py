from __future__ import annotations

import numpy as np
import pytest

from stages.packets import Colour
from stages.render import lattice, spaces
from stages.render.spaces import OKLAB

TRANSFERS = [1, 2, 8, 13, 16, 18]


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("primaries", [1, 9, 12])
def test_there_and_back_is_the_same(transfer: int, primaries: int) -> None:
    low = 0.0 if transfer == spaces.PQ else -0.1
    rgb = np.random.default_rng(0).uniform(low, 1.05, (500, 3)).astype(np.float32)
    colour = Colour(transfer=transfer, primaries=primaries)
    assert spaces.from_cones(spaces.cones(rgb, colour), colour) == pytest.approx(rgb, abs=2e-5)


def test_known_colours_of_srgb_have_their_published_oklab_values() -> None:
    rgb = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 1]], np.float32)
    lab = spaces.cones(rgb, Colour(primaries=1, transfer=13)) @ OKLAB.T
    assert lab == pytest.approx(np.array([[1, 0, 0], [0.628, 0.2249, 0.1258], [0.452, -0.0324, -0.3115]]), abs=1e-3)


@pytest.mark.parametrize(("transfer", "code", "light"), [(16, 0.5081, 0.01), (18, 0.75, 0.2650), (1, 0.5, 0.5**2.4)])
def test_light_is_that_of_the_standard(transfer: int, code: float, light: float) -> None:
    assert spaces.linear(np.array([code], np.float32), transfer)[0] == pytest.approx(light, rel=2e-3)


def test_a_lattice_of_nothing_changes_no_bit_and_one_of_a_ramp_is_exact() -> None:
    picture = np.random.default_rng(1).uniform(-0.2, 1.2, (30, 20, 3)).astype(np.float32)
    out, everywhere = np.empty_like(picture), np.ones((30, 20), np.float32)
    lattice.apply(picture, np.zeros_like(lattice.nodes()), everywhere, out)
    assert np.array_equal(out, picture)
    lattice.apply(picture, lattice.nodes() * np.float32(0.5), everywhere, out)
    assert out == pytest.approx(picture + 0.5 * np.clip(picture, 0, 1), abs=1e-6)


def test_a_map_smooth_in_oklab_is_met_by_the_lattice() -> None:
    colour = Colour(transfer=1)
    turn = np.array([[1.1, 0.02, 0], [0.02, 0.95, 0.03], [0, 0.03, 1.05]])

    def moved(rgb: np.ndarray) -> np.ndarray:
        return spaces.from_cones((spaces.cones(rgb, colour) @ OKLAB.T @ turn) @ np.linalg.inv(OKLAB).T, colour)

    picture = np.random.default_rng(2).uniform(0.1, 0.9, (40, 40, 3)).astype(np.float32)
    out = np.empty_like(picture)
    change = (moved(lattice.nodes()) - lattice.nodes()).astype(np.float32)
    lattice.apply(picture, change, np.ones((40, 40), np.float32), out)
    error = np.abs(out - moved(picture.reshape(-1, 3)).reshape(picture.shape))
    assert error.mean() < 3e-4
