"""Evidence: its mean over an honest account's ranks is its weight, and its bound holds for life where accounts are alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.evidence import Calibrator

LOOKS = 6
"""Checkpoints that the longest accounts reach."""
GUARDS, LATER = 150, 100
PERIODS = 150
"""Calibrations that the bound is averaged over: it is one on the average, not on every one of them."""


@given(st.integers(1, 5_000), st.floats(1e-4, 1.0))
def test_the_mean_over_all_ranks_is_the_weight(accounts: int, weight: float) -> None:
    ranks = np.arange(1, accounts + 2) / (accounts + 1)
    evidence = Calibrator(accounts, weight).evidence(ranks)
    assert float(np.mean(evidence)) == pytest.approx(weight, rel=1e-9)
    assert (evidence >= 0).all()
    assert float(evidence.max()) == pytest.approx(Calibrator(accounts, weight).most)


@given(st.integers(1, 5_000), st.floats(1e-4, 1.0))
def test_a_rarer_rank_is_never_weaker_evidence(accounts: int, weight: float) -> None:
    evidence = Calibrator(accounts, weight).evidence(np.arange(1, accounts + 2) / (accounts + 1))
    assert (np.diff(evidence) <= 0).all()


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=60), st.floats(-100, 100))
def test_p_values_are_ranks_and_ties_count_against_the_account(honest: list[float], score: float) -> None:
    ordered = np.sort(np.array(honest))
    p_value = Calibrator(len(honest), 1.0).p_values(ordered, np.array([score]))[0]
    assert p_value == pytest.approx((1 + sum(one >= score for one in honest)) / (len(honest) + 1))
    assert 1 / (len(honest) + 1) <= p_value <= 1


def test_no_look_is_no_evidence() -> None:
    assert Calibrator(50, 0.5).evidence(np.array([np.nan])).tolist() == [0.0]


def test_a_worked_example() -> None:
    # Nine guards, ten ranks: a fifth of the evidence is shared out by 1 / rank, four fifths go to the rarest rank alone.
    harmonic = sum(1 / rank for rank in range(1, 11))
    first, last = Calibrator(9, 1.0).evidence(np.array([0.1, 1.0]))
    assert first == pytest.approx(0.8 * 10 + 0.2 * 10 / harmonic)
    assert last == pytest.approx(0.2 / harmonic)


def lives(rng: np.random.Generator, accounts: int) -> FloatArray:
    """Scores at each checkpoint, shape (accounts, LOOKS): an account keeps its nature, and few live long (NaN from there).

    Busy accounts are stranger: that honest accounts differ, and that strange ones may live longer, must not break the bound.
    """
    nature = rng.standard_t(3, accounts)
    scores = nature[:, None] + 0.5 * np.cumsum(rng.standard_normal((accounts, LOOKS)), axis=1)
    length = 1 + np.minimum(rng.geometric(1 / (2 + np.exp(np.clip(nature, -2, 1)))), LOOKS - 1)
    return np.where(np.arange(LOOKS) < length[:, None], np.round(scores, 1), np.nan)


def largest_evidence(guards: FloatArray, later: FloatArray) -> FloatArray:
    """What each later account's evidence has grown to at the end of its life: the most it ever was, as it never falls."""
    there = [np.sort(column[np.isfinite(column)]) for column in guards.T]
    sizes = np.array([len(one) for one in there])
    total = np.zeros(len(later))
    for look, weight in enumerate(sizes / sizes.sum()):
        calibrator = Calibrator(int(sizes[look]), float(weight))
        known = np.isfinite(later[:, look])
        p_values = np.where(known, calibrator.p_values(there[look], np.nan_to_num(later[:, look])), np.nan)
        total += calibrator.evidence(p_values)
    return total


def alarms(alpha: float, shift: float, seed: int) -> float:
    """The share of honest accounts that ever reach 1 / alpha, with later scores ``shift`` higher than the calibration's."""
    rng = np.random.default_rng(seed)
    found = [largest_evidence(lives(rng, GUARDS), lives(rng, LATER) + shift) >= 1 / alpha for _ in range(PERIODS)]
    return float(np.mean(found))


@pytest.mark.parametrize("alpha", [0.02, 0.05, 0.2])
def test_honest_accounts_are_accused_as_rarely_in_their_whole_lives_as_promised(alpha: float) -> None:
    spread = 3 * np.sqrt(alpha * (1 / (PERIODS * LATER) + 1 / (PERIODS * GUARDS)))
    assert alarms(alpha, 0.0, seed=1) <= alpha + spread


def test_the_mean_evidence_of_an_honest_life_is_at_most_one() -> None:
    rng = np.random.default_rng(2)
    means = [float(largest_evidence(lives(rng, GUARDS), lives(rng, LATER)).mean()) for _ in range(PERIODS)]
    assert np.mean(means) <= 1 + 3 * np.std(means) / np.sqrt(PERIODS)


def test_where_later_accounts_are_not_like_the_guards_the_promise_breaks() -> None:
    # The negative control: the same accounts, each score a little higher than in the calibration period.
    assert alarms(0.05, 4.0, seed=3) > 2 * 0.05
