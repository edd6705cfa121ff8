"""Which accounts a ring consists of."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moatkeeper.patterns.attribution import LEAST_BAND, Group, attribute, bands_of, below_fdr, conformal, scores_by
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.normal import name_keys

PAST = 6_000


def _group(rng: np.random.Generator, count: int, shift: float, name: str, rows: IntArray | None = None) -> Group:
    keys = name_keys(tuple(f"{name}{number}" for number in range(count)))
    found = rng.choice([4, 8, 16], count, p=[0.6, 0.25, 0.15]) if rows is None else rows
    return Group(keys, found.astype(np.int64), rng.normal([0, shift, 0, shift], 1, (count, 4)))


def _window(rng: np.random.Generator, honest: int, ring: int, shift: float) -> Group:
    first, second = _group(rng, honest, 0.0, "honest"), _group(rng, ring, shift, "ring", np.full(ring, 4))
    return Group(
        np.r_[first.keys, second.keys], np.r_[first.rows, second.rows], np.concatenate([first.readings, second.readings])
    )


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_conformal_ranks_are_even_whatever_the_ties(seed: int, past: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, past + 1).astype(float)
    # Over all choices of the one account among the others, and over its chance, ranks are uniform: their mean is one half.
    ranks = [
        float(conformal(values[[place]], np.delete(values, place), np.ones(past), np.array([0.5]))[0])
        for place in range(past + 1)
    ]
    assert abs(np.mean(ranks) - 0.5) < 1e-9


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0.01, 0.5))
def test_the_silent_list_is_a_lower_set_of_p_values(found: list[float], rate: float) -> None:
    p_values = np.array(found)
    listed = below_fdr(p_values, rate)
    if listed.any() and not listed.all():
        assert p_values[listed].max() < p_values[~listed].min()


@settings(max_examples=20)
@given(st.lists(st.sampled_from([4, 8, 16, 32, 64]), min_size=1, max_size=3_000))
def test_bands_cover_every_checkpoint_once(found: list[int]) -> None:
    past = np.array(found, dtype=np.int64)
    bands = bands_of(past, np.array([4, 128]))
    assert sum(band.past for band in bands) == len(past)
    assert bands[0].low <= 4
    assert bands[-1].high >= 128
    assert all(one.high < other.low for one, other in pairwise(bands))


def test_a_ring_beside_honest_accounts_is_named_and_they_are_not() -> None:
    rng = np.random.default_rng(1)
    judged = attribute(_window(rng, 800, 400, 4.0), _group(rng, PAST, 0.0, "past"), 0.002)
    assert judged.named[800:].mean() > 0.8
    assert judged.named[:800].sum() <= 4
    assert (judged.silent >= judged.named).all()


def test_honest_accounts_are_named_no_more_often_than_the_budget_says() -> None:
    rng = np.random.default_rng(2)
    past = _group(rng, PAST, 0.0, "past")
    named = sum(int(attribute(_window(rng, 800, 0, 0.0), past, 0.01).named.sum()) for _ in range(10))
    assert named <= 0.01 * 8_000 + 4 * np.sqrt(0.01 * 8_000)


def test_beside_a_ring_the_bound_holds_as_well() -> None:
    rng = np.random.default_rng(3)
    past = _group(rng, PAST, 0.0, "past")
    named = [attribute(_window(rng, 800, 400, 1.5), past, 0.01).named for _ in range(5)]
    assert sum(int(one[:800].sum()) for one in named) <= 0.01 * 4_000 + 4 * np.sqrt(0.01 * 4_000)
    assert np.mean([one[800:].mean() for one in named]) > 0.05


def test_nobody_is_named_where_too_few_past_accounts_were_as_active() -> None:
    rng = np.random.default_rng(4)
    past = _group(rng, LEAST_BAND // 2, 0.0, "past", np.full(LEAST_BAND // 2, 4))
    judged = attribute(_window(rng, 200, 200, 6.0), past, 0.01)
    assert not judged.bands[0].guaranteed
    assert not judged.named.any()
    assert judged.silent[200:].mean() > 0.5


def test_readings_beyond_all_past_ones_are_not_tied_and_missing_ones_say_nothing() -> None:
    rng = np.random.default_rng(5)
    past = _group(rng, 500, 0.0, "past", np.full(500, 4))
    asked = Group(past.keys[:3], past.rows[:3], np.array([[9.0] * 4, [12.0] * 4, [np.nan] * 4]))
    scores = scores_by(past, asked)
    assert (scores[1] > scores[0]).all()
    assert (scores[2] == 0).all()
