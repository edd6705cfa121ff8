"""What an output policy does: turn the model's true answer into the one that goes out."""

from __future__ import annotations

from typing import Protocol

from moatkeeper.core.answer import Answer
from moatkeeper.core.contract import Contract


class OutputPolicy(Protocol):
    """Makes an answer less revealing. Deterministic: asking again yields nothing new."""

    @property
    def name(self) -> str:
        """The name in the registry and in the ledger."""
        ...

    def release(self, answer: Answer, contract: Contract) -> Answer:
        """The answer as it may go out: never another top label, never another order, never a new output."""
        ...
