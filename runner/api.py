"""Faces of photos from a script, over the same stages as a run: where they are, who they are, what they show.

faces = detect_face("ada.jpg")
compare_faces(get_embedding("ada.jpg"), get_embedding("take3.png"))
picture = transfer_expression("take3.png", "ada", gain={"AU12": 1.3})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np

from runner import graph as graphs
from runner.compose import composed_alone
from runner.executor import Pass
from runner.overrides import escaped, opened
from runner.settings import Settings
from stages import facs
from stages.errors import ClipError, ConfigError
from stages.faces.embed import Embedder, distance
from stages.identity.chosen import Chosen
from stages.media import decode, planes
from stages.packets import Bytes, Clip, Colour, Edit, Edits, Face, Faces, Floats, Frame, Job, Neutrals, Stamp

Picture = str | Path | Bytes
"""A file, or (h, w, 3) uint8 non-linear R'G'B'."""
_STILL = ("pipeline=replace", "preset=live", "detect=both", "warp.interpolation=cubic", "warp.step=1", "blend=poisson")
"""Everything in one pass, as carefully as a run does where it has the time."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """distance: cosine, 0..2; same: whether that is one person by the network's own threshold."""

    distance: float
    same: bool


def detect_face(photo: str | Path) -> tuple[Face, ...]:
    """The faces of a photo (of a clip: of its first frame), largest first, with 478 landmarks each.

    Raises:
        ClipError: the photo cannot be read.
    """
    return _seen(Path(photo))[1]


def get_embedding(photo: str | Path) -> Floats:
    """(d,) of unit length: who the largest face is, by the shipped embedder.

    Raises:
        ClipError: the photo cannot be read, or shows no face.
    """
    frame, faces = _faced(Path(photo))
    return _embedder().vector(frame, faces[0].landmarks)


def compare_faces(one: Floats, other: Floats) -> Comparison:
    """Whether two embeddings of `get_embedding` are of one person."""
    return Comparison(distance(one, other), _embedder().says_same(one, other))


def extract_units(photo: str | Path) -> dict[str, float]:
    """Action Unit -> intensity 0..5 of the largest face, the stronger side's, beside the average neutral.

    Raises:
        ClipError: the photo cannot be read, or shows no face.
    """
    frame, faces = _faced(Path(photo))
    packet = Faces(frame.at, faces[:1])
    scores, cues = _stage("scores").process(packet), _stage("cues").process(frame, packet)
    values = _stage("units", "preset=live").process(packet, scores, cues, Neutrals(frame.at, (), ())).faces[0].values
    return {name: float(np.max(row)) for name, row in zip(facs.NAMES, values, strict=True)}


def transfer_expression(
    performer: str | Path,
    identity: str | Chosen,
    *,
    frame: int = 0,
    gain: str | Mapping[str, float] = "neutral",
) -> Bytes:
    """(h, w, 3) uint8: the picture of the largest face with the identity's face on it, in the performer's expression.

    performer: a photo, or a clip of which `frame` is taken. identity: its name in the default library, or
    `Chosen(name=..., folder=..., production=...)`; its consent is checked at every call. gain: a profile by its name,
    or Action Unit -> gain, as `gain.au_gain`.

    Raises:
        ConfigError: no such identity, no or expired consent, an unknown profile or unit.
        ClipError: the picture cannot be read, or shows no face.
    """
    chosen = identity if isinstance(identity, Chosen) else Chosen(name=identity)
    _ = chosen.likeness  # whatever is wrong with it is said first
    graph = graphs.build(_settings(_profile(gain), chosen)["graph"]).feeding("rendered")
    clip, shown = _frame(Path(performer), frame)
    made: dict[str, Any] = {}
    for node in graph.nodes:
        node.stage.prepare()
    one = Pass(graph.nodes, Job(clip, Path()), given={}, wanted=("rendered", "faces"), workers=1)
    one.run([shown], lambda tick: made.update(tick.packets))
    if made.get("faces") is None:
        raise _faceless(performer)
    return planes.rgb8(made["rendered"])


