"""The unit circle in whole numbers."""

from __future__ import annotations

import numpy as np

from moatkeeper.sketch.circle import COSINES, RADIUS, SINES, STEPS


def test_every_point_lies_on_the_circle() -> None:
    assert np.allclose(np.hypot(COSINES, SINES), RADIUS, atol=1.0)
    assert (COSINES[0], SINES[0]) == (RADIUS, 0)
    assert (COSINES[STEPS // 4], SINES[STEPS // 4]) == (0, RADIUS)
    assert COSINES.sum() == SINES.sum() == 0
