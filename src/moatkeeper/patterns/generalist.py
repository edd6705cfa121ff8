"""Generalists: an account that asks about everything, where customers keep to their own kind of cases.

A copy needs the whole input space; a lender in one town, a clinic or a shop does not. The counts of an account over the
regions of the input space are compared: how much likelier are they of a caller who draws from all customers' rows alike than
of one more honest customer (base multinomial against Dirichlet-multinomial). Where honest accounts are not specialised it
says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.complete import complete, ordinary_gaps
from moatkeeper.patterns.dirichlet import Dirichlet, counts_by_account
from moatkeeper.patterns.distinct import distinct_share
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts


@packable
@dataclass(frozen=True, slots=True)
class FittedGeneralist:
    """How honest accounts spread over the regions, and the columns, shape (c,), that they leave empty now and then."""

    honest: Dirichlet
    gaps: npt.NDArray[np.bool_]

    def sketches(self) -> Mapping[str, Sketch]:
        """Rows by region."""
        return {"regions": Counts(len(self.honest.base))}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """Each row's region; -1 without a proper place."""
        return {"regions": np.where(complete(rows, self.gaps), rows.cells, -1)[:, None]}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The logarithm of the likelihood ratio over the root of the rows; NaN without rows."""
        regions = states["regions"] * distinct_share(states, counts)[:, None]
        rows = regions.sum(axis=1)
        ratio = self.honest.generality(regions) / np.sqrt(np.maximum(rows, 1))
        return np.where(rows > 0, ratio, np.nan)

    def explain(self, states: States, counts: IntArray) -> str:
        """How many regions, and how large the largest share is."""
        regions = states["regions"][0]
        rows = max(int(regions.sum()), 1)
        return (
            f"{rows} rows lie in {int(np.count_nonzero(regions))} of {len(regions)} regions, {regions.max() / rows:.0%} "
            f"of them in the most frequent one; customers keep to few (concentration {self.honest.concentration:.2g})"
        )


@dataclass(frozen=True, slots=True)
class Generalist:
    """The detector, before it knows a model."""

    name: str = "generalist"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "asks about everything alike, where customers keep to their own kind of cases"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where honest accounts are too few, or no more specialised than chance makes them."""
        honest = Dirichlet.fit(counts_by_account(rows.cells, rows.batch.accounts, rows.cell_count))
        return FittedGeneralist(honest, ordinary_gaps(rows)) if honest is not None and honest.specialised else None
