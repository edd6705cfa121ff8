"""Shares: an honest account's excess is that of the spread between accounts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.shares import Share


@given(st.floats(0, 1), st.floats(0, 0.2), st.integers(1, 1_000))
def test_more_rows_of_the_sort_are_a_larger_excess(mean: float, between: float, total: int) -> None:
    hits = np.arange(total + 1, dtype=np.float64)
    excess = Share(mean, between).excess(hits, np.full(total + 1, float(total)))
    assert np.all(np.diff(excess) > 0)


def test_accounts_that_differ_widely_are_not_odd() -> None:
    rng = np.random.default_rng(2)
    totals = np.full(400, 200.0)
    alike, unlike = np.full(400, 0.3), rng.beta(1, 2, 400)
    hits = [rng.binomial(200, share).astype(np.float64) for share in (alike, unlike)]
    narrow, wide = (Share.fit(one, totals) for one in hits)
    assert wide.between > 10 * narrow.between
    assert np.std(wide.excess(hits[1], totals)) == pytest.approx(1, abs=0.15)
    assert wide.excess(np.array([180.0]), np.array([200.0]))[0] < narrow.excess(np.array([180.0]), np.array([200.0]))[0] / 3


def test_no_rows_say_nothing() -> None:
    assert np.isnan(Share.fit(np.zeros(3), np.zeros(3)).excess(np.zeros(1), np.zeros(1)))
