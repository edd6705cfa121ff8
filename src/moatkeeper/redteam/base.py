"""What a theft is: a victim that answers, an attack that spends a budget on it, and the loot that it carries off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.expenses import Expenses

Q = TypeVar("Q")
A = TypeVar("A")
S = TypeVar("S")
Q_contra = TypeVar("Q_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)
Q_co = TypeVar("Q_co", covariant=True)
A_contra = TypeVar("A_contra", contravariant=True)
S_co = TypeVar("S_co", covariant=True)
S_contra = TypeVar("S_contra", contravariant=True)


class Victim(Protocol[Q_contra, A_co]):
    """A model behind an API, as a thief sees it. ``Q`` is an ordered batch of questions, ``A`` their answers in order."""

    @property
    def spent(self) -> Expenses:
        """What asking has cost so far, refusals included."""
        ...

    def ask(self, questions: Q_contra) -> A_co:
        """The answers of the first m of n questions; m < n where the rest was refused, now and for good.

        Raises MoatkeeperError where the victim fails; the harness then ends the asking, and the attack gets nothing more.
        """
        ...


class Attack(Protocol[Q_co, A_contra, S_co]):
    """One way to copy a model. It never learns how well it did: the harness keeps score."""

    @property
    def name(self) -> str:
        """The name in the registry and in reports."""
        ...

    def run(self, victim: Victim[Q_co, A_contra], budget: int, rng: np.random.Generator) -> Loot[S_co]:
        """The copy made from at most ``budget`` answered questions, however few were answered, none included.

        With an equal ``rng``, a smaller budget asks for a prefix of what a larger one asks for, so that one campaign can be
        scored on its way and an interrupted one resumed: whatever depends on the budget is done after the last question.
        """
        ...


@dataclass(frozen=True, slots=True)
class Loot(Generic[S_co]):
    """What an attack brings home: the copy, and figures of its own about it (a recovered rank, a number of leaves)."""

    surrogate: S_co
    findings: Mapping[str, float] = field(default_factory=dict)


class Surrogate(Protocol):
    """A copy of a model of rows, or what a thief takes for one."""

    def scores(self, rows: FloatArray) -> FloatArray:
        """Shape (n, k) for rows of shape (n, d): class scores, the largest is the decision; or values, k = 1."""
        ...


class TextSurrogate(Protocol):
    """A copy of a model of texts: a classifier's scores, or an encoder's embeddings."""

    def scores(self, texts: Sequence[str]) -> FloatArray:
        """Shape (n, k) for n texts."""
        ...


@dataclass(frozen=True, slots=True)
class Prefix:
    """One question to a next-token API: a context of token ids, and what is added to tokens' logits before the answer."""

    context: tuple[int, ...]
    bias: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NextToken:
    """What a next-token API says: the chosen token, and the log-probabilities that it shows (none, where it shows none)."""

    token: int
    log_probabilities: Mapping[int, float] = field(default_factory=dict)


class TokenSurrogate(Protocol):
    """A copy of a next-token model, or of the last layer of one."""

    def log_probabilities(self, prefixes: Sequence[Prefix]) -> FloatArray:
        """Shape (n, v), each row's exponentials summing to 1; NaN in a row of which nothing is known."""
        ...


class ChatSurrogate(Protocol):
    """A copy of a model that writes."""

    def answers(self, prompts: Sequence[str]) -> list[str]:
        """One text for each prompt."""
        ...


RowVictim = Victim[FloatArray, FloatArray]
"""Rows (n, d) to class scores (n, k), regression values (n, 1) or embeddings (n, e). An image is a flattened row."""
TextVictim = Victim[Sequence[str], FloatArray]
"""Texts to class scores (n, k) or embeddings (n, e)."""
TokenVictim = Victim[Sequence[Prefix], Sequence[NextToken]]
ChatVictim = Victim[Sequence[str], Sequence[str]]

RowAttack = Attack[FloatArray, FloatArray, Surrogate]
TextAttack = Attack[Sequence[str], FloatArray, TextSurrogate]
TokenAttack = Attack[Sequence[Prefix], Sequence[NextToken], TokenSurrogate]
ChatAttack = Attack[Sequence[str], Sequence[str], ChatSurrogate]
