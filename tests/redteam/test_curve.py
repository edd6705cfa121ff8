from __future__ import annotations

from moatkeeper.redteam.curve import Curve, interval
from moatkeeper.redteam.expenses import DAY_S, Expenses, PriceList
from moatkeeper.redteam.harness import Score


def score(budget: int, fidelity: float) -> Score:
    return Score(budget, budget, 0, Expenses(requests=budget, accounts=2, elapsed_s=budget * DAY_S), {"fidelity": fidelity})


def curve() -> Curve:
    one = (score(10, 0.7), score(100, 0.91), score(1000, 0.96))
    other = (score(10, 0.8), score(100, 0.85), score(1000, 0.9))
    return Curve("retrain", "bare", (one, other), PriceList(per_row=0.01, per_account=5.0))


def test_the_price_of_a_level_is_that_of_the_first_rung_that_had_it() -> None:
    first, second = curve().reached(0.9)
    assert first is not None
    assert second is not None
    assert (first.queries, first.money, first.days, first.accounts) == (100, 11.0, 100.0, 2)
    assert second.queries == 1000


def test_a_level_that_the_budget_did_not_buy_has_no_price() -> None:
    first, second = curve().reached(0.95)
    assert first is not None
    assert second is None


def test_an_interval_holds_its_mean_and_one_seed_has_none() -> None:
    figure = curve().figure("fidelity", -1)
    assert figure.low <= figure.mean <= figure.high
    assert (figure.low, figure.high, figure.seeds) == (0.9, 0.96, 2)
    assert interval([0.5]).low == interval([0.5]).high == 0.5
