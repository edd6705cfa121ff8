from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.demo.customers import CUSTOMERS, LATENCY_PROBES, Experience, compare
from moatkeeper.redteam.client import PredictClient
from tests.support.predictions import Answering, predicting

KEYS = {customer.name: f"key-{customer.name}" for customer in CUSTOMERS}
ROWS = np.random.default_rng(0).normal(size=(sum(customer.rows for customer in CUSTOMERS) + LATENCY_PROBES, 2))


def model(rows: FloatArray, key: str) -> FloatArray:
    positive = 1 / (1 + np.exp(-rows[:, 0]))
    return np.column_stack([1 - positive, positive])


def experience(guarded: Answering) -> Experience:
    with (
        predicting(model) as bare_url,
        predicting(guarded) as guarded_url,
        PredictClient(bare_url, "credit") as bare,
        PredictClient(guarded_url, "credit") as through,
    ):
        return compare(bare, through, KEYS, ROWS)


def test_customers_notice_nothing_of_a_guard_that_changes_nothing() -> None:
    found = experience(model)
    assert (found.accounts, found.rows, found.answered) == (5, 2_695, 2_695)
    assert (found.refused, found.labels_changed, found.mean_difference, found.largest_difference) == (0, 0, 0.0, 0.0)


def test_a_guard_that_turns_one_customers_decisions_is_found_out() -> None:
    def turned(rows: FloatArray, key: str) -> FloatArray:
        scores = model(rows, key)
        return scores[:, ::-1] if key == "key-corner-shop" else scores

    assert experience(turned).labels_changed == 40


def test_refused_rows_are_counted_and_not_compared() -> None:
    found = experience(lambda rows, key: None if key == "key-credit-union" else model(rows, key))
    assert (found.refused, found.answered, found.labels_changed) == (60, 2_635, 0)


def test_differences_are_of_the_probability_by_hand() -> None:
    def nudged(rows: FloatArray, key: str) -> FloatArray:
        return model(rows, key) + (np.array([-0.25, 0.25]) if key == "key-online-bank" else 0.0)

    found = experience(nudged)
    np.testing.assert_allclose(found.largest_difference, 0.25)
    np.testing.assert_allclose(found.mean_difference, 0.25 * 600 / 2_695)
