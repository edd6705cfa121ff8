from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.client import PredictClient
from moatkeeper.redteam.victims import ROWS_PER_REQUEST, HttpVictim
from tests.support.predictions import predicting


class Allowances:
    """Answers each row with its own values, while the key's allowance of rows lasts."""

    def __init__(self, **rows: int) -> None:
        self.left = rows
        self.asked: list[str] = []

    def __call__(self, rows: FloatArray, key: str) -> FloatArray | None:
        self.asked.append(key)
        if self.left[key] < len(rows):
            return None
        self.left[key] -= len(rows)
        return rows


def numbered(count: int) -> FloatArray:
    return np.arange(2.0 * count).reshape(count, 2)


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_REQUEST, ROWS_PER_REQUEST + 1, 170])
def test_every_row_is_answered_in_its_place(count: int) -> None:
    with predicting(Allowances(a=1_000)) as url, PredictClient(url, "credit") as client:
        answers = HttpVictim(client, ["a"]).ask(numbered(count))
    assert answers.tolist() == numbered(count).tolist()


def test_a_refused_account_is_not_asked_again_before_its_time() -> None:
    server = Allowances(a=100)
    with predicting(server) as url, PredictClient(url, "credit") as client:
        victim = HttpVictim(client, ["a"])
        assert len(victim.ask(numbered(170))) == 100
        assert len(victim.ask(numbered(50))) == 0
        assert victim.spent.refused == 1
    assert server.asked == ["a"] * 3
    assert (victim.spent.requests, victim.spent.accounts) == (3, 1)


def test_a_farm_goes_on_with_the_next_account_where_one_is_refused() -> None:
    server = Allowances(a=100, b=0, c=100)
    with predicting(server) as url, PredictClient(url, "credit") as client:
        victim = HttpVictim(client, ["a", "b", "c"])
        answers = victim.ask(numbered(230))
    assert answers.tolist() == numbered(200).tolist()
    assert victim.spent.refused == 3
    assert server.asked == ["a", "a", "a", "b", "c", "c", "c"]
