"""The regression behind textures: it finds what is there, and keeps its prior where nothing is."""

from __future__ import annotations

import numpy as np

from stages.expression.textures import ridge
from stages.expression.textures.ridge import Prior

PAGES, TEXELS = 40, 300


def _case(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Predictors of either side, which side texels lie on, and the true change (t, 2)."""
    rng = np.random.default_rng(seed)
    left, right = (rng.uniform(0, 4, (PAGES, 2)).astype(np.float32) for _ in range(2))
    side = np.r_[np.ones(TEXELS // 2), np.zeros(TEXELS // 2)].astype(np.float32)
    return left, right, side, rng.normal(0, 0.03, (TEXELS, 2)).astype(np.float32)


def _shown(left: np.ndarray, right: np.ndarray, side: np.ndarray, true: np.ndarray, noise: float) -> np.ndarray:
    rows = np.where(side[:, None, None] > 0, left, right)  # (t, n, 2)
    clean = 0.2 + np.einsum("tnk,tk->nt", rows, true)
    return (clean + np.random.default_rng(2).normal(0, noise, clean.shape)).astype(np.float32)


def _loose(mean: float = 0.0) -> Prior:
    shape = TEXELS, 2
    return Prior(np.full(shape, mean, np.float32), np.full(shape, 0.05, np.float32))


def test_each_side_follows_its_own_intensities():
    left, right, side, true = _case()
    found = ridge.fit(left, right, side, _shown(left, right, side, true, 0.01), np.ones((PAGES, TEXELS)), _loose())
    assert np.abs(found - true).max() < 0.012
    swapped = ridge.fit(right, left, side, _shown(left, right, side, true, 0.01), np.ones((PAGES, TEXELS)), _loose())
    assert np.abs(swapped - true).mean() > 0.015


def test_a_hand_over_a_few_pages_draws_nothing():
    left, right, side, true = _case()
    shown = _shown(left, right, side, true, 0.01)
    shown[:4] -= 1.5
    found = ridge.fit(left, right, side, shown, np.ones((PAGES, TEXELS), np.float32), _loose())
    assert np.abs(found - true).max() < 0.03


def test_what_is_not_seen_does_not_count():
    left, right, side, true = _case()
    shown, seen = _shown(left, right, side, true, 0.01), np.ones((PAGES, TEXELS), np.float32)
    shown[:15], seen[:15] = 3.0, 0.0
    found = ridge.fit(left, right, side, shown, seen, _loose())
    assert np.abs(found - true).max() < 0.02


def test_without_evidence_the_prior_stands():
    left, _right, side, _ = _case()
    still = np.zeros_like(left)
    noise = np.random.default_rng(3).normal(0, 0.02, (PAGES, TEXELS)).astype(np.float32)
    found = ridge.fit(still, still, side, noise, np.ones((PAGES, TEXELS), np.float32), _loose(-0.04))
    assert np.allclose(found, -0.04, atol=1e-4)
