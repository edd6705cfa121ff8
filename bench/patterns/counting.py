"""From scores to rates: what one false-alarm rate per account means, and how sure a share is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta  # type: ignore[import-untyped]

from moatkeeper.core.query import FloatArray

SURE = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many, with the two ends of Clopper and Pearson's 95 % interval."""

    share: float
    low: float
    high: float
    hits: int
    of: int


def share(hits: int, of: int) -> Share:
    """An exact interval of a share (Clopper and Pearson 1934); of nothing, all is possible."""
    if of == 0:
        return Share(0.0, 0.0, 1.0, 0, 0)
    out = (1 - SURE) / 2
    low = float(beta.ppf(out, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - out, hits + 1, of - hits)) if hits < of else 1.0
    return Share(hits / of, low, high, hits, of)


def p_values(scores: FloatArray, honest: FloatArray) -> FloatArray:
    """Conformal p-values against the scores of honest accounts, shape (m,); ties count for the account."""
    ordered = np.sort(honest)
    at_least = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return np.asarray((1.0 + at_least) / (len(ordered) + 1.0), dtype=np.float64)


def enough_accounts(honest: int, rate: float) -> bool:
    """Whether so many honest accounts can say anything at a rate: the smallest p-value is 1 / (m + 1)."""
    return rate * (honest + 1) >= 1.0
