"""What attacks on image classifiers share: the thief's own images, answers turned into targets, and rounds of asking.

The rounds are at fixed numbers of answers, each half as large as all before it, whatever the budget: so a smaller budget asks a
prefix of a larger one's questions, and all the training between them takes about three times as long as the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.base import RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge

if TYPE_CHECKING:
    from moatkeeper.redteam.nets import Blueprint, Net

Indexes = npt.NDArray[np.intp]

FIRST = 40  # answers before the first network is trained; more: a better first choice, more questions spent at random
GROWTH = 0.5  # of the answers so far are asked for in the next round; smaller: choices by fresher networks, more time
EFFORT = 0.5  # of a full training, for the networks that only choose
SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Bought:
    """Asked rows (n, d) and what they were answered (n, k)."""

    rows: FloatArray
    answers: FloatArray

    def __len__(self) -> int:
        return len(self.rows)

    def and_then(self, rows: FloatArray, answers: FloatArray) -> Bought:
        """These and more; ``answers`` are those of the first of ``rows``."""
        if not len(answers):
            return self
        earlier = self.answers if len(self) else np.empty((0, answers.shape[1]))
        return Bought(np.vstack([self.rows, rows[: len(answers)]]), np.vstack([earlier, answers]))


@dataclass(frozen=True, slots=True)
class Situation:
    """What a thief knows when he chooses his next questions from the rows (m, d) that he has not asked yet."""

    net: Net
    bought: Bought
    candidates: FloatArray
    count: int
    rng: np.random.Generator


Choice = Callable[[Situation], Indexes]
"""Indexes of the next ``count`` candidates, the most wanted first."""


def nothing_bought(knowledge: RowKnowledge) -> Bought:
    """Where every theft begins."""
    return Bought(np.empty((0, knowledge.columns)), np.empty((0, knowledge.outputs)))


def drawing_board(knowledge: RowKnowledge) -> Blueprint:
    """The networks that this thief builds; raises MissingExtra without torch."""
    from moatkeeper.redteam.nets import blueprint  # here, so that attacks can be listed where torch is not installed

    return blueprint(knowledge)


def classifier_only(knowledge: RowKnowledge, name: str) -> None:
    """Raises UsageError where the model is no classifier."""
    if knowledge.regression or knowledge.outputs < 2:
        raise UsageError(f"{name} copies classifiers of at least 2 classes; this model gives {knowledge.outputs} value(s)")


def own_images(name: str, *sources: FloatArray) -> FloatArray:
    """The first of the thief's sources that has rows; raises UsageError where none has."""
    for rows in sources:
        if len(rows):
            return rows
    raise UsageError(f"{name} needs images of the thief's own; found none", hint="give it a pool or foreign images")


def all_images(name: str, knowledge: RowKnowledge) -> FloatArray:
    """The thief's pool and, after it, his foreign rows; raises UsageError where he has neither."""
    sources = [rows for rows in (knowledge.pool, knowledge.foreign) if len(rows)]
    return np.vstack(sources) if sources else own_images(name)


def soft(answers: FloatArray) -> FloatArray:
    """Answers (n, k) as distributions: nothing below zero, rows summing to 1, all classes alike where nothing is said."""
    positive = np.maximum(answers, 0.0)
    total = positive.sum(axis=1, keepdims=True)
    even = np.full_like(positive, 1 / max(1, positive.shape[1]))
    return cast(FloatArray, np.where(total > 0, positive / np.where(total > 0, total, 1.0), even))


def hard(answers: FloatArray) -> FloatArray:
    """Answers (n, k) cut down to their labels, one-hot."""
    labels: FloatArray = np.eye(answers.shape[1])[answers.argmax(axis=1)]
    return labels


def lawful(rows: FloatArray, knowledge: RowKnowledge) -> FloatArray:
    """Rows moved into the documented ranges, whole where a column takes whole numbers only."""
    clipped = np.clip(rows, knowledge.lowest, knowledge.highest)
    return cast(FloatArray, np.where(knowledge.whole, np.round(clipped), clipped))


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for one network."""
    return int(rng.integers(SEEDS))


def next_round(bought: int) -> int:
    """How many rows are asked for after ``bought`` answers, whatever the budget."""
    return FIRST if bought < FIRST else max(1, round(GROWTH * bought))


def ask_at_random(
    rows: FloatArray, victim: RowVictim, budget: int, rng: np.random.Generator, knowledge: RowKnowledge
) -> Bought:
    """At most ``budget`` of the rows, in random order."""
    asked = rows[rng.permutation(len(rows))[:budget]]
    return nothing_bought(knowledge).and_then(asked, victim.ask(asked))


def ask_in_rounds(
    rows: FloatArray,
    victim: RowVictim,
    budget: int,
    rng: np.random.Generator,
    knowledge: RowKnowledge,
    choose: Choice,
) -> Bought:
    """At most ``budget`` of the rows: FIRST at random, then those that ``choose`` wants once a network has learned the rest."""
    board = drawing_board(knowledge)
    left = rows[rng.permutation(len(rows))]
    bought = nothing_bought(knowledge)
    while len(left) and len(bought) < budget:
        count = min(next_round(len(bought)), len(left))
        if len(bought):
            net = board.train(bought.rows, soft(bought.answers), draw_seed(rng), effort=EFFORT)
            wanted = choose(Situation(net, bought, left, count, rng))[:count]
        else:
            wanted = np.arange(count)
        asked = left[wanted][: budget - len(bought)]
        answers = victim.ask(asked)
        bought = bought.and_then(asked, answers)
        if len(answers) < len(wanted):
            break
        left = np.delete(left, wanted, axis=0)
    return bought


def copy_of(knowledge: RowKnowledge, bought: Bought, rng: np.random.Generator) -> Surrogate:
    """The network that has learned all answers; one that prefers no class where there are none."""
    return drawing_board(knowledge).train(bought.rows, soft(bought.answers), draw_seed(rng))
