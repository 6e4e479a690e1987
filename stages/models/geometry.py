"""Read the canonical face out of a face landmarker task file.

The task file's `geometry_pipeline_metadata_landmarks.binarypb` is one protocol buffer (MediaPipe's
`geometry_pipeline_metadata.proto`): field 1 is a `Mesh3d` (field 3: vertices as x, y, z, u, v; field 4: triangle
indices), field 2 the weighted landmarks that MediaPipe aligns by. It is read with the wire format alone, so that no
protobuf package is needed.

    python -m stages.models.geometry stages/faces    # writes stages/faces/canonical.npz

The committed table was made so from the asset `face_geometry` (Apache-2.0, Google's MediaPipe).
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_VARINT, _BYTES, _FLOAT = 0, 2, 5


@dataclass(frozen=True, slots=True)
class Geometry:
    """The canonical face.

    vertices: (468, 3) float32 centimetres, x toward the performer's left, y up, z toward the camera. uv: (468, 2)
    float32 0..1. triangles: (898, 3) int32, counter-clockwise seen from the camera. basis: (468,) float32 weights of
    MediaPipe's Procrustes alignment, zero where unused.
    """

    vertices: NDArray[np.float32]
    uv: NDArray[np.float32]
    triangles: NDArray[np.int32]
    basis: NDArray[np.float32]


def read(data: bytes) -> Geometry:
    """Parse the serialised `GeometryPipelineMetadata`."""
    mesh = next(value for number, value in _fields(data) if number == 1)
    floats = np.array([value for number, value in _fields(bytes(mesh)) if number == 3], np.float32)  # type: ignore[arg-type]
    indices = [value for number, value in _fields(bytes(mesh)) if number == 4]  # type: ignore[arg-type]
    table = floats.reshape(-1, 5)
    basis = np.zeros(len(table), np.float32)
    for number, value in _fields(data):
        if number == 2:
            entry = dict(_fields(bytes(value)))  # type: ignore[arg-type]
            basis[int(entry[1])] = entry[2]
    triangles = np.array(indices, np.int32).reshape(-1, 3)
    return Geometry(np.ascontiguousarray(table[:, :3]), np.ascontiguousarray(table[:, 3:]), triangles, basis)


def _fields(data: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """(field number, value) of every field of one protocol buffer message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        value: int | float | bytes
        if wire == _VARINT:
            value, at = _varint(data, at)
        elif wire == _FLOAT:
            (value,), at = struct.unpack_from("<f", data, at), at + 4
        elif wire == _BYTES:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"wire type {wire} at byte {at} is not in this format")
        yield key >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def main() -> None:
    """Write `canonical.npz` into the folder named on the command line."""
    from stages.models.registry import shipped

    geometry = read(shipped()["face_geometry"].fetch().read_bytes())
    target = Path(sys.argv[1]) / "canonical.npz"
    np.savez_compressed(
        target, vertices=geometry.vertices, uv=geometry.uv, triangles=geometry.triangles, basis=geometry.basis
    )
    print(target)


if __name__ == "__main__":
    main()
