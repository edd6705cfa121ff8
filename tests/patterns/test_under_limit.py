"""Under the limit: little room again and again is seen, now and then it is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.under_limit import UnderLimit
from tests.support.honest import batch_of, honest_batch, honest_rows
from tests.support.readings import explained, profile_of, readings, silent

ROWS = 64


def roomy(rng: np.random.Generator, accounts: int, rows: int = ROWS) -> Batch:
    batch = batch_of([honest_rows(rng, rows) for _ in range(accounts)])
    return replace(batch, room=rng.beta(5, 2, len(batch)))


def test_who_stays_just_below_the_limit_is_seen() -> None:
    rng = np.random.default_rng(1)
    profile = profile_of(UnderLimit(), roomy(rng, 80))
    close = roomy(rng, 10)
    close = replace(close, room=rng.uniform(0, 0.03, len(close)))
    honest = readings(profile, roomy(rng, 200))
    assert readings(profile, close).min() > 3 * honest.max()
    # One full burst is no pattern.
    burst = roomy(rng, 10)
    room = np.array(burst.room)
    room[::ROWS] = 0.0
    assert np.median(readings(profile, replace(burst, room=room))) <= honest.max()


def test_without_a_word_about_room_it_says_nothing() -> None:
    rng = np.random.default_rng(2)
    assert silent(UnderLimit(), honest_batch(40, 10, seed=3))
    batch = roomy(rng, 40)
    assert silent(UnderLimit(), replace(batch, room=np.ones(len(batch))))
    profile = profile_of(UnderLimit(), batch)
    assert np.isnan(readings(profile, honest_batch(1, 10, seed=4))[0])
    assert np.isnan(readings(profile, replace(roomy(rng, 1), room=np.full(ROWS, np.nan)))[0])


def test_it_says_how_many_rows() -> None:
    rng = np.random.default_rng(5)
    profile = profile_of(UnderLimit(), roomy(rng, 80))
    found = explained(profile, replace(roomy(rng, 1), room=np.zeros(ROWS)))
    assert found.startswith("64 of 64 rows left less room under a limit")
