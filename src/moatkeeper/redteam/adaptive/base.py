"""What a tactic is: a way to run any attack against a defence that is known, without a question beyond the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Attack, Loot, Q, S, Victim


class Tactic(Protocol[Q]):
    """Gives an attack a door of its own, which asks the real one. What it counts is what the real one is asked."""

    @property
    def name(self) -> str:
        """The name in the registry, and after a plus sign in that of the attack."""
        ...

    def run(
        self, attack: Attack[Q, FloatArray, S], victim: Victim[Q, FloatArray], budget: int, rng: np.random.Generator
    ) -> Loot[S]:
        """What the attack brings home by this tactic; at most ``budget`` questions reach ``victim``, repeats included.

        Keeps the laws of an attack: among them that a smaller budget asks a prefix of what a larger one asks for.
        """
        ...


@dataclass(frozen=True)  # without slots, which Python 3.11 cannot combine with a subscripted generic
class Adaptive(Generic[Q, S]):
    """An attack with a tactic around it: an attack like any other, to be measured, or wrapped again."""

    attack: Attack[Q, FloatArray, S]
    tactic: Tactic[Q]

    @property
    def name(self) -> str:
        """The attack's name, a plus sign, the tactic's."""
        return f"{self.attack.name}+{self.tactic.name}"

    def run(self, victim: Victim[Q, FloatArray], budget: int, rng: np.random.Generator) -> Loot[S]:
        """What the attack brings home by the tactic."""
        return self.tactic.run(self.attack, victim, budget, rng)


def wrap(attack: Attack[Q, FloatArray, S], tactics: Sequence[Tactic[Q]]) -> Attack[Q, FloatArray, S]:
    """The attack inside all ``tactics``; the first is next to the attack, the last next to the victim."""
    for tactic in tactics:
        attack = Adaptive(attack, tactic)
    return attack


def own_chance(rng: np.random.Generator) -> np.random.Generator:
    """A generator for the tactic, which leaves the attack's own as it was: with and without the tactic it asks the same."""
    return rng.spawn(1)[0]
