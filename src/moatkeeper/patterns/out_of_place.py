"""Out of place: texts whose words the other customers do not use, as when a model is asked about another corpus.

Surrogates are trained on whatever text is at hand (Orekondy et al. 2019, Knockoff Nets; Krishna et al. 2020). Customers
differ in their words, too, so that rows are compared as a newcomer's: with the words of all other accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.distinct import distinct_share
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.ranks import Ranks
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.tails import WIDTH, Tails
from moatkeeper.patterns.vocabulary import Vocabulary
from moatkeeper.patterns.wording import Wording
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts

LENGTHS = 8
"""Groups of texts by the number of their words: 1, 2, 3 to 4, 5 to 8, ... short ones vary more."""
LEAST_ACCOUNTS = 10
"""Honest accounts below which what the others say is not known."""


@packable
@dataclass(frozen=True, slots=True)
class FittedOutOfPlace:
    """The honest vocabulary, ranks of honest texts by length, and the spread between accounts."""

    vocabulary: Vocabulary
    ranks: Ranks
    tails: Tails

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return {"tallies": Counts(WIDTH)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value."""
        if rows.wording is None:
            return {"tallies": np.full((len(rows), 1), -1)}
        typicality = self.vocabulary.typicality(rows.wording, own=0)
        return {"tallies": Tails.marks(self.ranks.p_values(typicality, length_groups(rows.wording)))}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of strange texts in standard deviations between honest accounts."""
        return self.tails.read(states["tallies"] * distinct_share(states, counts)[:, None])

    def explain(self, states: States, counts: IntArray) -> str:
        """How many texts were strange."""
        return self.tails.explain(states["tallies"], "are in words that other customers hardly use")


@dataclass(frozen=True, slots=True)
class OutOfPlace:
    """The detector, before it knows a model."""

    name: str = "out-of-place"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "sends texts in words that other customers do not use: another corpus, or none that makes sense"

    def fit(self, rows: Rows) -> Fitted | None:
        """None without texts, or with too few accounts to tell a customer from the others."""
        accounts = rows.batch.accounts
        if rows.wording is None or len(np.unique(accounts)) < LEAST_ACCOUNTS or not len(rows.wording.words):
            return None
        vocabulary = Vocabulary.fit(rows.wording, accounts)
        typicality, groups = vocabulary.typicality(rows.wording, own=1), length_groups(rows.wording)
        ranks = Ranks.fit(typicality, groups, LENGTHS)
        return FittedOutOfPlace(vocabulary, ranks, Tails.fit(ranks.p_values(typicality, groups), accounts))


def length_groups(wording: Wording) -> IntArray:
    """The group of each text by its words, shape (n,), in [0, LENGTHS)."""
    logarithm = np.ceil(np.log2(np.maximum(wording.counts, 1)))
    return np.asarray(np.minimum(logarithm, LENGTHS - 1), dtype=np.int64)
