"""Gates: how they are written, what they say of figures, and where a refused delivery goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner.cli import main
from runner.gates import Gate, Gates, names
from runner.report import RunRecord
from runner.report.quality import FIGURES, SCORES, summarise
from stages.errors import ConfigError
from stages.packets import Quality
from tests.runner.report.made import record, stamp

REJECTED = Path("deliver/take.rejected")


def scored(**scores: float) -> RunRecord:
    return replace(record(), scores={name.replace("_", "."): value for name, value in scores.items()})


def judged(gates: Gates, one: RunRecord) -> RunRecord:
    return gates.judge(one, {"scores": one.scores}, REJECTED)


@pytest.mark.parametrize(
    ("text", "score", "sign", "bound"),
    [
        ("identity.cosine.p05 < 0.5", "identity.cosine.p05", "<", 0.5),
        ("  background.identical<1 ", "background.identical", "<", 1),
        ("au.achieved.AU12.slope >= 1.2e0", "au.achieved.AU12.slope", ">=", 1.2),
        ("ms.faces > 40", "ms.faces", ">", 40),
        ("jitter != -.5", "jitter", "!=", -0.5),
    ],
)
def test_a_gate_is_a_score_a_comparison_and_a_number(text: str, score: str, sign: str, bound: float) -> None:
    gate = Gate.parse(text, "here")
    assert (gate.score, gate.sign, gate.bound) == (score, sign, bound)


@pytest.mark.parametrize(
    "text",
    ["flicker", "flicker > high", "flicker > 1 or 1", "__import__('os') > 1", "0.5 < flicker", "flicker => 1"],
)
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(ConfigError, match=r"fail_if\[0\]: must be 'SCORE < NUMBER'"):
        Gates(fail_if=(text,))


def test_an_unknown_score_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"warn_if\[1\]: .* 'flicker.p59' - did you mean 'flicker.p95'"):
        Gates(warn_if=("flicker > 1", "flicker.p59 > 2"))


def test_every_figure_that_scores_can_give_may_be_named() -> None:
    every = {name: 1.0 for name in SCORES if name != "background.identical"}
    found = summarise([Quality.of(stamp(i), {0: every}, 1.0) for i in range(3)], 0.5)
    assert set(found) <= set(FIGURES) <= names()


@pytest.mark.parametrize(("sign", "caught"), [("<", False), ("<=", True), (">", False), (">=", True), ("==", True)])
def test_comparisons_are_what_they_look_like(sign: str, caught: bool) -> None:
    (verdict,) = judged(Gates(warn_if=(f"flicker {sign} 1.5",)), scored(flicker=1.5)).gates
    assert verdict.caught is caught


def test_a_refused_delivery_is_an_error_with_its_figure_and_another_place() -> None:
    gates = Gates(fail_if=("flicker > 1.2", "background.identical < 1"), warn_if=("jitter > 0",))
    made = judged(gates, scored(flicker=1.5, background_identical=1.0, jitter=-0.1))
    assert made.error == "gate 'flicker > 1.2': flicker is 1.5"
    assert made.out == REJECTED
    assert made.delivery is not None
    assert made.delivery.path.parent == REJECTED
    assert [one.word for one in made.gates] == ["refused", "passed", "passed"]


def test_a_warning_leaves_the_delivery_where_it_is() -> None:
    before = scored(flicker=1.5)
    made = judged(Gates(warn_if=("flicker > 1.2",)), before)
    assert made.warnings == (*before.warnings, "gate 'flicker > 1.2': flicker is 1.5")
    assert (made.out, made.delivery, made.error) == (before.out, before.delivery, "")


def test_what_was_not_measured_passes_no_gate() -> None:
    made = judged(Gates(fail_if=("identity.cosine.p05 < 0.5",)), scored(flicker=1.0))
    assert made.error == "gate 'identity.cosine.p05 < 0.5': identity.cosine.p05 was not measured"


def test_verdicts_come_back_from_a_report() -> None:
    made = judged(Gates(fail_if=("flicker > 1",), warn_if=("jitter > 1",)), scored(flicker=1.5))
    assert RunRecord.from_json(made.to_json()).gates == made.gates


def test_a_refused_run_keeps_all_it_made_beside_the_place_of_the_delivery(
    sample: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deliver" / "take.mp4"
    words = ["run", f"clip={sample('carphone')}", f"out={out}", "tracking=off", "quiet=true", "encode=h264_live"]
    assert main([*words, 'gates.fail_if=["background.identical > 0.5"]']) == 8
    folder = out.with_name("take.rejected")
    assert "gate 'background.identical > 0.5': background.identical is 1; what was made" in capsys.readouterr().err
    assert sorted(path.name for path in out.parent.iterdir()) == ["take.rejected"]
    report = json.loads((folder / "report.json").read_text())
    assert report["delivery"]["path"] == str(folder / "take.mp4")
    assert (folder / "take.mp4").stat().st_size == report["delivery"]["size"]
    assert "refused" in (folder / "report.html").read_text()
    assert main([*words, 'gates.fail_if=["background.identical < 0.5"]']) == 0
    assert sorted(path.name for path in out.parent.iterdir()) == ["take.mp4", "take.report"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["gates=identity"],
            "'identity.cosine.below > 0.05' cannot be judged: identity.cosine.below is not measured",
        ),
        (["gates=picture", "quality=off"], "background.identical is not measured with quality=off"),
        (['gates.warn_if=["expression.correlation < 0.9"]', "check=none"], "is not measured with check=none"),
    ],
)
def test_a_gate_on_what_is_not_measured_stops_the_run_before_it_starts(
    sample: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    assert main(["run", f"clip={sample('carphone')}", f"outputs={tmp_path}", "tracking=off", *words]) == 2
    assert line in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]
