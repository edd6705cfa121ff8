from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import pytest

from moatkeeper.core.answer import OutputKind
from moatkeeper.core.contract import FULL_OUTPUT
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.redteam.client import Client, PredictClient, Reply
from moatkeeper.redteam.dialects import Dialect, Wire
from moatkeeper.redteam.dialects_rows import row_dialect
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.victims import ROWS_PER_REQUEST, Continued, HttpVictim, LocalVictim, released
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


def test_a_farm_that_has_patience_waits_for_the_first_account_that_is_free_again() -> None:
    server = Refusing(2)
    slept: list[float] = []
    client = cast("Client[FloatArray, FloatArray]", server)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("moatkeeper.redteam.victims.time.sleep", slept.append)
        patched.setattr("moatkeeper.redteam.victims.time.monotonic", lambda: sum(slept))
        answers = HttpVictim(client, ["a"], patience_s=10.0).ask(numbered(3))
    assert answers.tolist() == numbered(3).tolist()
    assert slept == [5.0, 5.0]


@dataclass
class Refusing:
    """Refuses so many times, for five seconds each, and then answers each row with itself."""

    refusals: int
    dialect: Dialect[FloatArray, FloatArray] = field(default_factory=lambda: row_dialect(Wire("tensorflow")))

    def ask(self, rows: FloatArray, key: str) -> Reply[FloatArray]:
        self.refusals -= 1
        return Reply(None, 5.0) if self.refusals >= 0 else Reply(rows)


def test_patience_ends_where_the_wait_is_longer() -> None:
    client = cast("Client[FloatArray, FloatArray]", Refusing(1))
    victim = HttpVictim(client, ["a"], patience_s=4.0)
    assert len(victim.ask(numbered(3))) == 0
    assert victim.spent.refused == 1


def test_whatever_a_model_in_this_process_raises_is_its_failure_and_not_ours() -> None:
    def broken(rows: FloatArray) -> FloatArray:
        raise ZeroDivisionError("no rows today")

    with pytest.raises(UnexpectedAnswer, match="ZeroDivisionError: no rows today"):
        LocalVictim(broken).ask(numbered(1))


def test_a_model_under_a_contract_says_no_more_than_the_gateway_would_let_it() -> None:
    def exact(rows: FloatArray) -> FloatArray:
        return np.array([[0.1234, 0.8766]])

    rounded = released(exact, replace(FULL_OUTPUT, decimals=2), OutputKind.SCORES)
    labels = released(exact, replace(FULL_OUTPUT, label_only=True), OutputKind.SCORES)
    assert rounded(numbered(1)).tolist() == [[0.12, 0.88]]
    assert labels(numbered(1)).tolist() == [[0.0, 1.0]]


def test_a_victim_that_is_asked_further_counts_what_was_spent_before() -> None:
    echo: LocalVictim[FloatArray, FloatArray] = LocalVictim(lambda rows: rows)
    victim = Continued(echo, Expenses(7, 2, 30, 5, 1, 100.0))
    victim.ask(numbered(1))
    assert (victim.spent.requests, victim.spent.refused, victim.spent.accounts) == (8, 2, 5)
    assert victim.spent.elapsed_s >= 100.0
