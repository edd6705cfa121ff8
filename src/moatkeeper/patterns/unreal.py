"""Unreal rows: each value is ordinary, and together they are not.

Rows that are made up (shuffled columns, uniform draws, steps away from a row, points between two rows) have values that honest
rows have, in combinations that they do not. For the pairs of columns that say most about each other, a row is asked how much
more often its two values occur together than by chance. Rows are compared within their region, accounts with accounts.
The likelihood ratio of pairwise cells follows the dependence trees of Chow and Liu 1968, with all strong pairs for a tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.distinct import distinct_share, first_times
from moatkeeper.patterns.ordinary import Ordinary
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.pairs import Pairs
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.tails import WIDTH, Tails
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts


@packable
@dataclass(frozen=True, slots=True)
class FittedUnreal:
    """What goes together, how rare a row's score is in its region, and how accounts differ in that."""

    pairs: Pairs
    ordinary: Ordinary
    tails: Tails

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return {"tallies": Counts(WIDTH)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value."""
        return {"tallies": Tails.marks(self.ordinary.p_values(self.pairs.scores(rows.codes), rows.cells))}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of rows that do not hang together, in standard deviations between honest accounts."""
        return self.tails.read(states["tallies"], distinct_share(states, counts))

    def explain(self, states: States, counts: IntArray) -> str:
        """How many rows do not hang together."""
        return self.tails.explain(states["tallies"], "combine values that do not occur together")


@dataclass(frozen=True, slots=True)
class Unreal:
    """The detector, before it knows a model."""

    name: str = "unreal"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "sends rows that look made up: values that occur, in combinations that do not"

    def fit(self, rows: Rows) -> Fitted | None:
        """None for rows of a single coordinate."""
        if rows.codes.shape[1] < 2:
            return None
        pairs = Pairs.fit(rows.codes, rows.levels)
        scores = pairs.scores(rows.codes)
        ordinary = Ordinary.fit(scores, rows.cells, rows.cell_count)
        return FittedUnreal(
            pairs, ordinary, Tails.fit(ordinary.p_values(scores, rows.cells), rows.batch.accounts, first_times(rows))
        )
