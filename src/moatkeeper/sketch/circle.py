"""The unit circle in whole numbers: sums of cosines and sines that come out the same in whatever order they are added."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

STEPS = 4_096
"""Of a turn; larger: finer angles, a table that leaves the processor's cache. An angle is off by at most 2 pi / STEPS."""
RADIUS = 1 << 15
"""What 1 is in the tables; with it, 2^48 marks cannot overflow a sum."""

_ANGLES = 2 * np.pi * np.arange(STEPS) / STEPS
COSINES: npt.NDArray[np.int64] = np.rint(np.cos(_ANGLES) * RADIUS).astype(np.int64)
SINES: npt.NDArray[np.int64] = np.rint(np.sin(_ANGLES) * RADIUS).astype(np.int64)
