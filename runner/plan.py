"""Where a graph is cut: what runs while measuring, what sees the whole clip, what runs while rendering.

What feeds a clip stage is pass 1 (measure) and is kept on disk; the clip stages follow; what depends on them is pass 2
(render), which decodes the clip again. A graph without clip stages is one pass, as a live stream needs it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runner.graph import SOURCES, Graph, Node
from stages.errors import GraphError


@dataclass(frozen=True)
class Plan:
    """The passes of a graph; `kept` are the wires of pass 1 that later steps read again."""

    measure: tuple[Node, ...]
    shape: tuple[Node, ...]
    render: tuple[Node, ...]
    kept: tuple[str, ...]

    @property
    def passes(self) -> int:
        """How often the clip is decoded."""
        return 2 if self.measure else 1


def plan(graph: Graph, reported: Iterable[str] = ()) -> Plan:
    """Cut `graph` at its clip stages. `reported` wires are kept for the report.

    Raises:
        GraphError: a clip stage needs frames that were made after another clip stage (a third pass).
    """
    clip = [node for node in graph.nodes if node.stage.scope == "clip"]
    late = {node.name for node in clip}
    for node in graph.nodes:
        if late & set(node.wires.values()):
            late.add(node.name)
    needed = _ancestors(graph, clip)
    for node in graph.nodes:
        if node.name in late & needed and node.stage.scope != "clip":
            raise GraphError(
                f"graph.{node.name}: runs after one clip stage and feeds another; only clip stages may stand between"
            )
    measure = tuple(n for n in graph.nodes if n.name in needed and n.name not in late)
    render = tuple(n for n in graph.nodes if n not in measure and n.stage.scope != "clip")
    read = {wire for node in (*clip, *render) for wire in node.wires.values()} | set(reported)
    return Plan(measure, tuple(clip), render, tuple(n.name for n in measure if n.name in read))


def _ancestors(graph: Graph, of: list[Node]) -> set[str]:
    found: set[str] = set()
    for node in reversed(graph.nodes):
        if node in of or node.name in found:
            found.update(node.wires.values())
    return found - SOURCES.keys()


def describe(graph: Graph, cut: Plan) -> str:
    """The plan as text, one line a node."""
    lines = []
    for title, nodes in (("pass 1: measure", cut.measure), ("whole clip: shape", cut.shape), ("render", cut.render)):
        if nodes:
            heading = f"pass {cut.passes}: {title}" if title == "render" else title
            lines += [heading, *(f"  {_line(node)}{'  (kept)' if node.name in cut.kept else ''}" for node in nodes)]
    return "\n".join(lines)


def _line(node: Node) -> str:
    made = type(node.stage).output()
    wires = ", ".join(port if port == wire else f"{port}={wire}" for port, wire in node.wires.items())
    arrow = f" -> {made.__name__}" if made else ""
    return f"{node.name:<10} {node.stage.scope:<8} {type(node.stage).__name__}({wires}){arrow}"


def mermaid(graph: Graph, cut: Plan) -> str:
    """The plan as a Mermaid flowchart."""
    lines = ["flowchart LR", "  frame([frame])"]
    for title, nodes in (("measure", cut.measure), ("shape", cut.shape), ("render", cut.render)):
        if nodes:
            body = [f'    {n.name}["{n.name}<br/><small>{type(n.stage).__name__}</small>"]' for n in nodes]
            lines += [f"  subgraph {title}", *body, "  end"]
    for node in graph.nodes:
        lines += [f"  {wire} --> {node.name}" for wire in node.wires.values()]
    return "\n".join(lines)
