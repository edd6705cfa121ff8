"""Low margins: rows near the decision boundary, more of them than customers have who ask about the same things.

Copying a boundary needs rows beside it (active learning, line searches, Jacobian augmentation). Margins are compared within a
region of the input space and a predicted class, so that a customer with a hard portfolio is compared with hard portfolios.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.distinct import distinct_share, first_times
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.tails import WIDTH, Tails
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts

PROBABILITIES = np.geomspace(0.0005, 1.0, 40)
"""Quantiles that a group's margins are kept at: fine where margins are small."""
LEAST_GROUP = 400
"""Honest rows below which a region and class has no quantiles of its own but those of its class; larger: coarser, steadier."""


@packable
@dataclass(frozen=True, slots=True)
class FittedLowMargin:
    """Quantiles of honest margins, shape (groups, 40), a group being a region and class; and the spread between accounts."""

    quantiles: FloatArray
    classes: int
    tails: Tails

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return {"tallies": Counts(WIDTH)}

    def p_values(self, rows: Rows) -> FloatArray:
        """The share of like honest rows with a margin as small, shape (n,); NaN without a margin."""
        return _p_values(self.quantiles, rows)

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value."""
        return {"tallies": Tails.marks(self.p_values(rows))}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of low margins in standard deviations between honest accounts."""
        return self.tails.read(states["tallies"], distinct_share(states, counts))

    def explain(self, states: States, counts: IntArray) -> str:
        """How many rows were near the boundary."""
        return self.tails.explain(states["tallies"], "lie nearer to the decision boundary than rows like them do")


@dataclass(frozen=True, slots=True)
class LowMargin:
    """The detector, before it knows a model."""

    name: str = "low-margin"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "asks about cases that the model is unsure of, more than customers with the same kind of cases do"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where the model says no scores."""
        known = np.isfinite(rows.margins) & (rows.labels >= 0)
        if not known.any():
            return None
        overall = np.quantile(rows.margins[known], PROBABILITIES)
        quantiles = np.tile(overall, (rows.cell_count * rows.classes, 1))
        for label in range(rows.classes):
            of_class = known & (rows.labels == label)
            if np.count_nonzero(of_class) < LEAST_GROUP:
                continue
            quantiles[label :: rows.classes] = np.quantile(rows.margins[of_class], PROBABILITIES)
            for cell in np.unique(rows.cells[of_class]).tolist():
                inside = of_class & (rows.cells == cell)
                if np.count_nonzero(inside) >= LEAST_GROUP:
                    quantiles[cell * rows.classes + label] = np.quantile(rows.margins[inside], PROBABILITIES)
        tails = Tails.fit(_p_values(quantiles, rows), rows.batch.accounts, first_times(rows))
        return FittedLowMargin(quantiles, rows.classes, tails)


def _p_values(quantiles: FloatArray, rows: Rows) -> FloatArray:
    groups = rows.cells * rows.classes + np.maximum(rows.labels, 0)
    place = (quantiles[groups] <= rows.margins[:, None]).sum(axis=1)  # ties count: margins of few trees have few values
    p_values = PROBABILITIES[np.minimum(place, len(PROBABILITIES) - 1)]
    return np.where(np.isfinite(rows.margins) & (rows.labels >= 0), p_values, np.nan)
