"""Cases: what is known of one account at one model, from its first row to its last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from moatkeeper.core.exchange import Exchange
from moatkeeper.patterns.profile import AccountStates


class Looked(NamedTuple):
    """One look that was taken: after how many rows, when, with what p-value and what evidence, and the readings by detector."""

    rows: int
    at: float
    p_value: float
    evidence: float
    readings: tuple[float, ...]


@dataclass(slots=True)
class Case:
    """The sketches of one account at one model (first axis 1), the rows in them, and the looks that were taken at them.

    ``calibration`` names what the sketches were made with. After a new one an account begins anew and keeps its evidence,
    but no checkpoint counts twice and all weights together never exceed 1 (``spent``): the bound is for the account's life.
    So there is at most one look a checkpoint, and all are by one calibration.
    """

    calibration: str
    states: AccountStates
    rows: int = 0
    evidence: float = 0.0
    spent: float = 0.0  # weight of the checkpoints that gave evidence
    passed: int = 0  # rows of the last of them
    looks: tuple[Looked, ...] = ()


class Cases(Protocol):
    """Where cases are kept, by model and account."""

    def case(self, model: str, account: str) -> Case | None:
        """The case; None where the account has not been seen at this model."""
        ...

    def keep(self, model: str, account: str, case: Case) -> None:
        """Takes a case in, in place of an older one of the same account."""
        ...

    def evidence(self, account: str) -> dict[str, float]:
        """The evidence against an account by model."""
        ...


class CasesInMemory:
    """Cases in a dictionary: for replay, the red team and tests. A gateway keeps them in its store."""

    def __init__(self) -> None:
        self._cases: dict[str, dict[str, Case]] = {}  # by account, then model

    def __len__(self) -> int:
        return len(self._cases)

    def case(self, model: str, account: str) -> Case | None:
        """The case; None where the account has not been seen at this model."""
        return self._cases.get(account, {}).get(model)

    def keep(self, model: str, account: str, case: Case) -> None:
        """Takes a case in, in place of an older one of the same account."""
        self._cases.setdefault(account, {})[model] = case

    def evidence(self, account: str) -> dict[str, float]:
        """The evidence against an account by model."""
        return {model: case.evidence for model, case in self._cases.get(account, {}).items()}


@dataclass(slots=True)
class Watching:
    """What a memory keeps for the detectors: the cases, and the exchanges that wait to be looked at together.

    ``actors`` gives the actor of every account that a person tied to others, and nothing for those that stand alone.
    """

    cases: Cases = field(default_factory=CasesInMemory)
    waiting: list[Exchange] = field(default_factory=list)
    rows: int = 0  # of all that wait
    since: float = 0.0  # when the first of them was asked
    actors: Mapping[str, str] = field(default_factory=dict)
