"""Many marks into the states of many owners at once.

Measured on batches of 64 and of 100,000 rows (docs/decisions/0009-sketches.md): ``ufunc.at`` on a flat view beats sorting
and reducing by owner, as long as index and values are of the very types that numpy has a short way for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.base import Owners, State

PIECE = 1 << 14
"""Numbers that are worked on at once, so that they stay in the processor's cache: all at once take twice the time."""
FEW = 1_000
"""Numbers up to which a flat view costs more than it saves."""


def pieces(rows: int, width: int) -> Iterator[slice]:
    """Slices that cut ``rows`` of ``width`` numbers each into pieces."""
    step = max(1, PIECE // max(1, width))
    return (slice(start, start + step) for start in range(0, rows, step))


def scatter(into: np.ufunc, state: State, places: npt.NDArray[np.int64], values: npt.NDArray[Any] | np.generic) -> None:
    """``into.at`` at flat places of a state, in place. The values have the state's type; places may repeat."""
    if state.flags.c_contiguous:
        into.at(state.reshape(-1), places, values)
        return
    whole = np.ascontiguousarray(state)  # reshaping a view with gaps would copy, and the marks would be lost
    into.at(whole.reshape(-1), places, values)
    state[...] = whole


def scatter_rows(into: np.ufunc, state: State, owners: Owners, values: npt.NDArray[Any]) -> None:
    """``into.at`` of whole rows: values of shape (n, width) into a state of shape (owners, width)."""
    if values.size <= FEW:
        into.at(state, owners, values)
        return
    width = state.shape[1]
    places = owners[:, None] * width + np.arange(width)
    scatter(into, state, places.reshape(-1), values.reshape(-1))
