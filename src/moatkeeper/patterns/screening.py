"""Screening of honest traffic before it is believed: thieves who call during the calibration period teach that theft is usual.

A thief needs few accounts for that: k of them among m guards lift every later thief's p-value to (k + 1) / (m + 1). Accounts
whose scores lie far beyond what the tail of all others leads to expect are suspects. They are told to a person. To leave them
out is a choice with a price, which is stated: if all that were left out were honest after all, an honest account's chance of a
p-value of at most alpha is not alpha but at most alpha + left_out / m.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray

EXPECTED = 0.01
"""Honest accounts expected as far out by the tail's own law, below which one is a suspect; larger: more suspects."""
SHOULDER, TAIL = 0.90, 0.98
"""Quantiles that the tail's law is read from: thieves may be up to a fiftieth of all accounts without bending it."""
MOST_LEFT_OUT = 0.02
"""Share of the accounts that may be left out; more of them are another kind of customers, not a few thieves."""


ROUNDS = 4
"""Of screening at most: the strangest hide the less strange."""


class Suspect(NamedTuple):
    """An account that does not fit among the others: its number, the rows at which it was seen, and its score."""

    account: int
    rows: int
    score: float


def suspects(rows: int, accounts: IntArray, scores: FloatArray) -> list[Suspect]:
    """Accounts (numbers, shape (n,)) whose scores, shape (n,), lie beyond the tail of all others; strangest first.

    The tail is taken for exponential, as fusion's rarities make it; where scores have no spread at all nobody is suspect.
    """
    if not len(scores):
        return []
    shoulder, tail = np.quantile(scores, [SHOULDER, TAIL])
    scale = (tail - shoulder) / np.log((1 - SHOULDER) / (1 - TAIL))
    if scale <= 0:
        return []
    expected = len(scores) * (1 - TAIL) * np.exp(-np.maximum(scores - tail, 0.0) / scale)
    order = np.argsort(-scores, kind="stable")
    return [Suspect(int(accounts[one]), rows, float(scores[one])) for one in order.tolist() if expected[one] < EXPECTED]
