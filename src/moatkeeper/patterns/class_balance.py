"""Class balance: answers that are spread over the classes more evenly than any customer's are, or that are all but one class.

A copy is trained on answers of every class, so a careful thief balances them; an adversary who works on one class sees it
alone. The account's answers are compared with what honest accounts get, who differ from each other: one customer's applicants
are good risks, another's are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.dirichlet import Dirichlet, counts_by_account
from moatkeeper.patterns.distinct import distinct_share
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts

SINGLE = 0.98
"""Share of answers that the one class has for a caller who works on it alone; larger: stricter about the others."""


@packable
@dataclass(frozen=True, slots=True)
class FittedClassBalance:
    """How the answers of honest accounts spread over the classes, and how many of these they have at all."""

    honest: Dirichlet
    seen: int

    def sketches(self) -> Mapping[str, Sketch]:
        """Answers by class."""
        return {"classes": Counts(len(self.honest.base))}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """Each row's class."""
        return {"classes": rows.labels[:, None]}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """How much likelier an even or a single class is than an honest account, as a logarithm; NaN without answers."""
        classes = states["classes"] * distinct_share(states, counts)[:, None]
        rows, width = classes.sum(axis=1), self.seen
        even = -rows * np.log(width)
        largest = classes.max(axis=1)
        single = largest * np.log(SINGLE) + (rows - largest) * np.log((1 - SINGLE) / (width - 1)) - np.log(width)
        ratio = np.logaddexp(even, single) - self.honest.log_likelihood(classes)
        return np.where(rows > 0, ratio, np.nan)

    def explain(self, states: States, counts: IntArray) -> str:
        """The largest and the smallest share."""
        classes = states["classes"][0]
        rows = max(int(classes.sum()), 1)
        usual = np.sort(self.honest.base)[-self.seen :]
        rarest = np.sort(classes)[-self.seen] / rows
        return (
            f"of {rows} answers {classes.max() / rows:.0%} are of the most frequent of {self.seen} classes and {rarest:.0%} "
            f"of the rarest; of all honest accounts {usual[-1]:.0%} and {usual[0]:.0%}"
        )


@dataclass(frozen=True, slots=True)
class ClassBalance:
    """The detector, before it knows a model."""

    name: str = "class-balance"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "gets answers of all classes as evenly as no customer does, or of one class alone"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where there are no two classes, or too few honest accounts."""
        seen = len(np.unique(rows.labels[rows.labels >= 0]))
        if seen < 2:
            return None
        honest = Dirichlet.fit(counts_by_account(rows.labels, rows.batch.accounts, rows.classes))
        return FittedClassBalance(honest, seen) if honest is not None else None
