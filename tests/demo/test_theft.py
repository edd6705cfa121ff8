from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.demo.credit import Clients
from moatkeeper.demo.theft import Campaign, Prize, Thief, judge_of, steal
from moatkeeper.redteam.client import PredictClient
from moatkeeper.redteam.knowledge import knowledge_of
from tests.support.predictions import Answering, predicting

POOL = np.random.default_rng(1).normal(size=(300, 3))


def model(rows: FloatArray, key: str = "") -> FloatArray:
    positive = 1 / (1 + np.exp(-rows.sum(axis=1)))
    return np.column_stack([1 - positive, positive])


class Limited:
    """The model with an allowance of 100 rows for each key."""

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()
        self.refusals = 0

    def __call__(self, rows: FloatArray, key: str) -> FloatArray | None:
        if self.used[key] + len(rows) > 100:
            self.refusals += 1
            return None
        self.used[key] += len(rows)
        return model(rows)


def stolen(victim: Answering, keys: tuple[str, ...]) -> Campaign:
    held_out = np.random.default_rng(2).normal(size=(200, 3))
    with predicting(model) as truth, PredictClient(truth, "credit") as client, predicting(victim) as url:
        prize = Prize("credit", "equations", judge_of(client, Clients(held_out, np.zeros(200)), seed=0))
        thief = Thief("thief", "thief", url, (keys,), 100 * len(keys))
        return steal(thief, prize, knowledge_of(POOL, 2), (4, 100, 250), (0,), lambda: None)


def test_a_thief_that_nobody_limits_is_answered_in_full_and_copies_the_model() -> None:
    campaign = stolen(model, ("",))
    assert [score.queries for score in campaign.scores[0]] == [4, 100, 250]
    assert campaign.fidelity == 1.0
    assert campaign.price_usd == pytest.approx(0.025)


def test_one_account_stops_at_its_limit_and_is_not_heard_of_again() -> None:
    victim = Limited()
    campaign = stolen(victim, ("one",))
    assert [(score.queries, score.in_full) for score in campaign.scores[0]] == [(4, True), (100, True), (100, False)]
    assert victim.refusals == 1


def test_a_farm_of_accounts_gets_what_one_account_does_not() -> None:
    campaign = stolen(Limited(), ("one", "two", "three"))
    assert [score.queries for score in campaign.scores[0]] == [4, 100, 250]


@pytest.mark.parametrize(("rows", "hours"), [(1, 0), (100, 0), (101, 1), (200, 1), (5_000, 49)])
def test_waiting_is_computed_from_the_limit(rows: int, hours: int) -> None:
    assert Campaign(Thief("one", "one", "", (), 100), ()).hours_for(rows) == hours


def test_a_thief_without_a_limit_does_not_wait() -> None:
    assert Campaign(Thief("bare", "bare", "", (), None), ()).hours_for(10**6) == 0
