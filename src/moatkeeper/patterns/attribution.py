"""Which accounts a ring consists of, once a window is known to hold one.

Two halves of all accounts, past and present, take turns: one teaches what is new in the window (density_ratio.py), the other is
judged by it. An account's p-value is its rank among the past accounts of its half, weighted to the window's mix of checkpoints.
Teaching needs no labels: the ring itself shows the direction.

The two lists make different promises. Of honest accounts, no more than the budget is named on average, and no more than
BAND_SLACK times the budget at any activity with enough past accounts. Of the silent list, nine in ten belong to the ring;
a large ring makes that easy, and the list may then hold many honest accounts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.density_ratio import DensityRatio
from moatkeeper.patterns.hashing import HashArray
from moatkeeper.patterns.normal import draws, normal_scores

SILENT_FDR = 0.1
"""Share of the silent list that may be honest; larger: longer lists, more of them honest."""
LEAST_BAND = 1_000
"""Past accounts in an activity band below which nobody in it is named."""
BAND_SLACK = 4.0
"""Times the budget that honest accounts of one activity band may be named: large general customers are nearest to a ring."""
TAUGHT = 0.3
"""Share of past accounts that teach; the others are ranked against, and only many of those can show a small p-value."""
FOLDS = 4
"""Parts of the window's accounts; each is judged by what the others taught."""
_TAUGHT, _FOLD, _TIES = 1_001, 1_002, 1_003  # purposes of drawn chances


@dataclass(frozen=True, slots=True)
class Group:
    """Accounts with their readings: ``keys`` (n,), ``rows`` (n,) checkpoints, ``readings`` (n, statistics)."""

    keys: HashArray
    rows: IntArray
    readings: FloatArray

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, chosen: npt.NDArray[np.bool_]) -> Group:
        """Only these."""
        return Group(self.keys[chosen], self.rows[chosen], self.readings[chosen])


@dataclass(frozen=True, slots=True)
class Band:
    """Checkpoints taken together because each alone has too few past accounts."""

    low: int  # rows
    high: int
    past: int  # accounts

    @property
    def guaranteed(self) -> bool:
        """Whether the promise to honest accounts can be kept in the band."""
        return self.past >= LEAST_BAND


@dataclass(frozen=True, slots=True)
class Attribution:
    """For each of n accounts: its p-values, and the lists that it is on. ``bands`` are ascending."""

    p_values: FloatArray  # (n,): among all past accounts, weighted to the window's mix
    band_p_values: FloatArray  # (n,): among those of its band
    named: npt.NDArray[np.bool_]
    silent: npt.NDArray[np.bool_]  # holds the named
    band: IntArray  # (n,): index into bands
    bands: tuple[Band, ...]


def attribute(current: Group, past: Group, budget: float) -> Attribution:
    """The lists for one window; ``budget`` is the share of honest accounts that may be named."""
    bands = bands_of(past.rows, current.rows)
    band, past_band = _band_of(bands, current.rows), _band_of(bands, past.rows)
    p_values, band_p_values = np.ones(len(current)), np.ones(len(current))
    if len(past) < LEAST_BAND:
        return _untaught(current, past, band, bands)
    taught_from = draws(past.keys, _TAUGHT) < TAUGHT
    taught, held = past.take(taught_from), past.take(~taught_from)
    fold, held_band = (draws(current.keys, _FOLD) * FOLDS).astype(np.int64), past_band[~taught_from]
    mix, chances = _mix(current.rows, held.rows), draws(current.keys, _TIES)
    taught_scores, held_scores, scores = (scores_by(taught, group) for group in (taught, held, current))
    for number in range(FOLDS):
        here = fold == number
        if not here.any() or here.all() or not len(taught) or not len(held):
            continue
        ratio = DensityRatio.fit(
            scores[~here], current.rows[~here], taught_scores, taught.rows, _mix(current.rows[~here], taught.rows)
        )
        mine, theirs = ratio.scores(scores[here], current.rows[here]), ratio.scores(held_scores, held.rows)
        p_values[here] = conformal(mine, theirs, mix, chances[here])
        for place in range(len(bands)):
            inside, known = band[here] == place, held_band == place
            ranks = conformal(mine[inside], theirs[known], mix[known], chances[here][inside])
            band_p_values[np.flatnonzero(here)[inside]] = ranks
    guaranteed = np.array([one.guaranteed for one in bands], dtype=bool)[band] if bands else np.zeros(len(current), dtype=bool)
    named = (p_values <= budget) & (band_p_values <= BAND_SLACK * budget) & guaranteed
    return Attribution(p_values, band_p_values, named, below_fdr(p_values, SILENT_FDR) | named, band, bands)


