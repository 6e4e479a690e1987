from __future__ import annotations

import numpy as np

from stages.faces import layouts
from stages.models import geometry, registry


def test_committed_table_is_what_the_asset_says() -> None:
    read = geometry.read(registry.shipped()["face_geometry"].fetch().read_bytes())
    np.testing.assert_array_equal(read.vertices, layouts.CANONICAL)
    np.testing.assert_array_equal(read.uv, layouts.UV)
    np.testing.assert_array_equal(read.triangles, layouts.TRIANGLES)
    np.testing.assert_array_equal(read.basis, layouts.PROCRUSTES)
