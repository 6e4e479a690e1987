"""Teach the cover network: `python -m stages.expression.cover.teach --photographs DIR`. Writes `cover.onnx`.

DIR is what `stages.expression.calibration.photograph` wrote; every ninth person is held out and told about. The
committed network saw the first 269 people of `photograph --first 100000`.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stages.backend import Cpu, Model
from stages.expression.cover import lessons, look, network
from stages.faces.landmarks import Mesh478
from stages.models import registry
from stages.packets import Bytes

PEOPLE: Final = 269
SEED: Final = 7
MODEL: Final = Path(__file__).with_name("cover.onnx")

Taken = tuple[NDArray[np.float16], Bytes]


def taken(paths: Sequence[Path]) -> Taken:
    """(n, PLANES, COARSE, COARSE) what is seen of these people and (n, FINE, FINE) what is covered, 0..255."""
    model = Mesh478(model=Model(asset=registry.shipped()["face_landmarks"], backend=Cpu()))
    samples = [sample for path in paths for sample in lessons.samples(path, SEED, model)]
    seen, hidden = zip(*samples, strict=True)
    return np.stack(seen), np.stack(hidden)


def verdict(tree: network.Tree, held: Taken) -> str:
    """How well held-out people's cover is found at even odds, and what is taken for cover where there is none."""
    seen, hidden = held
    odds = np.asarray(network.forward(tree, seen.astype(np.float32).transpose(0, 2, 3, 1)))
    said, true = look.unfolded(odds.transpose(0, 3, 1, 2)) > 0, hidden > 127
    hits, bare = (said & true).sum(), ~true.any((1, 2))
    figures = {
        "precision": hits / said.sum(),
        "recall": hits / true.sum(),
        "IoU": hits / (said | true).sum(),
        "false on bare faces": said[bare].mean(),
    }
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: where the photographs are, where to write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL)
    given = parser.parse_args(argv)
    paths = sorted(given.photographs.glob("*.npz"))[:PEOPLE]
    first = len(paths) // 9
    tree = network.teach(*taken(paths[first:]), network.Lesson())
    print(verdict(tree, taken(paths[:first])))
    network.export(given.out, tree, "made from CC0-1.0 material only")
    digest = hashlib.sha256(given.out.read_bytes()).hexdigest()
    print(f"{given.out}; face_cover of conf/assets/embedded.yaml gets sha256: {digest}")


if __name__ == "__main__":
    main()
