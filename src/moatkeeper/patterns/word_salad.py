"""Word salad: known words in an order in which nobody says them.

Random words from a list are enough to copy a text model in part (Krishna et al. 2020, Thieves on Sesame Street, RANDOM). Pairs
of neighbours are compared among texts whose words are as common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.out_of_place import LEAST_ACCOUNTS
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.ranks import Ranks
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.tails import WIDTH, Tails
from moatkeeper.patterns.vocabulary import Vocabulary
from moatkeeper.patterns.wording import Wording
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts

GROUPS = 8
"""Of texts by how common their words are, in equal parts."""
LEAST_WORDS = 4
"""Words below which a text has no order worth looking at."""


@packable
@dataclass(frozen=True, slots=True)
class FittedWordSalad:
    """Honest words and pairs, the edges of the groups, how pairs follow from words, ranks, and the spread between accounts."""

    words: Vocabulary
    pairs: Vocabulary
    edges: FloatArray
    slope: float
    ranks: Ranks
    tails: Tails

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return {"tallies": Counts(WIDTH)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value."""
        if rows.wording is None:
            return {"tallies": np.full((len(rows), 1), -1)}
        words, pairs = _typicality(self.words, self.pairs, rows.wording, own=0)
        return {"tallies": Tails.marks(self.ranks.p_values(pairs - self.slope * words, np.searchsorted(self.edges, words)))}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The excess of texts in a strange order, in standard deviations between honest accounts."""
        return self.tails.read(states["tallies"])

    def explain(self, states: States, counts: IntArray) -> str:
        """How many texts were in a strange order."""
        return self.tails.explain(states["tallies"], "have known words in an order in which nobody else says them")


@dataclass(frozen=True, slots=True)
class WordSalad:
    """The detector, before it knows a model."""

    name: str = "word-salad"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "sends known words in an order in which nobody says them, as texts made by chance do"

    def fit(self, rows: Rows) -> Fitted | None:
        """None without texts of several words, or with too few accounts to tell a customer from the others."""
        accounts = rows.batch.accounts
        if rows.wording is None or len(np.unique(accounts)) < LEAST_ACCOUNTS:
            return None
        vocabularies = [Vocabulary.fit(rows.wording, accounts, paired) for paired in (False, True)]
        words, pairs = _typicality(vocabularies[0], vocabularies[1], rows.wording, own=1)
        known = np.isfinite(pairs)
        if not known.any():
            return None
        edges = np.unique(np.quantile(words[known], np.linspace(0, 1, GROUPS + 1)[1:-1]))
        variance = float(np.var(words[known]))
        slope = float(np.mean((words[known] - words[known].mean()) * pairs[known])) / variance if variance > 0 else 0.0
        numbers, groups = pairs - slope * words, np.searchsorted(edges, words)
        ranks = Ranks.fit(numbers, groups, len(edges) + 1)
        tails = Tails.fit(ranks.p_values(numbers, groups), accounts)
        return FittedWordSalad(vocabularies[0], vocabularies[1], edges, slope, ranks, tails)


def _typicality(words: Vocabulary, pairs: Vocabulary, wording: Wording, own: int) -> tuple[FloatArray, FloatArray]:
    long = wording.counts >= LEAST_WORDS
    return words.typicality(wording, own), np.where(long, pairs.typicality(wording, own), np.nan)
