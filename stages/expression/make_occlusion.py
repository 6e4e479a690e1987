"""Teach the occlusion detector: `python -m stages.expression.make_occlusion --photographs DIR`.

DIR holds what `stages.expression.calibration.photograph` took. Things are laid over those pictures of CC0 rig people
(`stages.expression.occluders`), the landmarker looks at the result as it would at a clip, mesh drift included, and a
network of one hidden layer learns which regions of the face chart are covered. Written is `occlusion.npz`. The
committed table was made from the first 269 people of `photograph --first 100000`; nobody real is in it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.backend import Cpu, Model
from stages.expression import chart, occluders, occlusion
from stages.expression.studio.reading import framed
from stages.faces import layouts
from stages.faces.landmarks import Mesh478
from stages.models import registry
from stages.packets import Floats

PICTURES: Final = 20
"""Photographs of every person that are covered, drawn anew by each of `SEEDS`."""
SEEDS: Final = (5, 6)
PEOPLE: Final = 269
LEAST: Final = 0.3
"""Presence below which a tracker would have dropped the face."""
NO: Final = 0.12
"""Share of a region below which it counts as free."""
YES: Final = 0.45
"""And above which as covered."""
HIDDEN: Final = 64
ROUNDS: Final = 25
BATCH: Final = 256
RATE: Final = 2e-3
MISSED: Final = 2.0
"""How many false alarms a missed region is worth; rig people are barer than real ones and make it too careful."""
STARTS: Final = (1, 2)
"""Seeds of the networks whose odds are averaged."""
DECAY: Final = 3e-4
DROPPED: Final = 0.3  # share of the hidden layer left out of a step; of the inputs it is a third of that


@dataclass(frozen=True)
class Lessons:
    """features: (n, inputs); shares: (n, 8) how much of each region is covered."""

    features: Floats
    shares: Floats


def lessons(paths: Sequence[Path], seeds: Sequence[int]) -> Lessons:
    """Dress, light and mostly cover the people in these files, anew for every seed."""
    model = Mesh478(model=Model(asset=registry.shipped()["face_landmarks"], backend=Cpu()))
    taken = [lesson for seed in seeds for path in paths for lesson in _of_one(path, seed, model)]
    features, shares = zip(*taken, strict=True)
    return Lessons(np.stack(features), np.stack(shares))


def _of_one(path: Path, seed: int, model: Mesh478) -> Iterator[tuple[Floats, Floats]]:
    rng = np.random.default_rng([seed, int(path.stem)])
    for picture, landmarks in _photographs(path, rng):
        points = landmarks[: layouts.MESH_COUNT, :2]
        dressed = occluders.dressed(rng, picture, points)
        over = np.zeros(picture.shape[:2], np.float32)
        if rng.random() < 0.6:
            dressed, over = occluders.occluded(rng, dressed, points)
        frame = framed(np.rint(occluders.graded(rng, dressed)).astype(np.uint8))
        mesh = model.from_landmarks(frame, landmarks)
        if mesh.presence > LEAST:
            yield occlusion.features(chart.unwrap(frame, mesh.landmarks)), share_covered(over, mesh.landmarks)


def share_covered(over: Floats, landmarks: Floats) -> Floats:
    """(8,) how much of each region lies under `over` (h, w) 0..1, where the mesh thinks the region is."""
    grey = np.repeat((over * 255).astype(np.uint8)[..., None], 3, 2)
    flat = chart.unwrap(framed(grey), landmarks).luma / 255
    return np.array([flat[region].mean() for region in occlusion.regions()], np.float32)


def taught(lesson: Lessons, seed: int) -> occlusion.Network:
    """Train by Adam (Kingma & Ba 2015) on the cross entropy of faces and their mirror images, with dropout."""
    rng = np.random.default_rng(seed)
    inputs = np.concatenate([lesson.features, occlusion.mirrored(lesson.features)])
    shares = np.concatenate([lesson.shares, lesson.shares[:, occlusion.MIRRORED]])
    wanted = np.clip((shares - NO) / (YES - NO), 0, 1).astype(np.float32)
    net = _blank(inputs[wanted.max(1) == 0], rng)
    scaled = net.scaled(inputs)
    learned = (net.first, net.bias, net.second, net.shift)
    moments = [(np.zeros_like(part), np.zeros_like(part)) for part in learned]
    step, last = 0, ROUNDS * (len(scaled) // BATCH)
    for _ in range(ROUNDS):
        order = rng.permutation(len(scaled))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            rows = scaled[chosen] * (rng.random((BATCH, scaled.shape[1])) > DROPPED / 3).astype(np.float32)
            step += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / last))
            _adjust(learned, _slopes(net, rows, wanted[chosen], rng), moments, rate, step)
    return net


def joined(nets: Sequence[occlusion.Network]) -> occlusion.Network:
    """One network with the mean odds of several that were taught alike."""
    first, bias = (np.concatenate([getattr(net, name) for net in nets]) for name in ("first", "bias"))
    second: Floats = (np.concatenate([net.second for net in nets], 1) / len(nets)).astype(np.float32)
    shift: Floats = np.stack([net.shift for net in nets]).mean(0).astype(np.float32)
    return occlusion.Network(nets[0].centre, nets[0].spread, first, bias, second, shift)


def _blank(people: Floats, rng: np.random.Generator) -> occlusion.Network:
    """A network that knows what the features of these uncovered people are like, and nothing else."""
    count, regions = 2 * people.shape[1], len(occlusion.REGIONS)
    first = rng.normal(0, np.sqrt(2 / count), (HIDDEN, count)).astype(np.float32)
    second = rng.normal(0, np.sqrt(1 / HIDDEN), (regions, HIDDEN)).astype(np.float32)
    centre, spread = people.mean(0), people.std(0) + np.float32(1e-3)
    return occlusion.Network(
        centre, spread, first, np.zeros(HIDDEN, np.float32), second, np.full(regions, -2, np.float32)
    )


def _adjust(
    learned: tuple[Floats, ...],
    slopes: tuple[Floats, ...],
    moments: list[tuple[Floats, Floats]],
    rate: float,
    step: int,
) -> None:
    """One step of Adam with decoupled decay, in place."""
    for part, slope, (first, second) in zip(learned, slopes, moments, strict=True):
        np.add(first, 0.1 * (slope - first), out=first)
        np.add(second, 0.001 * (slope * slope - second), out=second)
        change = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8) + DECAY * part
        np.subtract(part, rate * change, out=part)


def _slopes(net: occlusion.Network, rows: Floats, wanted: Floats, rng: np.random.Generator) -> tuple[Floats, ...]:
    """Gradients of the mean cross entropy by first, bias, second and shift."""
    kept = (rng.random((len(rows), HIDDEN)) > DROPPED).astype(np.float32) / np.float32(1 - DROPPED)
    hidden = np.maximum(rows @ net.first.T + net.bias, 0) * kept
    odds = hidden @ net.second.T + net.shift
    off = (1 / (1 + np.exp(-odds)) * (1 + (MISSED - 1) * wanted) - MISSED * wanted) / len(rows)
    back = (off @ net.second) * kept * (hidden > 0)
    return back.T @ rows, back.sum(0), off.T @ hidden, off.sum(0)


def _photographs(path: Path, rng: np.random.Generator) -> Iterator[tuple[NDArray[np.float32], Floats]]:
    with np.load(path) as taken:
        ends = np.cumsum(taken["lengths"])
        for index in rng.choice(len(ends), min(PICTURES, len(ends)), replace=False):
            coded = taken["pictures"][ends[index] - taken["lengths"][index] : ends[index]]
            picture: NDArray[np.uint8] = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
            yield picture[..., ::-1].astype(np.float32), taken["landmarks"][index]


def verdict(net: occlusion.Network, lesson: Lessons) -> str:
    """False alarms and hits of each region at even odds."""
    said = net(lesson.features) > 0.5
    free, hidden = lesson.shares < NO, lesson.shares > 0.6
    lines = []
    for k, name in enumerate(occlusion.REGIONS):
        alarms, hits = (100 * float(said[chosen[:, k], k].mean()) for chosen in (free, hidden))
        lines.append(f"{name:12s} false alarms {alarms:5.1f} %  hits {hits:5.1f} %")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: where the photographs are, where to write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=occlusion.TABLE)
    arguments = parser.parse_args(argv)
    paths = sorted(arguments.photographs.glob("*.npz"))[:PEOPLE]
    held = len(paths) // 8
    lesson = lessons(paths[held:], SEEDS)
    net = joined([taught(lesson, start) for start in STARTS])
    print(verdict(net, lessons(paths[:held], SEEDS)))
    np.savez_compressed(arguments.out, **{name: getattr(net, name).astype(np.float16) for name in net.__slots__})
    print(arguments.out)


if __name__ == "__main__":
    main()
