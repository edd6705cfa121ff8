from __future__ import annotations

from collections.abc import Callable

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.demo.customers import CUSTOMERS, LATENCY_PROBES, Experience, compare
from moatkeeper.redteam.client import PredictClient

Answering = Callable[[FloatArray, str], FloatArray | None]
Serve = Callable[[Answering], str]
KEYS = {customer.name: f"key-{customer.name}" for customer in CUSTOMERS}
ROWS = np.random.default_rng(0).normal(size=(sum(customer.rows for customer in CUSTOMERS) + LATENCY_PROBES, 2))


def model(rows: FloatArray, key: str) -> FloatArray:
    positive = 1 / (1 + np.exp(-rows[:, 0]))
    return np.column_stack([1 - positive, positive])


def experience(serve: Serve, guarded: Answering) -> Experience:
    with PredictClient(serve(model), "credit") as bare, PredictClient(serve(guarded), "credit") as through:
        return compare(bare, through, KEYS, ROWS)


def test_customers_notice_nothing_of_a_guard_that_changes_nothing(serve: Serve) -> None:
    found = experience(serve, model)
    assert (found.accounts, found.rows, found.answered) == (5, 2_695, 2_695)
    assert (found.refused, found.labels_changed, found.mean_difference, found.largest_difference) == (0, 0, 0.0, 0.0)


def test_a_guard_that_turns_one_customers_decisions_is_found_out(serve: Serve) -> None:
    def turned(rows: FloatArray, key: str) -> FloatArray:
        scores = model(rows, key)
        return scores[:, ::-1] if key == "key-corner-shop" else scores

    assert experience(serve, turned).labels_changed == 40


def test_refused_rows_are_counted_and_not_compared(serve: Serve) -> None:
    found = experience(serve, lambda rows, key: None if key == "key-credit-union" else model(rows, key))
    assert (found.refused, found.answered, found.labels_changed) == (60, 2_635, 0)


def test_differences_are_of_the_probability_by_hand(serve: Serve) -> None:
    def nudged(rows: FloatArray, key: str) -> FloatArray:
        return model(rows, key) + (np.array([-0.25, 0.25]) if key == "key-online-bank" else 0.0)

    found = experience(serve, nudged)
    np.testing.assert_allclose(found.largest_difference, 0.25)
    np.testing.assert_allclose(found.mean_difference, 0.25 * 600 / 2_695)
