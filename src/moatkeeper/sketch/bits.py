"""Which places were visited: bitmaps, from which distinct things are counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.base import Marks, Owners, State
from moatkeeper.sketch.scatter import scatter

BYTE = 8  # bits


@dataclass(frozen=True, slots=True)
class Bits:
    """``maps`` bitmaps of ``size`` bits an owner. Marks are positions of shape (n, maps); a negative one sets nothing.

    A position past the size is taken modulo it, so that hashes can be given as they are. ``size`` is a multiple of 8.
    """

    maps: int
    size: int

    def empty(self, owners: int) -> State:
        """No bit set, shape (owners, maps, size / 8), bytes."""
        return np.zeros((owners, self.maps, self.size // BYTE), dtype=np.uint8)

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Sets each position's bit in its owner's map."""
        known = marks >= 0
        bits = marks % self.size
        maps = owners[:, None] * self.maps + np.arange(self.maps)
        places = maps * (self.size // BYTE) + bits // BYTE
        values = np.left_shift(1, bits % BYTE).astype(np.uint8)
        scatter(np.bitwise_or, state, places[known], values[known])

    def merge(self, first: State, second: State) -> State:
        """What either visited."""
        merged: State = first | second
        return merged

    def visited(self, state: State) -> npt.NDArray[np.int64]:
        """How many bits are set, shape (owners, maps)."""
        return np.asarray(np.bitwise_count(state).sum(axis=-1), dtype=np.int64)

    def distinct(self, state: State) -> npt.NDArray[np.float64]:
        """How many distinct positions were hashed into each map, shape (owners, maps): linear counting.

        Whang, Vander-Zanden and Taylor 1990. A full map reads as ``size`` times the logarithm of ``size``, the most it can.
        """
        empty = np.maximum(self.size - self.visited(state), 1)
        return -self.size * np.log(empty / self.size)
