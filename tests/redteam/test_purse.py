from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.redteam.expenses import PriceList
from moatkeeper.redteam.purse import Means, Purse

PRICES = PriceList(per_row=0.1, per_request=0.5, per_account=2.0, per_proxy=1.0)


def caller(account: str = "a", address: str = "192.0.2.1") -> Caller:
    return Caller(Account(account), f"key-{account}", address, Basis.KEY)


def test_the_bill_is_what_the_price_list_says() -> None:
    purse = Purse(Means(100.0, 1.0, 9), PRICES, began=1_000.0)
    assert purse.affords(caller(), 10)
    purse.book(caller(), 10, 4_600.0, answered=True)
    purse.book(caller(), 5, 8_200.0, answered=False)
    assert purse.money == pytest.approx(10 * 0.1 + 2 * 0.5 + 2.0 + 1.0)
    assert (purse.rows, purse.spent.refused, purse.spent.accounts, purse.spent.proxies) == (10, 1, 1, 1)
    assert purse.spent.elapsed_s == 7_200.0


@given(
    money=st.floats(0, 50),
    asked=st.lists(st.tuples(st.integers(1, 50), st.integers(0, 4), st.integers(0, 4), st.booleans()), max_size=40),
)
def test_nothing_is_bought_beyond_the_money_or_the_accounts(money: float, asked: list[tuple[int, int, int, bool]]) -> None:
    purse = Purse(Means(money, 1.0, 3), PRICES, began=0.0)
    for rows, account, address, answered in asked:
        who = caller(str(account), f"192.0.2.{address}")
        if purse.affords(who, rows):
            purse.book(who, rows, 1.0, answered=answered)
        assert purse.money <= money * (1 + 1e-6)
        assert len(purse.accounts) <= 3


def test_the_last_cent_may_be_spent_and_then_nothing_is_bought_for_ever() -> None:
    purse = Purse(Means(0.3, 1.0, 1), PriceList(per_row=0.1), began=0.0)
    assert purse.affords(caller(), 3)
    purse.book(caller(), 3, 1.0, answered=True)
    assert not purse.affords(caller(), 1)
    assert purse.empty == "the money is spent"
    assert not purse.affords(caller(), 0)


def test_one_account_more_than_there_are_is_refused() -> None:
    purse = Purse(Means(10.0, 1.0, 1), PriceList(), began=0.0)
    purse.book(caller("a"), 1, 1.0, answered=True)
    assert not purse.affords(caller("b"), 1)
    assert purse.empty == "the accounts are used up"
