"""Word salad: words in an order in which nobody says them.

Random words are enough to copy a text model in part (Krishna et al. 2020, Thieves on Sesame Street, RANDOM), and so are honest
texts with words dropped and exchanged. Such texts may consist of the customers' own words, as frequent as theirs; but
neighbours in them know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.collocations import Collocations, honest_cohesion
from moatkeeper.patterns.distinct import distinct_share
from moatkeeper.patterns.out_of_place import LEAST_ACCOUNTS, LENGTHS, length_groups
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.ranks import Ranks
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.tails import WIDTH, Tails
from moatkeeper.patterns.wording import Wording
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts

LEAST_WORDS = 4
"""Words below which a text has no order worth looking at."""


@packable
@dataclass(frozen=True, slots=True)
class FittedWordSalad:
    """Honest collocations, ranks of honest texts by length, and the spread between accounts."""

    collocations: Collocations
    ranks: Ranks
    tails: Tails

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return {"tallies": Counts(WIDTH)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value."""
        if rows.wording is None:
            return {"tallies": np.full((len(rows), 1), -1)}
        cohesion = _of_long(rows.wording, self.collocations.cohesion(rows.wording))
        return {"tallies": Tails.marks(self.ranks.p_values(cohesion, length_groups(rows.wording)))}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of texts in a strange order, in standard deviations between honest accounts."""
        return self.tails.read(states["tallies"] * distinct_share(states, counts)[:, None])

    def explain(self, states: States, counts: IntArray) -> str:
        """How many texts were in a strange order."""
        return self.tails.explain(states["tallies"], "have their words in an order in which nobody else says them")


@dataclass(frozen=True, slots=True)
class WordSalad:
    """The detector, before it knows a model."""

    name: str = "word-salad"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "sends words in an order in which nobody says them, as texts made by chance do"

    def fit(self, rows: Rows) -> Fitted | None:
        """None without texts of several words, or with too few accounts to tell a customer from the others."""
        accounts = rows.batch.accounts
        if rows.wording is None or len(np.unique(accounts)) < LEAST_ACCOUNTS:
            return None
        cohesion, groups = _of_long(rows.wording, honest_cohesion(rows.wording, accounts)), length_groups(rows.wording)
        if not np.isfinite(cohesion).any():
            return None
        ranks = Ranks.fit(cohesion, groups, LENGTHS)
        collocations = Collocations.fit(rows.wording, np.ones(len(rows), dtype=bool))
        return FittedWordSalad(collocations, ranks, Tails.fit(ranks.p_values(cohesion, groups), accounts))


def _of_long(wording: Wording, cohesion: FloatArray) -> FloatArray:
    return np.where(wording.counts >= LEAST_WORDS, cohesion, np.nan)