def _untaught(current: Group, past: Group, band: IntArray, bands: tuple[Band, ...]) -> Attribution:
    """With too few past accounts to teach anything: ranked by how strange all readings are together, and nobody named."""
    mine, theirs = ((np.maximum(scores_by(past, group), 0.0) ** 2).sum(axis=1) for group in (current, past))
    p_values = conformal(mine, theirs, _mix(current.rows, past.rows), draws(current.keys, _TIES))
    nobody = np.zeros(len(current), dtype=bool)
    return Attribution(p_values, p_values, nobody, below_fdr(p_values, SILENT_FDR), band, bands)


def conformal(scores: FloatArray, past: FloatArray, weights: FloatArray, chances: FloatArray) -> FloatArray:
    """The weighted share of past scores at least as large, the account counted among them by chance, shape (n,)."""
    order = np.argsort(past)
    above = np.r_[np.cumsum(weights[order][::-1])[::-1], 0.0]
    sorted_past = past[order]
    at_least, more = (above[np.searchsorted(sorted_past, scores, side=side)] for side in ("left", "right"))
    own = float(weights.mean()) if len(weights) else 1.0
    return np.asarray((more + chances * (at_least - more + own)) / (above[0] + own))


def below_fdr(p_values: FloatArray, rate: float) -> npt.NDArray[np.bool_]:
    """The accounts that Benjamini and Hochberg (1995) would reject at this false discovery rate, shape (n,)."""
    order = np.argsort(p_values)
    passed = np.flatnonzero(p_values[order] <= rate * np.arange(1, len(order) + 1) / max(len(order), 1))
    found = np.zeros(len(p_values), dtype=bool)
    if len(passed):
        found[order[: passed[-1] + 1]] = True
    return found


def bands_of(past: IntArray, current: IntArray) -> tuple[Band, ...]:
    """Checkpoints joined from the largest down until each band has LEAST_BAND past accounts, if there are as many."""
    known = np.union1d(past, current)
    found: list[Band] = []
    high, gathered = 0, 0
    for checkpoint in known[::-1].tolist():
        high = high or checkpoint
        gathered += int(np.count_nonzero(past == checkpoint))
        if gathered >= LEAST_BAND:
            found.append(Band(checkpoint, high, gathered))
            high, gathered = 0, 0
    if high:
        found.append(Band(int(known[0]), high, gathered))
    return tuple(reversed(found))


def scores_by(past: Group, group: Group) -> FloatArray:
    """Readings as normal scores among past accounts at the same checkpoint, shape (n, statistics); 0 where there is no reading.

    They go on growing beyond all past accounts, so that a ring out there is not tied with the strangest of them.
    """
    found = np.zeros(group.readings.shape)
    # As past readings are kept: what was tied with them remains tied.
    known, asked = past.readings.astype(np.float32), group.readings.astype(np.float32)
    for rows in np.unique(past.rows).tolist():
        then, now = past.rows == rows, np.flatnonzero(group.rows == rows)
        for number in range(known.shape[1]):
            column = known[then, number]
            column = np.sort(column[~np.isnan(column)])
            if len(column):
                found[now, number] = _score(column, asked[now, number])
    return np.where(np.isnan(asked), 0.0, found)


def _score(column: FloatArray, readings: FloatArray) -> FloatArray:
    more, at_least = (len(column) - np.searchsorted(column, readings, side=side) for side in ("right", "left"))
    ranked = normal_scores((more + 0.5 * (at_least - more) + 0.5) / (len(column) + 1))
    scale = float(np.std(column)) or 1.0
    return np.asarray(ranked + np.log1p(np.maximum(np.nan_to_num(readings) - column[-1], 0.0) / scale))


def _band_of(bands: tuple[Band, ...], rows: IntArray) -> IntArray:
    lows = np.array([band.low for band in bands], dtype=np.int64)
    return np.asarray(np.maximum(np.searchsorted(lows, rows, side="right") - 1, 0), dtype=np.int64)


def _mix(current: IntArray, past: IntArray) -> FloatArray:
    """Weights of past accounts that give them the current mix of checkpoints, shape of ``past``; they sum to len(current)."""
    weights = np.zeros(len(past))
    for checkpoint in np.unique(past).tolist():
        inside = past == checkpoint
        weights[inside] = np.count_nonzero(current == checkpoint) / np.count_nonzero(inside)
    return weights
