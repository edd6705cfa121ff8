"""Sweeps: many rows that are the same in all but a few columns, as searches along one column at a time are.

Finding where a tree splits or where a plane lies takes long runs of one column's values with all others held. Columns are
dealt into a few groups; for each group, the rows that share everything outside it are mates. A customer who asks what would
change an answer has a handful of mates a row, a search dozens. However often a row is sent, it counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.parts import Parts, all_but_groups, exact_hashes, mates, noted, places
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch

GROUPS = 6
"""Of columns; larger: a customer's what-ifs look less like a sweep, more memory."""
_SEED = 29


@packable
@dataclass(frozen=True, slots=True)
class FittedSweeps:
    """The coordinates outside each group and, last, all of them; shape (groups + 1, c)."""

    parts: Parts

    def sketches(self) -> Mapping[str, Sketch]:
        """Different rows by what they hold outside each group, and by all that they hold."""
        return {"held": noted(len(self.parts))}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """Where each row is noted."""
        return {"held": places(exact_hashes(rows.points, self.parts), rows.exact)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The other rows that differ from a row in a single group of columns, on average."""
        found = mates(states["held"])
        return np.asarray(np.maximum(found[:, :-1] - found[:, -1:], 0.0).sum(axis=1), dtype=np.float64)

    def explain(self, states: States, counts: IntArray) -> str:
        """How many mates a row has."""
        return f"a row has {self.read(states, counts)[0]:.1f} others, on average, that differ from it in a few columns only"


@dataclass(frozen=True, slots=True)
class Sweeps:
    """The detector, before it knows a model."""

    name: str = "sweeps"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "holds all columns but one or two and runs through the values of these, to find where the answer changes"

    def fit(self, rows: Rows) -> Fitted | None:
        """None for texts and projected inputs, whose coordinates nobody holds, and for a single column."""
        width, inputs = rows.points.shape[1], rows.batch.inputs
        if width < 2 or inputs is None or inputs.shape[1] != width:
            return None
        return FittedSweeps(np.concatenate([all_but_groups(width, GROUPS, _SEED), np.ones((1, width), dtype=bool)]))
