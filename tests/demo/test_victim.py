from __future__ import annotations

import numpy as np

from moatkeeper.demo.credit import Clients
from moatkeeper.demo.victim import LINEAR, TREES, train


def clients(count: int = 400) -> Clients:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(count, 4))
    return Clients(rows, (rows[:, 0] * rows[:, 1] + rows[:, 2] + rng.normal(scale=0.3, size=count) > 1).astype(float))


def test_the_same_clients_make_the_same_models() -> None:
    first, second = train(clients()), train(clients())
    rows = clients(50).rows
    assert set(first) == {TREES, LINEAR}
    for name in first:
        assert first[name].predict_proba(rows).tolist() == second[name].predict_proba(rows).tolist()


def test_the_linear_models_log_odds_are_linear_and_the_trees_are_not() -> None:
    models = train(clients())
    ends = np.random.default_rng(1).normal(size=(2, 40, 4))
    middle = ends.mean(axis=0)

    def bend(name: str) -> float:
        log_odds = [np.log(p[:, 1] / p[:, 0]) for p in map(models[name].predict_proba, (*ends, middle))]
        return float(np.abs((log_odds[0] + log_odds[1]) / 2 - log_odds[2]).max())

    assert bend(LINEAR) < 1e-9
    assert bend(TREES) > 0.1


def test_a_missed_payment_weighs_as_much_as_all_that_were_made() -> None:
    positives = (train(clients(4_000))[TREES].predict_proba(clients(4_000).rows)[:, 1] > 0.5).mean()
    assert positives > clients(4_000).outcomes.mean()
