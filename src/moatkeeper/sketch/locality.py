"""Hashes that rows share when they are alike: random halves of columns, random projections, bands of signatures.

All come in shape (n, tables), from 0 up, for Neighbours; -1 says nothing. They are drawn once and kept: a table's hashes can
only be compared with its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from moatkeeper.sketch.base import State
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.mixing import HashArray, row_hashes, subset_hashes
from moatkeeper.sketch.signatures import SignatureArray


@dataclass(frozen=True, slots=True)
class ColumnSubsets:
    """For quantised columns: ``kept`` of shape (tables, c). A change in a column spares the tables that do not look at it."""

    kept: npt.NDArray[np.bool_]

    @classmethod
    def drawn(cls, tables: int, columns: int, rng: np.random.Generator, share: float = 0.5) -> Self:
        """Tables that keep a ``share`` of the columns each; larger: fewer false matches, and changes of fewer columns found."""
        kept = np.zeros((tables, columns), dtype=bool)
        for one in kept:
            one[rng.permutation(columns)[: max(1, round(share * columns))]] = True
        return cls(kept)

    def of(self, codes: npt.NDArray[np.integer[Any]]) -> HashArray:
        """Hashes of whole numbers of shape (n, c)."""
        return subset_hashes(codes.astype(np.int64), self.kept)


@dataclass(frozen=True, slots=True)
class Projections:
    """For points: cells of a few random directions (p-stable hashing, Datar, Immorlica, Indyk and Mirrokni 2004, section 3).

    ``directions`` (d, tables * together), ``offsets`` (tables * together), in cells.
    """

    directions: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.float32]
    tables: int

    @classmethod
    def drawn(cls, tables: int, dimensions: int, cell: float, rng: np.random.Generator, together: int = 8) -> Self:
        """Points nearer than about a tenth of a ``cell`` share most tables. Larger ``together``: fewer false matches."""
        width = tables * together
        directions = rng.standard_normal((dimensions, width)) / cell
        return cls(directions.astype(np.float32), rng.random(width).astype(np.float32), tables)

    def of(self, points: npt.NDArray[np.floating[Any]]) -> HashArray:
        """Hashes of points of shape (n, d); a point with a NaN has none."""
        plain = np.nan_to_num(points.astype(np.float32))
        cells = np.floor(plain @ self.directions + self.offsets).astype(np.int64)
        hashes = row_hashes(cells.reshape(len(points) * self.tables, -1)).reshape(len(points), self.tables)
        return np.where(np.isnan(points).any(axis=1, keepdims=True), np.int64(-1), hashes)


def unfamiliar(hashes: HashArray, bits: Bits, seen: State) -> HashArray:
    """The hashes of buckets in which no row of the past was; -1, which says nothing, in place of the others.

    ``seen`` is the state of one owner, honest history, with a map of ``bits`` a table. Customers of one kind ask much that is
    alike, but in places where others were before; a search leaves them.
    """
    known = bits.holds(seen, np.zeros(len(hashes), dtype=np.int64), hashes)
    return np.where(known, np.int64(-1), hashes)


def bands(signatures: SignatureArray, tables: int) -> HashArray:
    """Hashes of MinHash signatures of shape (n, width): a band of width / tables places each (Broder 1997).

    Sets of Jaccard similarity J share a table with a chance of J^(width / tables). An empty band says nothing.
    """
    size, width = signatures.shape
    parts = signatures.reshape(size * tables, width // tables)
    hashes = row_hashes(parts.astype(np.int64)).reshape(size, tables)
    return np.where(parts.any(axis=1).reshape(size, tables), hashes, np.int64(-1))
