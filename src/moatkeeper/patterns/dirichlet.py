"""Customers differ: how an account's counts over classes or regions spread from one honest account to the next.

An honest account has shares of its own, drawn around the shares of all (a Dirichlet distribution), and its counts follow its
shares: the Dirichlet-multinomial distribution. A small concentration means that most accounts keep to a few of the places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.packing import packable

CONCENTRATIONS = np.geomspace(0.05, 2_000.0, 64)
"""Tried in turn; the most likely one is taken."""
GENERAL = 1_000.0
"""A concentration from which accounts cannot be told from draws out of one and the same population."""
LEAST_ACCOUNTS = 50
"""With two rows or more, from which a concentration can be learned."""
MOST_ACCOUNTS = 2_000
"""That the concentration is learned from; more would not change it."""
_SHIFT = 8  # Stirling's series is exact to 12 digits from here up


@packable
@dataclass(frozen=True, slots=True)
class Dirichlet:
    """The shares of all honest accounts, shape (k,), each above 0, and how closely one account keeps to them."""

    base: FloatArray
    concentration: float

    @classmethod
    def fit(cls, counts: FloatArray) -> Self | None:
        """From counts of shape (accounts, k) by likelihood; None with too few accounts or a single place."""
        sizes = counts.sum(axis=1)
        known = counts[sizes >= 2][:MOST_ACCOUNTS]
        if len(known) < LEAST_ACCOUNTS or counts.shape[1] < 2:
            return None
        shares = known / known.sum(axis=1, keepdims=True)
        # One account more, that has asked everywhere alike: no place is impossible.
        base = (shares.sum(axis=0) + 1 / counts.shape[1]) / (len(known) + 1)
        likelihoods = [float(cls(base, float(one)).log_likelihood(known).sum()) for one in CONCENTRATIONS]
        return cls(base, float(CONCENTRATIONS[int(np.argmax(likelihoods))]))

    @property
    def specialised(self) -> bool:
        """Whether honest accounts differ from each other more than chance makes them."""
        return self.concentration < GENERAL

    def log_likelihood(self, counts: FloatArray) -> FloatArray:
        """The logarithm of the chance that an honest account asks in this order, shape (accounts,)."""
        spread = self.concentration * self.base
        whole = log_gamma(np.array(self.concentration)) - log_gamma(self.concentration + counts.sum(axis=1))
        return np.asarray(whole + (log_gamma(counts + spread) - log_gamma(spread)).sum(axis=1), dtype=np.float64)

    def generality(self, counts: FloatArray) -> FloatArray:
        """How much likelier the counts are of a caller who draws from all alike than of an honest account, as a logarithm."""
        # Not a matrix product: its last digits depend on how many accounts are read at once.
        of_all = (counts * np.log(self.base)).sum(axis=1)
        return np.asarray(of_all - self.log_likelihood(counts), dtype=np.float64)


def log_gamma(value: FloatArray) -> FloatArray:
    """The logarithm of the gamma function of numbers above 0, by Stirling's series from ``_SHIFT`` up."""
    product = np.ones_like(value)
    for step in range(_SHIFT):
        product = product * (value + step)
    high = value + _SHIFT
    series = 1 / (12 * high) - 1 / (360 * high**3) + 1 / (1_260 * high**5) - 1 / (1_680 * high**7)
    return np.asarray((high - 0.5) * np.log(high) - high + 0.5 * np.log(2 * np.pi) + series - np.log(product))


def counts_by_account(places: IntArray, accounts: IntArray, width: int) -> FloatArray:
    """How often each account was in each place, shape (accounts, width), from rows of shape (n,); -1 is no place."""
    known = places >= 0
    _, owners = np.unique(accounts[known], return_inverse=True)
    count = int(owners.max()) + 1 if len(owners) else 0
    flat = owners * width + places[known]
    return np.bincount(flat, minlength=count * width).reshape(count, width).astype(np.float64)
