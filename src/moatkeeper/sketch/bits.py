"""Which places were visited: bitmaps, from which distinct things are counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.base import Marks, Owners, State
from moatkeeper.sketch.scatter import pieces, scatter

BYTE = 8  # bits
_BIT = np.left_shift(1, np.arange(BYTE)).astype(np.uint8)


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
        starts = np.arange(self.maps) * (self.size // BYTE)
        for piece in pieces(len(marks), self.maps):
            known = marks[piece] >= 0
            bits = _within(marks[piece], self.size)
            places = owners[piece, None] * (self.maps * self.size // BYTE) + starts + (bits >> 3)
            values = _BIT[bits & 7]
            scatter(np.bitwise_or, state, places[known], values[known])

    def merge(self, first: State, second: State) -> State:
        """What either visited."""
        merged: State = first | second
        return merged

    def visited(self, state: State) -> npt.NDArray[np.int64]:
        """How many bits are set, shape (owners, maps)."""
        return np.asarray(np.bitwise_count(state).sum(axis=-1), dtype=np.int64)

    def holds(self, state: State, owners: Owners, marks: Marks) -> npt.NDArray[np.bool_]:
        """Whether each position's bit is set in its owner's map, shape (n, maps); a negative one never is.

        With hashes for positions a place that was not visited seems so with a chance of the share of bits that are set.
        """
        bits = _within(marks, self.size)
        found = state[owners[:, None], np.arange(self.maps), bits // BYTE] >> (bits % BYTE).astype(np.uint8)
        return np.asarray((found & 1).astype(bool) & (marks >= 0))

    def distinct(self, state: State) -> npt.NDArray[np.float64]:
        """How many distinct positions were hashed into each map, shape (owners, maps): linear counting.

        Whang, Vander-Zanden and Taylor 1990. A full map reads as ``size`` times the logarithm of ``size``, the most it can.
        """
        empty = np.maximum(self.size - self.visited(state), 1)
        return -self.size * np.log(empty / self.size)


def _within(positions: Marks, size: int) -> Marks:
    """The rest of a division by the size; of a power of two, as is usual, at a quarter of the price."""
    return positions & (size - 1) if size & (size - 1) == 0 else positions % size
