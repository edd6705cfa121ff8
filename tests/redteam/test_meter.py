from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.meter import Meter, Purchase, Purchases
from moatkeeper.redteam.trade import ROWS


@dataclass
class Echo:
    """Answers each row with itself and a running number, at most ``allowance`` of them."""

    allowance: int = 10**9
    asked: list[list[float]] = field(default_factory=list)

    @property
    def spent(self) -> Expenses:
        return Expenses(requests=len(self.asked))

    def ask(self, rows: FloatArray) -> FloatArray:
        answered = rows[: self.allowance]
        self.allowance -= len(answered)
        numbers = np.arange(len(self.asked), len(self.asked) + len(answered), dtype=float)
        self.asked.extend(answered.tolist())
        return np.column_stack([answered, numbers]) if len(answered) else np.empty((0, 0))


def numbered(*numbers: int) -> FloatArray:
    return np.array([[float(number)] for number in numbers]).reshape(-1, 1)


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 30), st.integers(0, 30))
def test_a_meter_never_buys_more_than_the_budget_and_gives_a_prefix_of_what_was_asked(
    asked: list[int], budget: int, allowance: int
) -> None:
    victim = Echo(allowance)
    meter = Meter(victim, budget, ROWS, Purchases())
    for part in np.array_split(numbered(*asked), 3):
        answers = meter.ask(part)
        assert answers[:, :1].tolist() == part[: len(answers)].tolist() or not len(answers)
    assert meter.queries == len(victim.asked) <= min(budget, allowance)
    assert meter.queries + meter.unanswered <= max(budget, len(asked))


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(0, 30))
def test_a_second_run_gets_the_same_answers_without_asking(asked: list[int], budget: int) -> None:
    purchases, victim = Purchases(), Echo()
    first = Meter(victim, budget, ROWS, purchases).ask(numbered(*asked))
    count = len(victim.asked)
    second = Meter(victim, budget, ROWS, purchases).ask(numbered(*asked))
    assert (second.tolist(), len(victim.asked)) == (first.tolist(), count)


def test_asking_the_same_again_is_paid_again_and_may_be_answered_otherwise() -> None:
    victim = Echo()
    meter = Meter(victim, 10, ROWS, Purchases())
    answers = np.concatenate([meter.ask(numbered(5, 5)), meter.ask(numbered(5))])
    assert answers.tolist() == [[5, 0], [5, 1], [5, 2]]
    assert meter.queries == 3


def test_every_batch_is_kept_before_the_attack_sees_it() -> None:
    kept: list[Purchase] = []
    meter = Meter(Echo(), 3, ROWS, Purchases(keep=kept.extend))
    meter.ask(numbered(1, 2))
    assert [purchase.spent.requests for purchase in kept] == [2, 2]
    meter.ask(numbered(3, 4))
    assert [purchase.receipt for purchase in kept] == [(numbered(n).tobytes(), 0) for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.array([[np.nan, 1.0]]), "NaN"),
        (np.array([[1.0, 2.0, 3.0]]), "classes have changed"),
        (np.array([1.0]), "shape"),
    ],
)
def test_nonsense_ends_the_asking_and_is_not_bought(wrong: FloatArray, said: str) -> None:
    class Turns(Echo):
        def ask(self, rows: FloatArray) -> FloatArray:
            return wrong if self.asked else super().ask(rows)

    purchases = Purchases()
    meter = Meter(Turns(), 10, ROWS, purchases)
    assert len(meter.ask(numbered(1))) == 1
    assert len(meter.ask(numbered(2))) == 0
    assert said in purchases.ended
    assert (meter.queries, meter.unanswered, len(purchases.bought)) == (1, 1, 1)


def test_a_shut_meter_answers_nobody() -> None:
    meter = Meter(Echo(), 10, ROWS, Purchases())
    meter.shut()
    with pytest.raises(MoatkeeperError, match="after the attack had ended"):
        meter.ask(numbered(1))


def test_a_batch_is_bought_in_portions_and_those_before_a_failure_are_kept() -> None:
    class Dying(Echo):
        def ask(self, rows: FloatArray) -> FloatArray:
            if len(self.asked) >= 4:
                raise MoatkeeperError("gone")
            return Echo.ask(self, rows)

    kept: list[int] = []
    purchases = Purchases(keep=lambda batch: kept.append(len(batch)), portion=2)
    answers = Meter(Dying(), 9, ROWS, purchases).ask(numbered(*range(9)))
    assert answers[:, 0].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert kept == [2, 2]
    assert purchases.ended == "gone"