def blend_faces(
    under: Picture, over: Picture, mask: Floats, *, mode: Literal["gaussian", "poisson", "multiband"] = "poisson"
) -> Bytes:
    """(h, w, 3) uint8: `over` joined to `under` within a mask, by a blender of conf/blend as shipped.

    mask: (h, w) 0..1, what is taken of `over`; the edge falls off inside it. Both pictures have its size; nothing
    outside of it changes. Widths are those of the largest face of `under`.

    Raises:
        ConfigError: an unknown mode, or sizes that differ.
        ClipError: a picture cannot be read, or `under` shows no face.
    """
    if mode not in ("gaussian", "poisson", "multiband"):
        raise ConfigError(f"blend: must be gaussian, poisson or multiband, not {mode!r}")
    below, above = _picture(under), _picture(over)
    if not planes.rgb8(below).shape[:2] == planes.rgb8(above).shape[:2] == np.shape(mask):
        raise ConfigError(
            f"blend: pictures and mask must be of one size, they are {below.width} x {below.height}, "
            f"{above.width} x {above.height}, and a mask of {np.shape(mask)}"
        )
    face = _largest(below, under)
    box = (0, 0, below.width, below.height)
    shares = np.clip(np.asarray(mask, np.float32), 0, 1)
    edit = Edit(face.track, box, planes.crop(below, box), planes.crop(above, box), shares)
    blender, faces = _stage("blend", f"blend={mode}"), Faces(below.at, (face,))
    edits = Edits(below.at, (edit,))
    ordered = (blender.begin(None),) if blender.scope == "ordered" else ()
    return planes.rgb8(_stage("write").process(below, blender.process(*ordered, edits, faces)))


def _settings(profile: str, identity: Chosen) -> Settings:
    """Of one picture with the identity on it."""
    named = {"identity": identity.name, "identities": identity.folder, "likeness.production": identity.production}
    words = [f"{key}={escaped(value)}" for key, value in named.items() if value is not None]
    return composed_alone(opened([*_STILL, profile, *words]))


def _profile(gain: str | Mapping[str, float]) -> str:
    """The override that asks for it."""
    if isinstance(gain, str):
        return f"gain={gain}"
    return f"gain.au_gain={{{', '.join(f'{unit}: {float(value)}' for unit, value in gain.items())}}}"


def _frame(path: Path, index: int = 0) -> tuple[Clip, Frame]:
    clip = decode.probe(path)
    found = next(iter(decode.frames(clip, start=index, stop=index + 1)), None)
    if found is None:
        raise ClipError(f"{path.name}: there is no frame {index}")
    return clip, found


def _picture(given: Picture) -> Frame:
    if isinstance(given, str | Path):
        return _frame(Path(given))[1]
    native = av.VideoFrame.from_ndarray(np.ascontiguousarray(given), format="rgb24")
    return Frame(Stamp("picture", 0, 0, Fraction(1, 25)), native, Colour(matrix=0, full_range=True))


def _largest(frame: Frame, given: Picture) -> Face:
    tracker = _stage("faces")
    found = tracker.process(tracker.begin(None), frame)
    if found is None:
        raise _faceless(given)
    largest: Face = max(found.faces, key=_width)
    return largest


def _faceless(given: Picture) -> ClipError:
    name = Path(given).name if isinstance(given, str | Path) else "the picture"
    return ClipError(f"{name}: no face found; give a picture in which the face is large and looks here")


def _seen(photo: Path) -> tuple[Frame, tuple[Face, ...]]:
    frame, found = _tracked(photo)
    return frame, tuple(sorted(found.faces if found else (), key=_width, reverse=True))


def _width(face: Face) -> float:
    return float(np.ptp(face.box[[0, 2]]))


def _tracked(photo: Path) -> tuple[Frame, Any]:
    tracker, (clip, frame) = _stage("faces"), _frame(photo)
    return frame, tracker.process(tracker.begin(Job(clip, Path())), frame)


def _faced(photo: Path) -> tuple[Frame, tuple[Face, ...]]:
    frame, faces = _seen(photo)
    if not faces:
        raise _faceless(photo)
    return frame, faces


def _embedder() -> Embedder:
    made: Embedder = _stage("embed").embedder
    return made


@cache
def _stage(group: str, *overrides: str) -> Any:
    stage: Any = composed_alone(list(overrides)).stage(group)
    stage.prepare()
    return stage
