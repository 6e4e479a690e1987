"""The cover network: what it is made of, how it is taught (JAX), how it becomes ONNX.

A small U-Net (Ronneberger, Fischer & Brox, *U-Net: convolutional networks for biomedical image segmentation*, 2015) on
the face chart, with an offset of its own at every place, because an eye is not a cheek. It gives the logarithm of the
odds that each texel is covered.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from stages.expression.cover.look import COARSE, FOLD, FOLDED, PLANES
from stages.models.onnx_writer import Writer, tensor
from stages.packets import Bytes, Floats

WIDE: Final = (16, 24, 32)
"""Channels at each size; every size is half of the one before."""
CONVOLUTIONS: Final = {
    "in": (PLANES, WIDE[0]), "first": (WIDE[0], WIDE[0]), "down": (WIDE[0], WIDE[1]), "second": (WIDE[1], WIDE[1]),
    "under": (WIDE[1], WIDE[2]), "third": (WIDE[2], WIDE[2]), "fourth": (WIDE[2], WIDE[2]),
    "up": (WIDE[2] + WIDE[1], WIDE[1]), "over": (WIDE[1] + WIDE[0], WIDE[0]), "out": (WIDE[0], FOLD * FOLD),
}  # fmt: skip
"""Channels in and out of the 3 by 3 kernels."""
HALVING: Final = ("down", "under")
_ODDS: Final = -2.0  # where it begins: most texels are free

Tree = dict[str, Any]


@dataclass(frozen=True)
class Lesson:
    """How it is taught. missed: false alarms that a missed texel is worth. noise: standard deviation that is added."""

    epochs: int = 10
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.02
    missed: float = 1.0
    noise: float = 0.05
    seed: int = 1


def teach(seen: NDArray[np.float16], hidden: Bytes, lesson: Lesson) -> Tree:
    """From (n, PLANES, COARSE, COARSE) and (n, FINE, FINE) 0..255."""
    import jax
    import optax

    steps = lesson.epochs * (len(seen) // lesson.batch)
    optimiser = optax.adamw(optax.cosine_onecycle_schedule(steps, lesson.rate), weight_decay=lesson.decay)

    @jax.jit  # type: ignore[untyped-decorator]
    def step(tree: Any, state: Any, x: Any, y: Any) -> Any:
        value, slope = jax.value_and_grad(_loss)(tree, x, y, lesson.missed)
        change, state = optimiser.update(slope, state, tree)
        return optax.apply_updates(tree, change), state, value

    rng = np.random.default_rng(lesson.seed)
    tree = _fresh(rng)
    state, losses = optimiser.init(tree), []
    for epoch in range(lesson.epochs):
        order = rng.permutation(len(seen))
        for at in range(0, len(order) - lesson.batch + 1, lesson.batch):
            x, y = _drawn(seen, hidden, order[at : at + lesson.batch], rng, lesson.noise)
            tree, state, value = step(tree, state, x, y)
            losses.append(float(value))
        print(f"epoch {epoch + 1} of {lesson.epochs}: loss {np.mean(losses[-100:]):.4f}", flush=True)
    return {name: np.asarray(part) for name, part in tree.items()}


def forward(tree: Tree, x: Any) -> Any:
    """(n, COARSE, COARSE, FOLD * FOLD) log odds from (n, COARSE, COARSE, PLANES)."""
    import jax
    import jax.numpy as jnp

    def conv(name: str, picture: Any) -> Any:
        # One matrix product: JAX's convolutions take ten times as long on a processor when slopes are wanted.
        size, step = picture.shape[1], 2 if name in HALVING else 1
        wide = jnp.pad(picture, ((0, 0), (1, 1), (1, 1), (0, 0)))
        shifts = [wide[:, y : y + size : step, x : x + size : step] for y in range(3) for x in range(3)]
        kernel = tree[name].reshape(-1, tree[name].shape[3])
        return jnp.concatenate(shifts, 3) @ kernel + tree[f"{name}_offset"]

    def doubled(picture: Any) -> Any:
        return jnp.repeat(jnp.repeat(picture, 2, 1), 2, 2)

    large = jax.nn.silu(conv("in", x) + tree["place"])
    large = jax.nn.silu(conv("first", large))
    middle = jax.nn.silu(conv("second", jax.nn.silu(conv("down", large))))
    small = jax.nn.silu(conv("third", jax.nn.silu(conv("under", middle))))
    small = jax.nn.silu(conv("fourth", small))
    middle = jax.nn.silu(conv("up", jnp.concatenate([doubled(small), middle], 3)))
    large = jax.nn.silu(conv("over", jnp.concatenate([doubled(middle), large], 3)))
    return conv("out", large)


def export(path: Path, tree: Tree, provenance: str) -> None:
    """Write `seen` [n, PLANES, COARSE, COARSE] -> `covered` [n, FOLD * FOLD, COARSE, COARSE], probabilities 0..1."""
    graph = Writer()

    def conv(name: str, picture: str, *, bent: bool = True) -> str:
        kernel = graph.constant(tree[name].transpose(3, 2, 0, 1).astype(np.float16))
        made = graph.add(
            "Conv",
            picture,
            graph.add("Cast", kernel, to=onnx.TensorProto.FLOAT),
            graph.constant(tree[f"{name}_offset"], np.float32),
            strides=[2, 2] if name in HALVING else [1, 1],
            pads=[1, 1, 1, 1],
        )
        if name == "in":
            made = graph.add("Add", made, graph.constant(tree["place"].transpose(2, 0, 1)[None], np.float32))
        return graph.add("Mul", made, graph.add("Sigmoid", made)) if bent else made

    def doubled(picture: str) -> str:
        scales = graph.constant([1, 1, 2, 2], np.float32)
        return graph.add(
            "Resize", picture, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )  # fmt: skip

    large = conv("first", conv("in", "seen"))
    middle = conv("second", conv("down", large))
    small = conv("fourth", conv("third", conv("under", middle)))
    middle = conv("up", graph.add("Concat", doubled(small), middle, axis=1))
    large = conv("over", graph.add("Concat", doubled(middle), large, axis=1))
    graph.add("Sigmoid", conv("out", large, bent=False), output="covered")
    sides = [COARSE, COARSE]
    model = graph.model(
        [tensor("seen", ["n", PLANES, *sides])],
        [tensor("covered", ["n", FOLD * FOLD, *sides])],
        {"provenance": provenance},
    )
    path.write_bytes(model.SerializeToString(deterministic=True))


def _drawn(
    seen: NDArray[np.float16], hidden: Bytes, rows: NDArray[np.intp], rng: np.random.Generator, noise: float
) -> tuple[Floats, Floats]:
    """A batch, half of it in a mirror: pictures and shares covered, channels last."""
    x = seen[rows].astype(np.float32)
    parts = hidden[rows].reshape(-1, COARSE, FOLD, COARSE, FOLD).transpose(0, 1, 3, 2, 4)
    y = parts.reshape(-1, COARSE, COARSE, FOLD * FOLD).astype(np.float32) / np.float32(255)
    x = x.transpose(0, 2, 3, 1)
    turned = rng.random(len(rows)) < 0.5
    x[turned], y[turned] = mirrored(x[turned], FOLDED), mirrored(y[turned], (0,))
    return x + rng.normal(0, noise, x.shape).astype(np.float32), y


def mirrored(planes: Floats, folded: tuple[int, ...]) -> Floats:
    """(n, h, w, c) turned left to right; channels of texels that stand side by side from each of `folded` on swap."""
    turned = planes[:, :, ::-1].copy()
    other = np.arange(FOLD * FOLD).reshape(FOLD, FOLD)[:, ::-1].ravel()
    for first in folded:
        turned[..., first : first + len(other)] = turned[..., first + other]
    return turned


def _loss(tree: Tree, x: Any, y: Any, missed: float) -> Any:
    import jax
    import jax.numpy as jnp

    odds = forward(tree, x)
    each = -(missed * y * jax.nn.log_sigmoid(odds) + (1 - y) * jax.nn.log_sigmoid(-odds))
    return jnp.mean(each)


def _fresh(rng: np.random.Generator) -> Tree:
    tree: Tree = {"place": np.zeros((COARSE, COARSE, WIDE[0]), np.float32)}
    for name, (narrow, wide) in CONVOLUTIONS.items():
        tree[name] = rng.normal(0, np.sqrt(2 / (9 * narrow)), (3, 3, narrow, wide)).astype(np.float32)
        tree[f"{name}_offset"] = np.full(wide, _ODDS if name == "out" else 0, np.float32)
    return tree
