"""Is there a ring at all? The accounts of a window, ranked one by one among past accounts, together (Berk and Jones 1979).

A ring of accounts with four requests each need not have a single strange one; it has too many that are somewhat strange.
The test looks at every share of the window for more accounts in the upper tail than past windows have. It names nobody.

Deviations from the paper: one-sided; only up to half of the accounts; ranks among finitely many past accounts are themselves
uncertain, which widens the null by sqrt(1 + sum_b n_b^2 / (N h_b)), n_b and h_b the accounts of the window and of the past at
checkpoint b; the cut comes from whole past windows, since accounts of one window share its events.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray, Words

CUT = 6.0
"""In standard deviations; the least at which a ring is announced. Larger: small rings missed, fewer false alarms."""
MARGIN = 1.25
"""The cut is at least this many times the farthest that any past window came."""
LEAST_WINDOW = 20
"""Accounts below which a window is too small for the test."""
SHARE_SLACK = 2.0
"""Standard deviations that are taken off the estimated share of a ring."""


class Alarm(NamedTuple):
    """One statistic's global test: ``z`` standard deviations at the worst place, and the least share of accounts in excess."""

    statistic: str
    z: float
    share: float
    accounts: int


def alarms(statistics: Words, p_values: FloatArray, rows: IntArray, history: IntArray) -> tuple[Alarm, ...]:
    """The test for each statistic; ``p_values`` (n, statistics), NaN for no rank; ``history`` (n,) past accounts there."""
    found = []
    for number, statistic in enumerate(statistics):
        known = ~np.isnan(p_values[:, number]) & (history > 0)
        found.append(_alarm(statistic, p_values[known, number], inflation(rows[known], history[known])))
    return tuple(found)


def inflation(rows: IntArray, history: IntArray) -> float:
    """By how much ranks among finitely many past accounts spread more than chance alone, from 1 up."""
    if not len(rows):
        return 1.0
    _, first, counts = np.unique(rows, return_index=True, return_counts=True)
    return float(np.sqrt(1 + np.sum(counts.astype(np.float64) ** 2 / history[first]) / len(rows)))


def cut(past: FloatArray, least: float = CUT) -> float:
    """Above which z a window is announced, from past windows' z, shape (windows, statistics)."""
    return max(least, MARGIN * float(np.max(past, initial=0.0)))


def berk_jones(p_values: FloatArray) -> float:
    """The root of twice the largest log-likelihood ratio over the lower half of the sorted p-values; 0 if none is in excess."""
    count = len(p_values)
    if count == 0:
        return 0.0
    half = (count + 1) // 2
    expected = np.clip(np.sort(p_values)[:half], 1e-12, 1 - 1e-12)
    share = np.arange(1, half + 1) / count
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - expected)), 0.0)
    ratio = np.where(expected < share, share * np.log(share / expected) + rest, 0.0)
    return float(np.sqrt(2 * count * np.max(ratio, initial=0.0)))


def share_in_excess(p_values: FloatArray, spread: float) -> float:
    """The least share of accounts that must be added to uniform ones to explain these, in [0, 1]."""
    count = len(p_values)
    if count == 0:
        return 0.0
    level = np.clip(np.sort(p_values), 1e-12, 1 - 1e-12)
    found = np.arange(1, count + 1) / count
    slack = SHARE_SLACK * spread * np.sqrt(level * (1 - level) / count)
    half = slice(0, (count + 1) // 2)
    return float(np.clip(np.max(((found - level - slack) / (1 - level))[half]), 0.0, 1.0))


def _alarm(statistic: str, p_values: FloatArray, spread: float) -> Alarm:
    if len(p_values) < LEAST_WINDOW:
        return Alarm(statistic, 0.0, 0.0, len(p_values))
    return Alarm(statistic, berk_jones(p_values) / spread, share_in_excess(p_values, spread), len(p_values))
