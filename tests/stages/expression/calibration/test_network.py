"""The network that is exported is the network that was taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from stages.expression.calibration import network
from stages.expression.calibration.network import INPUTS, Lesson, Projections, Round, Taught
from stages.expression.calibration.strangers import Strangers
from stages.expression.relief import SIDE

pytest.importorskip("jax", reason="pip install glabella[calibrate]")

OUTPUTS = 5


@pytest.fixture(scope="module")
def rng() -> np.random.Generator:
    return np.random.default_rng(8)


@pytest.fixture(scope="module")
def feeds(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {name: rng.normal(0, 0.2, (6, size)).astype(np.float32) for name, size in INPUTS.items()}


@pytest.fixture(scope="module")
def parts(rng: np.random.Generator) -> Projections:
    shape, person = (rng.normal(0, 0.05, (1434, n)).astype(np.float16).astype(np.float32) for n in (12, 4))
    return Projections(shape, person, rng.normal(0, 0.1, 1434).astype(np.float32))


def given(parts: Projections, feeds: dict[str, np.ndarray]) -> Round:
    features = parts.features(feeds)
    return Round(features, feeds["rest_relief"].reshape(-1, SIDE, SIDE).astype(np.float16), True, features[:1] * 0)


def test_onnx_tells_what_jax_tells(rng: np.random.Generator, feeds, parts: Projections, tmp_path: Path):
    scale, seen = np.linspace(0.5, 2, OUTPUTS).astype(np.float32), given(parts, feeds)
    count = seen.features.shape[1]
    tree = network._fresh(rng, count, OUTPUTS, 16)
    pupil = Taught(np.zeros(count, np.float32), np.ones(count, np.float32), tree)
    relief = feeds["relief"].reshape(-1, SIDE, SIDE).astype(np.float16)
    values, deviation = network.told(pupil, relief, seen, scale)
    network.export(tmp_path / "coder.onnx", parts, [pupil, pupil], scale, "test")
    session = onnxruntime.InferenceSession(tmp_path / "coder.onnx", providers=["CPUExecutionProvider"])
    got = session.run(["values", "deviation"], feeds)
    np.testing.assert_allclose(got[0], values, atol=0.02)
    np.testing.assert_allclose(got[1], deviation, rtol=0.03)


def test_a_few_lessons_teach_what_the_scores_say(rng: np.random.Generator, parts: Projections):
    feeds = {name: rng.normal(0, 0.05, (64, size)).astype(np.float32) for name, size in INPUTS.items()}
    seen = given(parts, feeds)
    truth = np.repeat(feeds["scores"][:, :1] * 20, OUTPUTS, 1)
    lesson = Lesson(np.ones(OUTPUTS, np.float32), hidden=16, steps=60, batch=32, rate=1e-2, drop=0.0, noise=0.0)
    relief = feeds["relief"].reshape(-1, SIDE, SIDE).astype(np.float16)
    taught = network.teach([seen], relief, truth, lesson, np.full(seen.features.shape[1], 1e-3, np.float32))
    values, _ = network.told(taught, relief, seen, np.ones(OUTPUTS, np.float32))
    assert np.abs(values - truth).mean() < 0.5 * np.abs(truth).mean()


def test_a_stranger_keeps_the_difference_from_their_own_neutral():
    strangers, rng = Strangers.of(2), np.random.default_rng(1)
    before = np.zeros((8, SIDE, SIDE), np.float32)
    now, rest = strangers.disguised(before.copy(), before.copy(), True, rng)
    alone, average = strangers.disguised(before.copy(), before.copy(), False, np.random.default_rng(1))
    assert np.abs(now - rest).mean() < 0.5 * np.abs(alone - average).mean()
