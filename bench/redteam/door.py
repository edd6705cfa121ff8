"""The simplest way in for a benchmark: one account without limits, whose answers show what one contract lets out."""

from __future__ import annotations

from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.guard.guard import Guard
from moatkeeper.guard.policy import Policy, Tier
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.world import RowModel, World

THIEF = Caller(Account("thief"), "key", "192.0.2.1", Basis.KEY)

CONTRACTS = {
    "exact": FULL_OUTPUT,
    "5 decimals": Contract(decimals=5),
    "3 decimals": Contract(decimals=3),
    "2 decimals": Contract(),
    "1 decimal": Contract(decimals=1),
    "label only": Contract(label_only=True),
}
"""What the answers show; two decimals are the default of the product."""


class Door:
    """A victim of rows under one contract, answered by the real engine."""

    def __init__(self, model: RowModel, contract: Contract) -> None:
        policy = Policy({"default": Tier("default", contract=contract)}, shadow=False)
        self._world = World(model, Guard(policy, LeastOutput()))
        self._requests = 0

    @property
    def spent(self) -> Expenses:
        """Requests so far; one account, no time passes."""
        return Expenses(requests=self._requests, accounts=1)

    def ask(self, rows: FloatArray) -> FloatArray:
        """Answers (n, k) as the contract lets them out."""
        self._requests += 1
        answers = self._world.ask(THIEF, rows).answers
        if answers is None:
            raise RuntimeError("an account without limits was refused")
        return answers
