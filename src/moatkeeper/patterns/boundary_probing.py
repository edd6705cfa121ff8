"""Boundary probing: adversarial examples are looked for, around a few rows and not along the whole boundary.

HopSkipJump, the boundary attack and the like ask dozens of questions beside one row, answered both ways. Such rows share a
small cell. For a row, the others in its cell that were answered differently are counted: none for most customers, a few for a
search along the boundary, dozens for a probe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.parts import mates_between, noted, places
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.small_cells import SmallCells
from moatkeeper.sketch.base import Marks, Sketch

TABLES = 2  # of cells; larger: less chance in where they are cut, more memory
WIDTH = 0.25
"""Of a step, in deviations; larger: probes with larger steps are seen, and more honest rows have neighbours."""
_SEED = 31


@packable
@dataclass(frozen=True, slots=True)
class FittedBoundaryProbing:
    """Where the cells are cut."""

    cells: SmallCells

    def sketches(self) -> Mapping[str, Sketch]:
        """Different rows by cell, those with one answer and those with another."""
        return {"cells": noted(2 * TABLES)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """Where each row is noted, among those with its answer; nowhere without one."""
        found = places(self.cells.of(rows.points), rows.exact)
        other = _kinds(rows.labels) == 1
        known = (rows.labels >= 0)[:, None]
        return {"cells": np.concatenate([np.where(known & ~other, found, -1), np.where(known & other, found, -1)], axis=1)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The rows beside a row that were answered differently, on average."""
        found = mates_between(states["cells"][:, :TABLES], states["cells"][:, TABLES:])
        return np.asarray(np.maximum(found.mean(axis=1), 0.0), dtype=np.float64)

    def explain(self, states: States, counts: IntArray) -> str:
        """How many rows beside a row were answered differently."""
        return (
            f"a row has {self.read(states, counts)[0]:.1f} others right beside it, on average, that were answered differently"
        )


@dataclass(frozen=True, slots=True)
class BoundaryProbing:
    """The detector, before it knows a model."""

    name: str = "boundary-probing"
    purpose: Purpose = Purpose.PROBING
    meaning: str = "asks many times beside a few rows until the answer changes, as a search for adversarial examples does"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where there are no classes."""
        if not (rows.labels >= 0).any():
            return None
        return FittedBoundaryProbing(SmallCells.draw(rows.points.shape[1], TABLES, WIDTH, _SEED))


def _kinds(labels: IntArray) -> IntArray:
    """Each answer as one of two kinds, otherwise in each table: (n,) -> (n, TABLES). Most pairs of classes differ in one."""
    return np.stack([labels ^ (labels >> 1) * turn for turn in range(TABLES)], axis=1) & 1
