"""The coder's network: what it is made of, how it is taught (JAX), how it becomes ONNX.

Three convolutions look at how the relief differs from the neutral's. Beside them stand principal components of how the
shape differs, the scores, the head's angles and who it is. Two hidden layers and a linear path tell intensities by
least squares and, from the network's own errors, their standard deviations (Nix & Weigend 1994).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from stages.expression.basis import TURNS
from stages.expression.calibration.strangers import Strangers
from stages.expression.relief import SIDE
from stages.packets import Floats

OPSET: Final = 17
INPUTS: Final = {
    "shape": 1434, "relief": SIDE * SIDE, "scores": 52, "head": TURNS,
    "rest_shape": 1434, "rest_relief": SIDE * SIDE, "rest_scores": 52, "known": 1,
}  # fmt: skip
LOG_VARIANCE: Final = (-7.0, 3.0)
PRESENT: Final = 5.0
"""What a unit at work counts beside an absent one. Most units are absent in most pictures, and a network that is right
on average would take a faint one for none (Yang et al., *Delving into deep imbalanced regression*, 2021)."""
LOUD: Final = 4.0  # contrasts are small numbers
CONVOLUTIONS: Final = ((2, 12, 5), (12, 24, 3), (24, 32, 3))
"""Channels in and out and the side of a kernel; every one halves the picture."""
FLAT: Final = 32 * (SIDE // 8) ** 2
LOOKED: Final = 96  # outputs of what looks at the relief
PADS: Final = {5: (1, 2), 3: (0, 1)}
"""Before and after: what halves an even side exactly."""


@dataclass(frozen=True)
class Projections:
    """Components: shape (1434, a) of differences, person (1434, c) of neutrals about mean (1434,)."""

    shape: Floats
    person: Floats
    mean: Floats

    def features(self, feeds: Mapping[str, Floats]) -> Floats:
        """(n, f) what stands beside the relief."""
        moved = (feeds["shape"] - feeds["rest_shape"]) @ self.shape
        person = (feeds["rest_shape"] - self.mean) @ self.person
        change = feeds["scores"] - feeds["rest_scores"]
        return np.concatenate([moved, person, feeds["scores"], change, feeds["head"], feeds["known"]], 1).astype(
            np.float32
        )


@dataclass(frozen=True)
class Round:
    """The same pictures beside one draw of neutrals.

    features: (n, f). rest: (n, SIDE, SIDE) reliefs. known: whether the neutrals are the persons' own. strange: (m, f)
    what other people's shapes would add to the features.
    """

    features: Floats
    rest: NDArray[np.float16]
    known: bool
    strange: Floats


@dataclass(frozen=True)
class Lesson:
    """How it is taught. scale: (c,) a typical intensity of each output, by which errors count.

    covered: share of the pictures of which a part is covered by something else. loud: by how much contrasts vary.
    """

    scale: Floats
    hidden: int = 192
    steps: int = 4000
    batch: int = 256
    rate: float = 1.5e-3
    decay: float = 0.03
    drop: float = 0.25
    noise: float = 0.1
    covered: float = 0.12
    loud: float = 0.25
    seed: int = 1


@dataclass
class Taught:
    """Weights. middle, spread: (f,) of the features; tree: what JAX taught, as arrays."""

    middle: Floats
    spread: Floats
    tree: dict[str, Any]
    losses: list[float] = field(default_factory=list)


def teach(rounds: list[Round], relief: NDArray[np.float16], truth: Floats, lesson: Lesson, floor: Floats) -> Taught:
    """From several rounds, what is seen (n, SIDE, SIDE; NaN where unseen) and true intensities (n, c).

    floor: (f,) the least spread that a feature is divided by, so that components of mere noise stay small.
    """
    import jax
    import optax

    whole = np.concatenate([each.features for each in rounds])
    middle, spread = whole.mean(0), np.maximum(whole.std(0), floor)
    optimiser = optax.adamw(optax.cosine_decay_schedule(lesson.rate, lesson.steps), weight_decay=lesson.decay)

    @jax.jit  # type: ignore[untyped-decorator]
    def step(tree: Any, state: Any, batch: Any, key: Any) -> Any:
        value, slope = jax.value_and_grad(_loss)(tree, batch, key, lesson.noise, lesson.drop)
        change, state = optimiser.update(slope, state, tree)
        return optax.apply_updates(tree, change), state, value

    rng, key = np.random.default_rng(lesson.seed), jax.random.PRNGKey(lesson.seed)
    strangers = Strangers.of(lesson.seed)
    tree = _fresh(rng, whole.shape[1], truth.shape[1], lesson.hidden)
    state, losses = optimiser.init(tree), []
    for turn in range(lesson.steps):
        rows, chosen = rng.integers(0, len(truth), lesson.batch), rounds[rng.integers(len(rounds))]
        pair = pictured(relief[rows], chosen, rows, rng, lesson, strangers)
        features = chosen.features[rows] + chosen.strange[rng.integers(0, len(chosen.strange), len(rows))]
        batch = (pair, (features - middle) / spread, truth[rows] / lesson.scale)
        tree, state, value = step(tree, state, batch, jax.random.fold_in(key, turn))
        if turn % 100 == 0:
            losses.append(float(value))
            print(f"pupil {lesson.seed}, step {turn} of {lesson.steps}: loss {losses[-1]:.3f}", flush=True)
    return Taught(middle, spread, jax.tree_util.tree_map(np.asarray, tree), losses)


def paired(relief: NDArray[np.float16], rest: NDArray[np.float16]) -> tuple[Floats, Floats]:
    """What is seen, with what is unseen as it is at rest, and the neutral; (n, SIDE, SIDE) both."""
    now, before = relief.astype(np.float32), rest.astype(np.float32)
    return np.where(np.isnan(now), before, now), before


def stacked(now: Floats, before: Floats) -> Floats:
    """(n, 2, SIDE, SIDE) what the convolutions get: difference from the neutral, and the neutral."""
    both: Floats = np.stack([now - before, before], 1) * np.float32(LOUD)
    return both


def pictured(
    relief: NDArray[np.float16],
    chosen: Round,
    rows: NDArray[np.intp],
    rng: np.random.Generator,
    lesson: Lesson,
    strangers: Strangers,
) -> Floats:
    """The same for teaching, of strangers, in other light, and covered here and there."""
    now, before = strangers.disguised(*paired(relief, chosen.rest[rows]), chosen.known, rng)
    gain = np.exp(rng.normal(0, lesson.loud, (len(now), 1, 1))).astype(np.float32)
    return stacked(_covered(now, rng, lesson.covered) * gain, before * gain)


def _covered(relief: Floats, rng: np.random.Generator, share: float) -> Floats:
    for one in np.flatnonzero(rng.random(len(relief)) < share):
        height, width = rng.integers(8, 30, 2)
        top, left = rng.integers(0, SIDE - height), rng.integers(0, SIDE - width)
        relief[one, top : top + height, left : left + width] = rng.normal(rng.normal(0, 0.2), rng.uniform(0, 0.15))
    return relief


def _loss(tree: Any, batch: Any, key: Any, noise: float, drop: float) -> Any:
    import jax
    import jax.numpy as jnp

    pair, features, truth = batch
    first, second = jax.random.split(key)
    values, spoken = forward(tree, pair, features + noise * jax.random.normal(first, features.shape), second, drop)
    error = values - truth
    weight = jnp.where(truth > 0, PRESENT, 1.0)
    return (weight * error**2).mean() / weight.mean() + 0.05 * (
        jax.lax.stop_gradient(error) ** 2 * jnp.exp(-spoken) + spoken
    ).mean()


def forward(tree: Any, pair: Any, features: Any, key: Any = None, drop: float = 0.0) -> tuple[Any, Any]:
    """Values and log variances over each output's scale, (n, c) both; `features` centred and spread."""
    import jax
    import jax.numpy as jnp

    def dropped(hidden: Any, turn: int) -> Any:
        if key is None:
            return hidden
        kept = jax.random.bernoulli(jax.random.fold_in(key, turn), 1 - drop, hidden.shape)
        return hidden * kept / (1 - drop)

    looked = pair
    for (matrix, offset), (_, _, side) in zip(tree["looking"], CONVOLUTIONS, strict=True):
        pads = [PADS[side], PADS[side]]
        axes = ("NCHW", "OIHW", "NCHW")
        looked = jax.lax.conv_general_dilated(looked, matrix, (2, 2), pads, dimension_numbers=axes)
        looked = jax.nn.silu(looked + offset[:, None, None])
    x = jnp.concatenate([features, dropped(looked.reshape(len(looked), -1), 0) @ tree["look"]], 1)
    hidden = x
    for turn, (matrix, offset) in enumerate(tree["layers"][:-1]):
        hidden = dropped(jax.nn.silu(hidden @ matrix + offset), turn + 1)
    matrix, offset = tree["layers"][-1]
    last = hidden @ matrix + offset
    count = last.shape[1] // 2
    return x @ tree["linear"] + last[:, :count], jnp.clip(last[:, count:], *LOG_VARIANCE)


