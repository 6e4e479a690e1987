from __future__ import annotations

import pytest

from runner.compose import composed_alone
from runner.graph import build
from runner.plan import describe, mermaid, plan
from stages.errors import ConfigError, GraphError


@pytest.fixture(autouse=True)
def _allow_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.instantiate.ALLOWED", ("stages.", "runner.", "tests."))


def node(name: str, wires: dict[str, str] | None = None, **fields: object) -> dict[str, object]:
    return {"stage": {"_target_": f"tests.runner.steps.{name}", **fields}, "in": wires or {}}


GOOD = {
    "double": node("Double", {"number": "number"}),
    "number": node("Number"),
    "centred": node("Centre", {"number": "double"}),
    "total": node("Sum", {"number": "centred"}),
}
SHOWN = {**{k: v for k, v in GOOD.items() if k != "total"}, "shown": node("Shown", {"number": "centred"})}


def test_nodes_come_in_an_order_in_which_wires_are_made_before_use() -> None:
    assert [n.name for n in build(GOOD).nodes] == ["number", "double", "centred", "total"]


def test_optional_input_that_nothing_feeds_is_left_open() -> None:
    assert build(GOOD)["double"].wires == {"number": "number"}


@pytest.mark.parametrize(
    ("name", "spec", "says"),
    [
        (
            "x",
            node("Double", {"number": "numbr"}),
            "graph.x.in.number: nothing produces 'numbr' - did you mean 'number'?",
        ),
        (
            "x",
            node("Double", {"nmber": "number"}),
            "graph.x.in.nmber: Double has no input 'nmber' - did you mean 'number'?",
        ),
        ("x", node("NeedsScores"), "graph.x.in.number: NeedsScores takes Scores, 'number' makes Units"),
        ("x", node("Double", factr=2), "graph.x.stage.factr: Double has no setting 'factr' - did you mean 'factor'?"),
        ("x", node("Double", factor="much"), "graph.x.stage.factor: must be float, not 'much'"),
        ("x", node("Missing"), "graph.x.stage._target_: there is no 'tests.runner.steps.Missing'"),
        ("x", {"stage": {"_target_": "os.system"}}, "graph.x.stage._target_: 'os.system' is outside"),
        ("x", {"stge": {}}, "graph.x: needs 'stage:'"),
        ("x", node("Double", {"number": "y"}), "graph.x.in.number: nothing produces 'y'"),
    ],
)
def test_wiring_mistakes_are_named_with_their_path(name: str, spec: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build({**GOOD, name: spec})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_loop_is_named() -> None:
    with pytest.raises(GraphError, match="loop: "):
        build({"a": node("Double", {"number": "b"}), "b": node("Double", {"number": "a"})})


def test_a_sink_feeds_nothing() -> None:
    with pytest.raises(GraphError, match="makes nothing"):
        build({**GOOD, "end": node("Sink"), "x": node("Double", {"number": "end"})})


def test_a_null_stage_is_left_out() -> None:
    graph = build({**GOOD, "review": {"stage": None, "in": {}}})
    assert "review" not in [n.name for n in graph.nodes]


def test_graph_is_cut_at_clip_stages() -> None:
    cut = plan(build(GOOD))
    assert [n.name for n in cut.measure] == ["number", "double"]
    assert [n.name for n in cut.shape] == ["centred"]
    assert [n.name for n in cut.render] == ["total"]
    assert cut.kept == ("double",)
    assert cut.passes == 2


def test_graph_without_clip_stages_is_one_pass() -> None:
    cut = plan(build({"number": node("Number"), "total": node("Sum")}))
    assert (cut.measure, cut.passes, [n.name for n in cut.render]) == ((), 1, ["number", "total"])


def test_reported_wires_of_the_first_pass_are_kept() -> None:
    assert plan(build(GOOD), ["number"]).kept == ("number", "double")


def test_clip_stages_after_the_render_check_what_it_made() -> None:
    cut = plan(build({**SHOWN, "score": node("Centre", {"number": "shown"})}))
    assert [n.name for n in cut.render] == ["shown"]
    assert [n.name for n in cut.check] == ["score"]
    assert set(cut.kept) == {"double", "shown"}


def test_scores_of_a_render_in_one_pass_come_after_it() -> None:
    settings = composed_alone(["preset=live", "quality=full", "check=achieved"])
    cut = plan(build(settings["graph"]))
    assert (cut.measure, cut.shape, cut.passes) == ((), (), 1)
    assert [n.name for n in cut.check] == ["scored", "achieved", "judged"]
    assert "rendered" not in cut.kept


def test_what_stands_between_clip_stages_and_needs_no_picture_is_shaped_with_them() -> None:
    cut = plan(
        build({**GOOD, "score": node("Centre", {"number": "total"}), "after": node("Double", {"number": "score"})})
    )
    assert [n.name for n in cut.shape] == ["centred", "total", "score"]
    assert [n.name for n in cut.render] == ["after"]


def test_a_third_pass_is_refused() -> None:
    spec = {**SHOWN, "score": node("Centre", {"number": "shown"}), "again": node("Shown", {"number": "score"})}
    with pytest.raises(GraphError, match=r"graph\.again: reads 'score'"):
        plan(build(spec))


def test_what_needs_a_check_and_no_picture_comes_after_it() -> None:
    spec = {**SHOWN, "score": node("Centre", {"number": "shown"}), "again": node("Double", {"number": "score"})}
    cut = plan(build(spec))
    assert [n.name for n in cut.check] == ["score", "again"]
    assert "score" not in cut.kept


def test_plan_prints_every_node_once() -> None:
    graph = build(GOOD)
    text, chart = describe(graph, plan(graph)), mermaid(graph, plan(graph))
    for name in GOOD:
        assert sum(line.strip().startswith(f"{name} ") for line in text.splitlines()) == 1
        assert f'{name}["' in chart
