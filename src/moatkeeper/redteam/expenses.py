"""What a theft costs: what was asked, through whom, how long it took, and the price list that turns it into money."""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Expenses:
    """What a victim's door has counted so far. ``elapsed_s`` is campaign time, simulated where the clock is.

    ``extra_rows`` were answered and paid for beyond those that an attack got: probes of whether it has been noticed, and
    answers behind a gap that a refusal left.
    """

    requests: int = 0
    refused: int = 0
    tokens: int = 0
    accounts: int = 0
    proxies: int = 0
    elapsed_s: float = 0.0
    extra_rows: int = 0

    @property
    def days(self) -> float:
        """The campaign's length so far."""
        return self.elapsed_s / DAY_S


@dataclass(frozen=True, slots=True)
class PriceList:
    """What a thief pays, in US dollars. The defaults are assumptions with a source, to be replaced by the owner's own.

    ``per_row``: what Amazon's prediction API charged (Tramèr et al. 2016, table 7). Accounts and proxies cost nothing by
    default, which flatters the thief: a farm of them is then free.
    """

    per_row: float = 0.0001
    per_token: float = 0.0
    per_request: float = 0.0
    per_account: float = 0.0
    per_proxy: float = 0.0

    def total(self, rows: int, spent: Expenses) -> float:
        """The whole bill for ``rows`` answered questions, and those that were answered beside them."""
        return (
            self.per_row * (rows + spent.extra_rows)
            + self.per_token * spent.tokens
            + self.per_request * spent.requests
            + self.per_account * spent.accounts
            + self.per_proxy * spent.proxies
        )