def told(taught: Taught, relief: NDArray[np.float16], given: Round, scale: Floats) -> tuple[Floats, Floats]:
    """(n, c) values and standard deviations."""
    pairs, features = stacked(*paired(relief, given.rest)), (given.features - taught.middle) / taught.spread
    parts = [forward(taught.tree, pairs[at : at + 512], features[at : at + 512]) for at in range(0, len(pairs), 512)]
    values, spoken = (np.concatenate([np.asarray(part[which]) for part in parts]) for which in (0, 1))
    return values * scale, np.exp(spoken / 2) * scale


def _fresh(rng: np.random.Generator, features: int, outputs: int, hidden: int) -> dict[str, Any]:
    def matrix(*shape: int, fan: int, gain: float = 1.0) -> Floats:
        return rng.normal(0, gain * np.sqrt(2 / fan), shape).astype(np.float32)

    looking = [
        (matrix(wide, narrow, side, side, fan=narrow * side**2), np.zeros(wide, np.float32))
        for narrow, wide, side in CONVOLUTIONS
    ]
    sizes = [features + LOOKED, hidden, hidden, 2 * outputs]
    layers = [
        (matrix(a, b, fan=a, gain=0.1 if turn == 2 else 1.0), np.zeros(b, np.float32))
        for turn, (a, b) in enumerate(pairwise(sizes))
    ]
    look = matrix(FLAT, LOOKED, fan=FLAT, gain=0.7)
    return {"looking": looking, "look": look, "layers": layers, "linear": np.zeros((sizes[0], outputs), np.float32)}


