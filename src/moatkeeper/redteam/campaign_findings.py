"""What was measured in a campaign before one guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moatkeeper.core.judgement import Standing
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.harm import Harm
from moatkeeper.redteam.harness import Score
from moatkeeper.redteam.plan import Thief


@dataclass(frozen=True, slots=True)
class Notice:
    """A standing changed: whose, when, and to what. ``party`` is a thief's name or a kind of honest customer."""

    day: float
    account: str
    party: str
    hostile: bool
    before: Standing
    after: Standing


@dataclass(frozen=True, slots=True)
class Refusals:
    """What the guard refused, or in shadow mode would have, by the code of the reason."""

    requests: Mapping[str, int]
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Theft:
    """What became of one thief. ``rows`` is the house's own count of what he was answered, ``spent`` of what he did for it."""

    thief: Thief
    scores: tuple[Score, ...]
    rows: int
    spent: Expenses
    money: float
    ended: str
    refusals: Refusals
    first_refusal_day: float | None


@dataclass(frozen=True, slots=True)
class Campaign:
    """Everything that was measured before one guard."""

    guard: str
    days: float
    thefts: tuple[Theft, ...]
    without_api: Score
    harm: Harm
    harm_by_kind: Mapping[str, Harm]
    harm_by_tier: Mapping[str, Harm]
    honest_refusals: Refusals
    notices: tuple[Notice, ...]
    admitted_rows: Mapping[str, int]  # by account, the guard's word
    whole: bool  # False where it was interrupted

    @property
    def requests(self) -> int:
        """Everybody's."""
        return self.harm.requests + sum(theft.spent.requests for theft in self.thefts)
