"""Token yield: answers that are longer than what others get who ask about the same things, request after request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.ranks import Ranks
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.tails import WIDTH, Tails
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts


@packable
@dataclass(frozen=True, slots=True)
class FittedTokenYield:
    """Ranks of honest yields by region of the input space, and the spread between accounts."""

    ranks: Ranks
    tails: Tails

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return {"tallies": Counts(WIDTH)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value."""
        return {"tallies": Tails.marks(self.ranks.p_values(_shortness(rows), rows.cells))}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of long answers in standard deviations between honest accounts."""
        return self.tails.read(states["tallies"])

    def explain(self, states: States, counts: IntArray) -> str:
        """How many answers were long."""
        return self.tails.explain(states["tallies"], "have answers as long as hardly any to questions like them")


@dataclass(frozen=True, slots=True)
class TokenYield:
    """The detector, before it knows a model."""

    name: str = "token-yield"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "draws the longest answers that are to be had, request after request"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where the log does not know of generated tokens, or all answers have one length."""
        shortness = _shortness(rows)
        known = shortness[np.isfinite(shortness)]
        if not len(known) or known.min() == known.max():
            return None
        ranks = Ranks.fit(shortness, rows.cells, rows.cell_count)
        return FittedTokenYield(ranks, Tails.fit(ranks.p_values(shortness, rows.cells), rows.batch.accounts))


def _shortness(rows: Rows) -> FloatArray:
    """Minus the tokens of each answer, shape (n,): long answers are small, and so rare on that side; NaN where unknown."""
    tokens = rows.batch.tokens
    if tokens is None:
        return np.full(len(rows), np.nan)
    return np.where(tokens >= 0, -tokens.astype(np.float64), np.nan)
