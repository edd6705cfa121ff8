"""What a thief has to spend, and the bill that he has run up: money, days and accounts are hard limits."""

from __future__ import annotations

from dataclasses import dataclass, field

from moatkeeper.core.caller import Caller
from moatkeeper.redteam.expenses import Expenses, PriceList

ROUNDING = 1 + 1e-9
"""A sum of many prices may stray by so much from the same sum on paper."""


@dataclass(frozen=True, slots=True)
class Means:
    """The budget of one thief. Nothing is bought that would cost more than ``money`` in all, or come after ``days``."""

    money: float
    days: float
    accounts: int


@dataclass(slots=True)
class Purse:
    """One thief's bill, kept by the house and not by the thief: it sees every request before the guard does."""

    means: Means
    prices: PriceList
    began: float  # UTC seconds
    rows: int = 0
    requests: int = 0
    refused: int = 0
    accounts: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    now: float = 0.0
    empty: str = ""  # what there is no more of; nothing further is bought

    @property
    def spent(self) -> Expenses:
        """What has been asked so far, refusals included; every network address counts as a proxy."""
        return Expenses(
            requests=self.requests,
            refused=self.refused,
            accounts=len(self.accounts),
            proxies=len(self.addresses),
            elapsed_s=max(0.0, self.now - self.began),
        )

    @property
    def money(self) -> float:
        """The bill so far."""
        return self.prices.total(self.rows, self.spent)

    def affords(self, caller: Caller, rows: int) -> bool:
        """Whether one more request of so many rows can be paid, should it be answered; False for ever after the first time."""
        account, address = caller.account.id, caller.address
        new_account = account not in self.accounts
        if new_account and len(self.accounts) >= self.means.accounts:
            self.empty = self.empty or "the accounts are used up"
        new_proxy = address not in self.addresses
        more = self.prices.per_request + self.prices.per_row * rows
        more += self.prices.per_account * new_account + self.prices.per_proxy * new_proxy
        if self.money + more > self.means.money * ROUNDING:
            self.empty = self.empty or "the money is spent"
        return not self.empty

    def book(self, caller: Caller, rows: int, now: float, *, answered: bool) -> None:
        """Takes one request down; refused rows cost nothing."""
        self.requests += 1
        self.accounts.add(caller.account.id)
        self.addresses.add(caller.address)
        self.now = now
        if answered:
            self.rows += rows
        else:
            self.refused += 1