def export(path: Path, parts: Projections, pupils: list[Taught], scale: Floats, provenance: str) -> None:
    """Write several pupils, whose mean is the answer, as one ONNX model; matrices are kept in half precision."""
    graph = _Graph()
    moved = graph.matmul(graph.op("Sub", "shape", "rest_shape"), parts.shape)
    person = graph.matmul(graph.op("Sub", "rest_shape", graph.constant(parts.mean)), parts.person)
    change = graph.op("Sub", "scores", "rest_scores")
    features = graph.op("Concat", moved, person, "scores", change, "head", "known", axis=1)
    side = graph.constant(np.array([-1, 1, SIDE, SIDE], np.int64))
    rest = graph.op("Reshape", "rest_relief", side)
    differs = graph.op("Sub", graph.op("Reshape", "relief", side), rest)
    pair = graph.op("Mul", graph.op("Concat", differs, rest, axis=1), graph.constant(np.array([LOUD], np.float32)))
    answers = [_pupil(graph, pair, features, taught) for taught in pupils]
    share = graph.constant((scale / len(answers)).astype(np.float32))
    graph.op("Mul", graph.op("Sum", *(values for values, _ in answers)), share, out="values")
    graph.op("Mul", graph.op("Sum", *(deviation for _, deviation in answers)), share, out="deviation")
    given = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", size]) for n, size in INPUTS.items()]
    made = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", len(scale)]) for n in ("values", "deviation")]
    built = helper.make_graph(graph.nodes, "coder", given, made, graph.constants)
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    model.doc_string = provenance
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _pupil(graph: _Graph, pair: str, features: str, taught: Taught) -> tuple[str, str]:
    tree, looked = taught.tree, pair
    for (kernel, offset), (_, _, side) in zip(tree["looking"], CONVOLUTIONS, strict=True):
        before, after = PADS[side]
        pads = [before, before, after, after]
        looked = graph.silu(
            graph.op("Conv", looked, graph.constant(kernel), graph.constant(offset), strides=[2, 2], pads=pads)
        )
    seen = graph.matmul(graph.op("Flatten", looked), tree["look"])
    centred = graph.op("Sub", features, graph.constant(taught.middle))
    x = graph.op("Concat", graph.op("Mul", centred, graph.constant(1 / taught.spread)), seen, axis=1)
    hidden = x
    for matrix, offset in tree["layers"][:-1]:
        hidden = graph.silu(graph.op("Add", graph.matmul(hidden, matrix), graph.constant(offset)))
    matrix, offset = tree["layers"][-1]
    count = len(offset) // 2
    last = graph.op("Add", graph.matmul(hidden, matrix[:, :count]), graph.constant(offset[:count]))
    values = graph.op("Add", graph.matmul(x, tree["linear"]), last)
    spoken = graph.op("Add", graph.matmul(hidden, matrix[:, count:]), graph.constant(offset[count:]))
    low, high = (graph.constant(np.array(edge, np.float32)) for edge in LOG_VARIANCE)
    half = graph.op("Mul", graph.op("Clip", spoken, low, high), graph.constant(np.array([0.5], np.float32)))
    return values, graph.op("Exp", half)


class _Graph:
    """Nodes and constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: NDArray[Any]) -> str:
        """A constant; floats as float32."""
        name = f"c{len(self.constants)}"
        kept = value if value.dtype == np.int64 else np.asarray(value, np.float32)
        self.constants.append(numpy_helper.from_array(kept, name))
        return name

    def matmul(self, left: str, matrix: Floats) -> str:
        """Times a matrix that is stored as float16."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(matrix, np.float16), name))
        return self.op("MatMul", left, self.op("Cast", name, to=TensorProto.FLOAT))

    def silu(self, z: str) -> str:
        """z times its sigmoid."""
        return self.op("Mul", z, self.op("Sigmoid", z))

    def op(self, kind: str, *inputs: str, out: str | None = None, **attributes: Any) -> str:
        """Append a node; its output's name."""
        name = out or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name
