"""Evidence that accumulates and never decays, with a bound on false alarms that holds for an account's whole life.

At each checkpoint the account's score is ranked among m honest accounts at the same number of rows: a conformal p-value. A
calibrator e(p) with mean at most 1 over the m + 1 possible ranks turns it into an e-value, and the evidence is the sum of
weight times e-value, the weights summing to 1 over all checkpoints. An honest account, exchangeable with the calibrating ones,
therefore has an expected evidence of at most 1, whenever one looks, and by Markov's inequality reaches 1 / alpha with a
probability of at most alpha (Vovk and Wang 2021, e-values; the design's "a false-alarm rate with a proof").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.packing import packable

STEP = 0.8
"""Share of an e-value that is paid in full at a small enough p-value, so that one look at a plain thief is enough; the rest
grows with each rank, so that evidence from several looks adds up. Larger: faster on plain thieves, slower on careful ones."""
ALPHA = 0.001
"""The false-alarm bound of a named account, which the step is placed for."""


RANKS_ABOVE = 0.05
"""The widest bound that anything is done under: where even that cannot be reached, findings only rank accounts for a person.
Between the two bounds an account can be watched or slowed down, and not named."""


@packable
@dataclass(frozen=True, slots=True)
class Calibrator:
    """Turns ranks among ``accounts`` honest ones into evidence at one checkpoint of the given weight."""

    accounts: int
    weight: float

    def p_values(self, honest: FloatArray, scores: FloatArray) -> FloatArray:
        """The share of honest scores (sorted) at least as large, the account itself counted with them, shape (n,)."""
        at_least = len(honest) - np.searchsorted(honest, scores, side="left")
        return np.asarray((1 + at_least) / (len(honest) + 1), dtype=np.float64)

    def evidence(self, p_values: FloatArray) -> FloatArray:
        """weight * e(p), shape (n,); NaN (no look) is 0. Its mean over the ranks 1 / (m + 1), ..., 1 is the weight."""
        ranks = self.accounts + 1
        step_ranks = max(int(np.floor(ALPHA * self.weight * STEP * ranks)), 1)
        harmonic = float(np.sum(1.0 / np.arange(1, ranks + 1)))
        rank = np.rint(np.nan_to_num(p_values, nan=np.inf) * ranks)
        e_values = STEP * (rank <= step_ranks) * ranks / step_ranks + (1 - STEP) * ranks / (harmonic * rank)
        return np.asarray(self.weight * e_values, dtype=np.float64)

    @property
    def most(self) -> float:
        """The largest evidence that this checkpoint can give."""
        return float(self.evidence(np.array([1.0 / (self.accounts + 1)]))[0])
