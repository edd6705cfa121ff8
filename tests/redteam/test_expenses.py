from __future__ import annotations

from moatkeeper.redteam.expenses import Expenses, PriceList


def test_a_bill_by_hand() -> None:
    spent = Expenses(requests=10, refused=3, tokens=1_000, accounts=4, proxies=2, elapsed_s=43_200)
    prices = PriceList(per_row=0.01, per_token=0.001, per_request=0.1, per_account=5, per_proxy=2)
    assert prices.total(100, spent) == 1 + 1 + 1 + 20 + 4
    assert spent.days == 0.5


def test_refusals_and_time_cost_nothing_by_themselves() -> None:
    assert PriceList().total(0, Expenses(refused=9, elapsed_s=1e6)) == 0
