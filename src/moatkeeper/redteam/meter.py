"""The meter: the only door between an attack and its victim, which counts, stops at the budget, and keeps the receipts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic

from moatkeeper.errors import MoatkeeperError
from moatkeeper.redteam.base import A, Q, Victim
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.trade import Trade

Receipt = tuple[bytes, int]
"""A question's key, and how many times this run had asked it before: asking again is paid again."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """One answered question, and what the campaign had spent once it was answered."""

    receipt: Receipt
    answer: object
    spent: Expenses


def _keep_nothing(purchases: Sequence[Purchase]) -> None:
    """Where nobody wants the receipts."""


@dataclass(slots=True)
class Purchases:
    """All that a campaign has bought. A run that asks the same again, on a later rung or after a resumption, gets it from here.

    ``keep`` is handed every batch as soon as it is answered, before the attack sees it. ``portion`` is how many questions
    are put to the victim at once; smaller: less is lost when it fails or the run is killed in between.
    """

    bought: dict[Receipt, Purchase] = field(default_factory=dict)
    keep: Callable[[Sequence[Purchase]], None] = _keep_nothing
    portion: int = 2**62  # all of an attack's batch
    ended: str = ""  # why the victim will not be asked again; empty while it may

    @property
    def first(self) -> object:
        """The first answer of the campaign, which later ones have to resemble; None before it."""
        return next((purchase.answer for purchase in self.bought.values()), None)

    def add(self, batch: Sequence[Purchase]) -> None:
        """Takes down what was answered."""
        self.keep(batch)
        self.bought.update((purchase.receipt, purchase) for purchase in batch)


class Meter(Generic[Q, A]):
    """One run's door. The budget is hard: a question beyond it is not passed on, and the attack gets a shorter answer."""

    def __init__(self, victim: Victim[Q, A], budget: int, trade: Trade[Q, A], purchases: Purchases) -> None:
        self._victim = victim
        self._budget = budget
        self._trade = trade
        self._purchases = purchases
        self._times: Counter[bytes] = Counter()
        self._queries = 0
        self._unanswered = 0
        self._spent = Expenses()
        self._shut = False

    @property
    def queries(self) -> int:
        """Answered questions of this run, repeats included."""
        return self._queries

    @property
    def unanswered(self) -> int:
        """Questions within the budget that got no answer."""
        return self._unanswered

    @property
    def spent(self) -> Expenses:
        """What the campaign had spent when this run got its last answer or refusal."""
        return self._spent

    @property
    def asked(self) -> frozenset[bytes]:
        """The keys of the answered questions."""
        return frozenset(self._times)

    def ask(self, questions: Q) -> A:
        """The answers of the first m questions; m < n where the victim refused or failed, or the budget ended."""
        if self._shut:
            raise MoatkeeperError("the victim was asked after the attack had ended")
        keys = self._trade.keys(questions)[: max(0, self._budget - self._queries)]
        ahead: Counter[bytes] = Counter()
        receipts = []
        for key in keys:
            receipts.append((key, self._times[key] + ahead[key]))
            ahead[key] += 1
        missing = [index for index, receipt in enumerate(receipts) if receipt not in self._purchases.bought]
        refused = bool(missing) and not self._buy(questions, receipts, missing)
        answered = self._collect(receipts)
        self._unanswered += len(keys) - len(answered)
        if refused:
            self._spent = self._victim.spent
        return self._trade.join(answered)

    def shut(self) -> None:
        """Ends the asking for good."""
        self._shut = True

    def _collect(self, receipts: Sequence[Receipt]) -> list[object]:
        answers: list[object] = []
        for receipt in receipts:
            purchase = self._purchases.bought.get(receipt)
            if purchase is None:
                break
            answers.append(purchase.answer)
            self._times[receipt[0]] += 1
            self._spent = purchase.spent
        self._queries += len(answers)
        return answers

    def _buy(self, questions: Q, receipts: Sequence[Receipt], missing: Sequence[int]) -> bool:
        """Whether all that was missing has been bought."""
        portion = self._purchases.portion
        starts = range(0, len(missing), portion)
        return all(self._buy_at_once(questions, receipts, missing[start : start + portion]) for start in starts)

    def _buy_at_once(self, questions: Q, receipts: Sequence[Receipt], missing: Sequence[int]) -> bool:
        if self._purchases.ended:
            return False
        try:
            answers = self._victim.ask(self._trade.take(questions, missing))
        except MoatkeeperError as error:
            self._purchases.ended = error.message
            return False
        fault = self._trade.fault(answers, self._purchases.first)
        if fault:
            self._purchases.ended = f"the victim gave {fault}"
            return False
        spent = self._victim.spent
        single = self._trade.split(answers)
        self._purchases.add([Purchase(receipts[index], answer, spent) for index, answer in zip(missing, single, strict=False)])
        return len(single) >= len(missing)
