"""What a theft is: a victim that answers rows, an attack that spends a budget on it, and the loot that it carries off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from moatkeeper.core.query import FloatArray


class Victim(Protocol):
    """A model behind an API, as a thief sees it."""

    @property
    def refused(self) -> int:
        """Requests that were refused so far."""
        ...

    def ask(self, rows: FloatArray) -> FloatArray:
        """Class scores (m, k) of the first m of n rows of shape (n, d); m < n where the rest was refused."""
        ...


class Surrogate(Protocol):
    """A copy of a model, or what a thief takes for one."""

    def scores(self, rows: FloatArray) -> FloatArray:
        """Class scores, shape (n, k), for rows of shape (n, d); the largest is the copy's decision."""
        ...


@dataclass(frozen=True, slots=True)
class Loot:
    """What an attack says it brought home. ``queries`` and ``refused`` are its claims; the harness counts for itself."""

    surrogate: Surrogate
    queries: int
    refused: int


class Attack(Protocol):
    """One way to copy a model. It never learns how well it did: the harness keeps score."""

    @property
    def name(self) -> str:
        """The name in the registry and in reports."""
        ...

    def run(self, victim: Victim, budget: int, rng: np.random.Generator) -> Loot:
        """The copy made from at most ``budget`` answered rows. With an equal ``rng``, a smaller budget asks for a prefix of
        the rows that a larger one asks for, so that one campaign can be scored on its way."""
        ...
