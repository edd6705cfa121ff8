"""Screening: thieves among the honest accounts are told apart, and what they would have gained is shown."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.screening import suspects
from tests.support.honest import batch_of, honest_batch, honest_rows, thief_rows

ROWS = 64
HONEST, POISONERS = 1_000, 12


def poisoned() -> Batch:
    """A shadow period in which twelve accounts of a thief call as well."""
    rng = np.random.default_rng(9)
    honest = [honest_rows(rng, ROWS) for _ in range(HONEST)]
    return batch_of(honest + [thief_rows(rng, ROWS) for _ in range(POISONERS)], "customer")


def best_p_value(calibration: Calibration, seed: int = 10) -> float:
    thief = batch_of([thief_rows(np.random.default_rng(seed), ROWS)], "thief")
    found = []
    for reached in readings_at_checkpoints(calibration.profile, thief):
        checkpoint = calibration.at(reached.rows)
        if checkpoint is not None:
            found.append(float(checkpoint.look(reached.readings).p_values[0]))
    return min(found)


def test_thieves_in_the_shadow_period_hide_later_ones_until_they_are_left_out() -> None:
    traffic = poisoned()
    trusting = Calibration.fit("model", traffic)
    careful, found = Calibration.screened("model", traffic)
    thieves = {f"customer-{HONEST + number}" for number in range(POISONERS)}
    assert thieves <= found.keys()
    assert len(found.keys() - thieves) <= HONEST * 0.005
    assert careful.left_out == len(found)
    clean = best_p_value(Calibration.fit("model", honest_batch(HONEST, ROWS, seed=9)))
    assert best_p_value(trusting) > 3 * clean
    assert best_p_value(careful) <= 1.5 * clean


def test_only_accounts_that_were_there_are_counted_as_left_out() -> None:
    traffic = honest_batch(200, 16, seed=13)
    named = Calibration.fit("model", traffic, without=frozenset({traffic.names[0], "never seen"}))
    assert (named.accounts, named.left_out) == (199, 1)


def test_honest_traffic_has_hardly_a_suspect() -> None:
    traffic = honest_batch(HONEST, ROWS, seed=12)
    assert len(Calibration.fit("model", traffic).suspects(traffic)) <= HONEST * 0.005


@given(st.lists(st.floats(0, 1e6), max_size=200))
def test_suspects_are_the_strangest_and_scores_without_spread_have_none(scores: list[float]) -> None:
    found = suspects(8, np.arange(len(scores)), np.array(scores))
    named = {one.account for one in found}
    rest = [score for number, score in enumerate(scores) if number not in named]
    assert all(one.score > max(rest, default=0.0) or one.score in rest for one in found)
    assert suspects(8, np.arange(len(scores)), np.zeros(len(scores))) == []
