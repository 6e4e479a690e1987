"""Scores by arrays whose answer is known, and small whole runs with the real studio and the real tracker."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pytest
from omegaconf import OmegaConf

from runner.cli import main
from runner.evaluate import figures
from runner.evaluate.code import code_hash
from runner.evaluate.goals import goals
from runner.evaluate.library import Film
from runner.evaluate.measuring import Measured
from runner.evaluate.options import Options
from runner.evaluate.scores import SCORED, Pair
from runner.evaluate.tables import markdown, tables
from runner.evaluate.takes import PHOTO, asked
from runner.instantiate import instantiate
from runner.settings import CONF
from runner.tracking import Tracking
from stages import facs
from stages.errors import ConfigError

RNG = np.random.default_rng(1)


def options(*overrides: str) -> Options:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        values: Any = OmegaConf.to_container(hydra.compose("config", list(overrides)), resolve=True)
    made: Options = instantiate(values["eval"], "eval")
    return made


def pairs(protocol: str, see: Callable[[np.ndarray], np.ndarray], *overrides: str) -> list[Pair]:
    """Takes of a protocol, and what `see` makes of their truth; confidence falls as the error rises."""
    made = []
    for ask in asked(options(f"eval.protocols=[{protocol}]", "eval.people=3", *overrides)):
        take = ask.make()
        film = Film(take, Path(), np.zeros(len(take.script)), "")
        values = see(film.truth)
        confidence = 1 / (1 + np.abs(values - film.truth).mean(2))
        made.append(Pair(film, Measured(values, confidence, take.script.head * (1, -1, 1))))
    return made


def row(number: int) -> int:
    return facs.INDEX[f"AU{number:02d}"]


def test_figures_of_a_line_with_noise_are_those_of_the_line():
    true = RNG.uniform(0, 5, 4000)
    measured = 0.8 * true + 0.3 + RNG.normal(0, 0.5, 4000)
    assert figures.slope(measured, true) == pytest.approx(0.8, abs=0.02)
    assert figures.correlation(measured, true) == pytest.approx(0.8 / math.hypot(0.8, 0.5 / true.std()), abs=0.01)
    assert figures.error(true + 0.25, true) == pytest.approx(0.25)


def test_frames_without_a_face_do_not_count():
    true = np.arange(10.0)
    measured = np.where(true == 4, np.nan, 2 * true)
    assert figures.slope(measured, true) == pytest.approx(2)
    assert figures.correlation(measured, true) == pytest.approx(1)
    assert math.isnan(figures.slope(np.full(10, np.nan), true))


def test_what_is_not_measured_has_no_correlation_and_what_is_not_shown_no_figure():
    assert figures.correlation(np.zeros(9), np.arange(9.0)) == 0
    assert math.isnan(figures.correlation(np.arange(9.0), np.zeros(9)))


def test_crosstalk_finds_how_units_were_mixed():
    true, mixing = RNG.uniform(0, 5, (500, 3)), np.array([[1, 0.2, 0], [0, 0.8, -0.1], [0.3, 0, 1]])
    assert np.allclose(figures.crosstalk(true @ mixing.T + 0.7, true), mixing)


def test_ranks_see_any_monotone_relation_and_share_ties():
    values = np.array([1.0, 2, 2, 3, 10])
    assert figures.ranks(-(values**3), values) == pytest.approx(-1)
    assert math.isnan(figures.ranks(np.ones(5), values))


def test_partial_ranks_leave_out_what_both_owe_to_a_third():
    given = RNG.normal(size=4000)
    one, other = given + RNG.normal(size=4000), given + RNG.normal(size=4000)
    assert figures.ranks(one, other) > 0.4
    assert figures.partial_ranks(one, other, given) == pytest.approx(0, abs=0.05)
    assert figures.partial_ranks(one - given, one, given) > 0.6


def test_pulses_tell_slope_correlation_and_the_unit_that_leaks():
    def see(truth: np.ndarray) -> np.ndarray:
        seen = 0.9 * truth
        seen[:, row(2)] += 0.4 * truth[:, row(1)]
        return seen

    told = SCORED["pulses"](pairs("pulses", see, "eval.pulses.units=[1,12]"))
    one = told["units"]["1"]
    assert told["people"] == 3
    assert (one["r"], one["r_low"], one["slope"]) == pytest.approx((1, 1, 0.9))
    assert (one["leak_unit"], one["leak"]) == ("AU02", pytest.approx(0.4 * 2.5))
    assert told["units"]["12"]["leak"] == pytest.approx(0)


def test_units_that_take_part_in_a_pulse_do_not_count_as_its_leak():
    told = SCORED["pulses"](pairs("pulses", lambda truth: 0.5 * truth, "eval.pulses.units=[43]"))
    assert told["units"]["43"]["slope"] == pytest.approx(0.5)
    assert told["units"]["43"]["leak"] == pytest.approx(0)


def test_micro_pulses_are_judged_without_the_bias_of_noise():
    def see(truth: np.ndarray) -> np.ndarray:
        return 0.6 * truth + RNG.normal(0, 0.15, (len(truth), facs.COUNT, 1))

    told = SCORED["micro"](pairs("micro", see, "eval.micro.units=[12]", "eval.micro.repeats=60"))
    assert told["units"]["12"]["pulses"] == 180
    assert told["units"]["12"]["share"] == pytest.approx(0.6, abs=0.05)
    assert told["units"]["12"]["peak"] > 0.7


def test_overlapping_units_are_compared_side_by_side():
    told = SCORED["overlapping"](pairs("overlapping", lambda truth: truth[:, :, ::-1]))
    assert told["units"]["26"]["r"] == pytest.approx(1)
    assert told["units"]["12"]["r"] < 0.999
    assert SCORED["overlapping"](pairs("overlapping", lambda truth: truth + 0.5))["error"] == pytest.approx(0.5)


def test_overlapping_tells_the_head_aside_from_a_constant_turn():
    found = pairs("overlapping", lambda truth: truth)
    turned = [replace(p, measured=replace(p.measured, pose=p.measured.pose * (0.5, 1, 1) + 9)) for p in found]
    head = SCORED["overlapping"](turned)["head"]
    assert head["yaw"] > 1
    assert (head["pitch"], head["roll"]) == pytest.approx((0, 0), abs=1e-9)


def test_neutral_faces_are_told_for_clips_and_for_photos():
    found = pairs("neutral", np.copy)
    for pair in found:
        pair.measured.values[:, row(4), 1] += 0.3 if pair.film.take.protocol == PHOTO else 0.8
    told = SCORED["neutral"](found)
    assert (told["in_clips"]["4"], told["in_photos"]["4"]) == pytest.approx((0.8, 0.3))
    judged = {goal.what.split(":")[0]: goal for goal in goals({"neutral": told})}
    assert not judged["neutral clips"].met
    assert "AU4" in judged["neutral clips"].reached
    assert judged["neutral photos"].met


def test_confidence_that_falls_with_the_error_correlates_perfectly():
    def see(truth: np.ndarray) -> np.ndarray:
        return truth + np.linspace(0, 2, len(truth))[:, None, None]

    told = SCORED["confidence"](pairs("confidence", see))
    assert told["spearman"] == pytest.approx(-1, abs=1e-3)
    assert told["partial"] == pytest.approx(-1, abs=1e-2)
    assert set(told["conditions"]) == {"yaw", "blur", "small", "dark"}


def test_tables_tell_every_protocol_and_say_a_dash_where_nothing_is_known():
    few = "eval.pulses.units=[1,25]"
    scores = {name: SCORED[name](pairs(name, np.zeros_like, few)) for name in ("pulses", "micro", "overlapping")}
    text = markdown(tables(scores, goals(scores)), ["# Head"])
    assert all(f"## {title}" in text for title in ("Goals", "Isolated pulses", "Cross-talk", "Micro-expressions"))
    assert "| AU25 | - |" in text
    assert "nan" not in text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["eval.first=150000"], "eval: first: 150000 reaches people of the calibration"),
        (["eval.protocols=[pulse]"], "eval: protocols: there is no 'pulse'"),
        (["eval.pulses.units=[1,99]"], r"eval.pulses: units: .* not \[99\]"),
        (["eval.micro.levels=[2.0]"], "eval.micro: levels"),
        (["eval.people=0"], "eval: people: must be above 0"),
        (["eval.film=false"], "eval: film: false needs a folder"),
    ],
)
def test_settings_that_cannot_be_are_refused(overrides: list[str], message: str):
    with pytest.raises(ConfigError, match=message):
        options(*overrides)


def test_the_same_settings_ask_for_the_same_takes_and_others_for_others():
    names = [[ask.name for ask in asked(options("eval.people=2", *more))] for more in ([], [], ["eval.turn=5"])]
    assert names[0] == names[1]
    assert not set(names[0]) & set(names[2])
    assert len(set(names[0])) == len(names[0])
    assert {ask.name for ask in asked(options("eval.people=1"))} < set(names[0])


def test_code_that_is_not_imported_does_not_change_the_hash_of_a_module():
    modules = ["stages.facs", "stages.faces.track", "stages.expression.units"]
    assert len({code_hash([module]) for module in modules}) == 3
    assert code_hash(["stages.facs"]) == code_hash(["stages.facs", "stages.errors"])


def test_figures_are_tracked_with_their_files(tmp_path: Path):
    from mlflow import MlflowClient

    uri = f"sqlite:///{(tmp_path / 'mlflow.db').as_posix()}"
    (tmp_path / "units.md").write_text("# told")
    tracking = Tracking(uri=uri, artifacts=str(tmp_path / "artifacts"), timeout=60)
    assert tracking.log_figures("eval units", {"first": 7}, {"pulses.units.1.r": 0.5}, tmp_path, ["units.md"]) == ()
    client = MlflowClient(tracking_uri=uri)
    (run,) = client.search_runs([client.get_experiment_by_name("glabella").experiment_id])
    assert run.data.metrics["pulses.units.1.r"] == 0.5
    assert run.data.params["first"] == "7"
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["units.md"]


SMALL = ("eval.people=1", "eval.protocols=[micro,neutral]", "eval.micro.units=[12]", "eval.micro.repeats=1")
SMALL += ("eval.micro.levels=[1.0]", "eval.micro.rest=0.1", "eval.neutral.frames=2", "tracking=off", "workers=1")


def test_a_small_evaluation_films_measures_and_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("moderngl", reason="pip install glabella[calibrate]")
    keep, out = tmp_path / "kept", tmp_path / "told"
    assert main(["eval", "units", *SMALL, f"eval.keep={keep}", f"out={out}"]) == 0
    path = Path(capsys.readouterr().out.splitlines()[-1])
    told = json.loads(path.read_text())
    assert path == out / "units.json"
    assert told["scores"]["micro"]["frames"] == 14
    assert told["scores"]["micro"]["units"]["12"]["share"] > 0.3
    assert told["scores"]["neutral"]["missing"] == 0
    assert "## Neutral faces" in (out / "units.md").read_text()
    clips = {clip: clip.stat().st_mtime_ns for clip in keep.glob("*.mkv")}
    assert len(clips) == 2

    assert main(["eval", "units", *SMALL, f"eval.keep={keep}", "eval.film=false", f"out={tmp_path / 'again'}"]) == 0
    assert json.loads((tmp_path / "again" / "units.json").read_text())["scores"] == told["scores"]
    assert {clip: clip.stat().st_mtime_ns for clip in clips} == clips


def test_without_moderngl_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "moderngl", None)
    assert main(["eval", "units", *SMALL, "eval.side=200", f"out={tmp_path}"]) == 4
    assert "pip install glabella[calibrate]" in capsys.readouterr().err
    assert not (tmp_path / "units.json").exists()


def test_eval_without_saying_what_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["eval"]) == 2
    assert "glabella eval units" in capsys.readouterr().err
