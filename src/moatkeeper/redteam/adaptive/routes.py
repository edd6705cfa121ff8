"""Which account of a crew asks what: whoever is free, or each account its own topic or region of the input space."""

from __future__ import annotations

from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray

TURNS = 10  # of Lloyd's algorithm
ROWS_AT_ONCE = 4_096  # compared with all centres; larger: more memory, hardly faster
SAMPLE = 2_000  # rows of the pool that are looked at; larger: truer topics, slower

IndexArray = npt.NDArray[np.intp]


class Route(Protocol):
    """Names the account for each row, -1 for whoever is free."""

    def __call__(self, rows: FloatArray) -> IndexArray:
        """Shape (n,) for rows (n, d)."""
        ...


class Anybody:
    """Round-robin: whoever is free and was asked longest ago."""

    def __call__(self, rows: FloatArray) -> IndexArray:
        """-1 for each row."""
        return np.full(len(rows), -1)


class Topics:
    """One cluster of the pool (Lloyd's k-means on standardised columns) for each account, so that each seems specialised."""

    def __init__(self, pool: FloatArray, accounts: int, rng: np.random.Generator) -> None:
        rows = pool[rng.permutation(len(pool))[:SAMPLE]]
        self._centre, self._scale = rows.mean(axis=0), np.where(rows.std(axis=0) > 0, rows.std(axis=0), 1.0)
        standard = self._standard(rows)
        self._centres = standard[:accounts].copy()
        self._accounts = accounts
        for _ in range(TURNS):
            nearest = self._nearest(standard)
            counts = np.bincount(nearest, minlength=len(self._centres))
            sums = np.zeros_like(self._centres)
            np.add.at(sums, nearest, standard)
            kept = counts > 0
            self._centres[kept] = sums[kept] / counts[kept, None]

    def __call__(self, rows: FloatArray) -> IndexArray:
        """The number of the nearest centre; with fewer pool rows than accounts, the last accounts have no topic."""
        return self._nearest(self._standard(rows)) if len(rows) else np.empty(0, dtype=np.intp)

    def _standard(self, rows: FloatArray) -> FloatArray:
        return cast(FloatArray, (rows - self._centre) / self._scale)

    def _nearest(self, standard: FloatArray) -> IndexArray:
        lengths = (self._centres**2).sum(axis=1)
        parts = [standard[start : start + ROWS_AT_ONCE] for start in range(0, len(standard), ROWS_AT_ONCE)]
        return np.concatenate([(lengths - 2 * part @ self._centres.T).argmin(axis=1) for part in parts])


class Regions:
    """A box of the input space for each account: the widest columns are halved in turn, each time at the pool's median."""

    def __init__(self, pool: FloatArray, accounts: int) -> None:
        self._accounts = accounts
        depth = max(0, int(np.ceil(np.log2(accounts))))
        spread = pool.std(axis=0)
        self._columns = np.argsort(-spread, kind="stable")[: max(1, min(depth, len(spread)))]
        self._depth = depth
        self._cuts = [np.zeros(2**level) for level in range(depth)]
        self._split(pool, np.zeros(len(pool), dtype=np.intp))

    def __call__(self, rows: FloatArray) -> IndexArray:
        """The number of the box, modulo the accounts."""
        boxes = np.zeros(len(rows), dtype=np.intp)
        for level in range(self._depth):
            column = rows[:, self._columns[level % len(self._columns)]]
            boxes = 2 * boxes + (column > self._cuts[level][boxes])
        return boxes % self._accounts

    def _split(self, pool: FloatArray, boxes: IndexArray) -> None:
        for level in range(self._depth):
            column = pool[:, self._columns[level % len(self._columns)]]
            for box in np.unique(boxes).tolist():
                self._cuts[level][box] = np.median(column[boxes == box])
            boxes = 2 * boxes + (column > self._cuts[level][boxes])
