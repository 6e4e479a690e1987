"""Where a graph is cut: what runs while measuring, what sees the whole clip, what runs while rendering, what checks it.

What feeds a clip stage is pass 1 (measure) and is kept on disk; the clip stages follow, with whatever stands between
two of them and reads no picture; what depends on them is pass 2 (render), which decodes the clip again. Clip stages
that look at what pass 2 made (scores of the delivery) come last, and so does what needs their answer and no picture. A
graph without clip stages before its render is one pass, as a live stream needs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.graph import SOURCES, Graph, Node
from stages.errors import GraphError
from stages.packets import Frame, Packet

_MEASURE, _SHAPE, _RENDER, _CHECK = range(4)


@dataclass(frozen=True)
class Plan:
    """The steps of a graph; `kept` are the wires of either pass that a later step reads again."""

    measure: tuple[Node, ...]
    shape: tuple[Node, ...]
    render: tuple[Node, ...]
    check: tuple[Node, ...]
    kept: tuple[str, ...]

    @property
    def passes(self) -> int:
        """How often the clip is decoded."""
        return 2 if self.measure else 1

    @property
    def steps(self) -> tuple[tuple[str, tuple[Node, ...]], ...]:
        """The steps that have nodes, with their titles."""
        steps = (
            ("pass 1: measure", self.measure),
            ("whole clip: shape", self.shape),
            (f"pass {self.passes}: render", self.render),
            ("whole clip: check", self.check),
        )
        return tuple((title, nodes) for title, nodes in steps if nodes)


def plan(graph: Graph, reported: Iterable[str] = ()) -> Plan:
    """Cut `graph` at its clip stages. `reported` wires are kept for the report.

    Raises:
        GraphError: a frame would have to be rendered after the render pass (a third pass).
    """
    steps = _steps(graph)
    measure, shape, render, checks = (tuple(n for n in graph.nodes if steps[n.name] == step) for step in range(4))
    last = _wires(checks) | set(reported)
    later = last | _wires(shape) | _wires(render)
    kept = (*(n.name for n in measure if n.name in later), *(n.name for n in render if n.name in last))
    return Plan(measure, shape, render, checks, kept)


def _steps(graph: Graph) -> dict[str, int]:
    """Node -> the earliest step it can run in; what no clip stage waits for runs with the render."""
    steps, judging = dict.fromkeys(SOURCES, _MEASURE), _judging(graph)
    for node in graph.nodes:
        needed = max((steps[wire] for wire in node.wires.values()), default=_MEASURE)
        if node.stage.scope == "clip":
            steps[node.name] = _CHECK if needed > _SHAPE or node.name in judging else _SHAPE
        elif needed == _CHECK and not _sees(node, Frame):
            steps[node.name] = _CHECK
        elif needed == _CHECK:
            wire = next(wire for wire in node.wires.values() if steps[wire] == _CHECK)
            raise GraphError(f"graph.{node.name}: reads '{wire}', which is known only when every frame is rendered")
        else:
            pictures = SOURCES.keys() & set(node.wires.values())
            steps[node.name] = _RENDER if needed == _SHAPE and pictures else needed
    waited = _ancestors(graph, {n.name for n in graph.nodes if n.stage.scope == "clip" and steps[n.name] == _SHAPE})
    for node in graph.nodes:
        if node.stage.scope != "clip" and node.name not in waited and steps[node.name] != _CHECK:
            steps[node.name] = _RENDER
    return steps


def _judging(graph: Graph) -> set[str]:
    """What looks at pictures that the graph has made, and what no picture waits for in its turn."""
    pictures = {node.name for node in graph.nodes if type(node.stage).output() is Frame}
    judging: set[str] = set()
    for node in graph.nodes:
        if (pictures | judging) & set(node.wires.values()):
            judging.add(node.name)
    return judging - _ancestors(graph, {node.name for node in graph.nodes if _sees(node, Frame)})


def _sees(node: Node, kind: type[Packet]) -> bool:
    """Whether one of its ports takes packets of this kind."""
    return any(type(node.stage).inputs()[port].type is kind for port in node.wires)


def _wires(nodes: Iterable[Node]) -> set[str]:
    return {wire for node in nodes for wire in node.wires.values()}


def _ancestors(graph: Graph, of: set[str]) -> set[str]:
    """All that `of` depends on, without the sources."""
    found: set[str] = set()
    for node in reversed(graph.nodes):
        if node.name in of or node.name in found:
            found.update(node.wires.values())
    return found - SOURCES.keys()


def describe(graph: Graph, cut: Plan) -> str:
    """The plan as text, one line a node."""
    lines = []
    for title, nodes in cut.steps:
        lines += [title, *(f"  {_line(node)}{'  (kept)' if node.name in cut.kept else ''}" for node in nodes)]
    return "\n".join(lines)


def _line(node: Node) -> str:
    made = type(node.stage).output()
    wires = ", ".join(port if port == wire else f"{port}={wire}" for port, wire in node.wires.items())
    arrow = f" -> {made.__name__}" if made else ""
    return f"{node.name:<10} {node.stage.scope:<8} {type(node.stage).__name__}({wires}){arrow}"


def mermaid(graph: Graph, cut: Plan) -> str:
    """The plan as a Mermaid flowchart."""
    lines = ["flowchart LR", "  frame([frame])"]
    for i, (title, nodes) in enumerate(cut.steps):
        body = [f'    {n.name}["{n.name}<br/><small>{type(n.stage).__name__}</small>"]' for n in nodes]
        lines += [f'  subgraph step{i} ["{title}"]', *body, "  end"]
    for node in graph.nodes:
        lines += [f"  {wire} --> {node.name}" for wire in node.wires.values()]
    return "\n".join(lines)
