"""A pipeline from YAML to checked nodes. Every wiring mistake is found here, before the first frame.

    graph:
      faces: {stage: ${faces}}                     a node: its name is its wire; inputs are wired by their own names
      asked: {stage: ${shape}, in: {smoothed: calm}}   `in` only where a port's name and its wire's differ
      review: {stage: null}                        a node without a stage is left out
      driven: {stage: ${loop}, feedback: {achieved: achieved}}   of a loop stage: wires that come later

`frame` is the source: every decoded frame.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from runner.instantiate import did_you_mean, instantiate
from stages.contract import LoopStage, Port, Stage
from stages.errors import GraphError
from stages.packets import Frame, Packet

_KEYS = ("stage", "in", "feedback")
SOURCES: dict[str, type[Packet]] = {"frame": Frame}


@dataclass(frozen=True)
class Node:
    """A named stage; `wires` maps each connected port to the node (or source) that feeds it.

    feedback: ports that are fed by what comes later (`runner.rehearsal`); absent until it is there.
    """

    name: str
    stage: Stage
    wires: Mapping[str, str]
    config: Mapping[str, Any]
    feedback: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"stage '{self.name}' ({type(self.stage).__name__})"


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which every wire is made before it is used."""

    nodes: tuple[Node, ...]

    def __getitem__(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def feeding(self, *wires: str) -> Graph:
        """The part of the graph that `wires` need, with their own nodes."""
        needed = self.needed(wires)
        return Graph(tuple(node for node in self.nodes if node.name in needed))

    def needed(self, wires: Iterable[str], known: Container[str] = ()) -> set[str]:
        """These wires and all that they are made from, up to those that are `known`."""
        needed = set(wires)
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(wire for wire in node.wires.values() if wire not in known)
        return needed


def build(config: Mapping[str, Any]) -> Graph:
    """Check and connect a resolved `graph:` mapping.

    Raises:
        ConfigError: a stage cannot be made from its settings.
        GraphError: an unknown wire, a wrong type, a loop; begins with the config path.
    """
    nodes = {name: _node(name, spec) for name, spec in config.items() if name not in SOURCES and _stage_of(name, spec)}
    made: dict[str, type[Packet] | None] = {**SOURCES, **{n: type(x.stage).output() for n, x in nodes.items()}}
    wired = {name: _connect(node, made, config) for name, node in nodes.items()}
    return Graph(tuple(wired[name] for name in _order(wired)))


def check_report(report: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Refuse a reported wire that `config` has no node for; a node without a stage is only switched off.

    Raises:
        GraphError: the first such wire, with the nearest name.
    """
    for name, wire in report.items():
        if wire is not None and str(wire) not in config:
            raise GraphError(f"report.{name}: there is no wire {wire!r}{did_you_mean(str(wire), config)}")


def _stage_of(name: str, spec: Any) -> Any:
    if not isinstance(spec, Mapping) or "stage" not in spec:
        raise GraphError(f"graph.{name}: needs 'stage:' and, where names differ, 'in:'")
    for key in spec.keys() - set(_KEYS):
        raise GraphError(f"graph.{name}.{key}: a node has only {', '.join(_KEYS)}{did_you_mean(key, _KEYS)}")
    return spec["stage"]


def _node(name: str, spec: Mapping[str, Any]) -> Node:
    stage = instantiate(spec["stage"], f"graph.{name}.stage")
    if not isinstance(stage, Stage):
        raise GraphError(f"graph.{name}.stage: {type(stage).__name__} is not a stage")
    ports, wires = type(stage).inputs(), dict(spec.get("in") or {})
    later = dict(spec.get("feedback") or {}) if isinstance(stage, LoopStage) else {}
    for key, given in (("in", wires), ("feedback", later)):
        for extra in given.keys() - ports.keys():
            hint = did_you_mean(extra, ports)
            raise GraphError(f"graph.{name}.{key}.{extra}: {type(stage).__name__} has no input {extra!r}{hint}")
    return Node(name, stage, {p: str(wires.get(p, p)) for p in ports if p not in later}, dict(spec["stage"]), later)


def _connect(node: Node, made: Mapping[str, type[Packet] | None], config: Mapping[str, Any]) -> Node:
    """Drop optional ports that nothing feeds; refuse unknown wires and wrong types."""
    ports, wires = type(node.stage).inputs(), {}
    for port, source in node.wires.items():
        if source in made:
            _check_wire(f"graph.{node.name}.in.{port}", node, ports[port], source, made[source])
            wires[port] = source
        elif not ports[port].optional or source != port:
            why = " (its stage is empty)" if source in config else did_you_mean(source, made)
            raise GraphError(f"graph.{node.name}.in.{port}: nothing produces {source!r}{why}")
    return Node(node.name, node.stage, wires, node.config, _fed_back(node, ports, made, config))


def _fed_back(
    node: Node, ports: Mapping[str, Port], made: Mapping[str, type[Packet] | None], config: Mapping[str, Any]
) -> dict[str, str]:
    """What the node is told of later wires; nothing if one of them is switched off."""
    for port, source in node.feedback.items():
        where = f"graph.{node.name}.feedback.{port}"
        if not ports[port].optional:
            raise GraphError(f"{where}: {type(node.stage).__name__} cannot do without it the first time")
        if source in made:
            _check_wire(where, node, ports[port], source, made[source])
        elif source not in config:
            raise GraphError(f"{where}: nothing produces {source!r}{did_you_mean(source, made)}")
    whole = all(source in made for source in node.feedback.values())
    return {port: str(source) for port, source in node.feedback.items()} if whole else {}


def _check_wire(where: str, node: Node, port: Port, source: str, kind: type[Packet] | None) -> None:
    if kind is None or not issubclass(kind, port.type):
        got = "nothing (it is a sink)" if kind is None else kind.__name__
        raise GraphError(f"{where}: {type(node.stage).__name__} takes {port.type.__name__}, {source!r} makes {got}")
    if port.whole and source in SOURCES:
        raise GraphError(f"{where}: a clip stage cannot hold every frame; feed it what a map stage makes of them")


def _order(nodes: Mapping[str, Node]) -> list[str]:
    needs = {name: [s for s in node.wires.values() if s in nodes] for name, node in nodes.items()}
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise GraphError("graph: a loop: " + " -> ".join(reversed(error.args[1]))) from None
