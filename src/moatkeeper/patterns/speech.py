"""Speech: a degree for each text by the concepts that it speaks of, ranked among honest texts and counted by account.

What stands before a text (the system prompt, earlier turns) is ranked and counted by itself: it is the same in all requests
of an integration, so that honest accounts differ much more in it than in what their users write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.distinct import distinct_share
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.ranks import Ranks
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.tails import WIDTH, Tails
from moatkeeper.patterns.wording import Wording, concept_bits
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.counts import Counts

Degrees = Callable[[Wording], IntArray]
"""A whole number from 0 up for each text, shape (n,); larger: the concepts meet more plainly."""
Weights = Sequence[tuple[int, *tuple[tuple[str, ...], ...]]]
"""A weight, then groups of concepts (phrases.py) that have to meet."""
MOST = 8
"""The largest degree that is told apart."""


@packable
@dataclass(frozen=True, slots=True)
class Speech:
    """Ranks of honest degrees and the spread between accounts, of the texts and of what stands before them."""

    ranks: Ranks
    tails: Tails
    framing_ranks: Ranks
    framing_tails: Tails

    @classmethod
    def fit(cls, rows: Rows, degrees: Degrees) -> Self | None:
        """None where the model does not generate, or there are no texts."""
        if rows.wording is None or rows.classes > 1:
            return None
        none = np.zeros(len(rows), dtype=np.int64)
        texts = -degrees(rows.wording).astype(np.float64)
        ranks = Ranks.fit(texts, none, 1)
        framing = _framing(rows, degrees)
        before = np.zeros(len(rows)) if framing is None else framing
        framing_ranks = Ranks.fit(before, none, 1)
        accounts = rows.batch.accounts
        return cls(
            ranks,
            Tails.fit(ranks.p_values(texts, none), accounts),
            framing_ranks,
            Tails.fit(framing_ranks.p_values(before, none), accounts),
        )

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values."""
        return {"texts": Counts(WIDTH), "framing": Counts(WIDTH)}

    def marks(self, rows: Rows, degrees: Degrees) -> Mapping[str, Marks]:
        """The bins of each row's p-values."""
        none = np.zeros(len(rows), dtype=np.int64)
        texts = framing = np.full(len(rows), np.nan)
        if rows.wording is not None:
            texts = self.ranks.p_values(-degrees(rows.wording).astype(np.float64), none)
        before = _framing(rows, degrees)
        if before is not None:
            framing = self.framing_ranks.p_values(before, none)
        return {"texts": Tails.marks(texts), "framing": Tails.marks(framing)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The larger excess of the two, in standard deviations between honest accounts; 0 if there is none.

        A text that is sent again counts once.
        """
        texts = states["texts"] * distinct_share(states, counts)[:, None]
        excess = np.fmax(self.tails.read(texts), self.framing_tails.read(states["framing"]))
        return np.maximum(excess, 0.0)

    def explain(self, states: States, what: str, before: str) -> str:
        """The counts behind the larger excess."""
        texts, framing = self.tails.read(states["texts"])[0], self.framing_tails.read(states["framing"])[0]
        if np.isnan(texts) or framing > texts:
            return self.framing_tails.explain(states["framing"], before)
        return self.tails.explain(states["texts"], what)


def weighed(wording: Wording, weights: Weights) -> IntArray:
    """For each text, shape (n,), the largest sum of weights over its passages, from 0 to MOST.

    A weight counts where a passage speaks of a concept of each of its groups.
    """
    total = np.zeros(len(wording.passages), dtype=np.int64)
    for weight, *groups in weights:
        met = np.ones(len(total), dtype=bool)
        for group in groups:
            met &= (wording.passages & concept_bits(*group)) != 0
        total += weight * met
    degrees = np.zeros(len(wording), dtype=np.int64)
    np.maximum.at(degrees, wording.within, total)
    return np.minimum(degrees, MOST)


def _framing(rows: Rows, degrees: Degrees) -> FloatArray | None:
    if rows.framing is None or rows.framed is None:
        return None
    return -degrees(rows.framing).astype(np.float64)[rows.framed]
