"""How an attack asks: a plan of questions that knows no budget, and the record of what was answered.

A plan is a generator: it gives rows and is sent their answers. Since nobody tells it the budget, a smaller budget asks a
prefix of what a larger one asks, and it ends wherever the answers end.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import RowVictim
from moatkeeper.redteam.knowledge import RowKnowledge

T = TypeVar("T")

Plan = Generator[FloatArray, FloatArray, None]
"""Gives rows (n, d), n > 0, and is sent their answers (n, k), all of them; it is closed where some were not answered."""


@dataclass(frozen=True, slots=True)
class Record:
    """Answered rows (n, d) and their answers (n, k), in order; n may be 0."""

    rows: FloatArray
    answers: FloatArray

    @property
    def labels(self) -> npt.NDArray[np.intp]:
        """The decisions, shape (n,)."""
        labels: npt.NDArray[np.intp] = self.answers.argmax(axis=1)
        return labels


def carry_out(plan: Plan, victim: RowVictim, budget: int, knowledge: RowKnowledge) -> Record:
    """The record of a plan that ended by itself, by the budget, or because the victim no longer answered."""
    rows, answers = [np.empty((0, knowledge.columns))], [np.empty((0, knowledge.outputs))]
    left = budget
    question = next(plan, None)
    while question is not None and left > 0:
        batch = question[:left]
        answer = victim.ask(batch)
        if len(answer):
            rows.append(batch[: len(answer)])
            answers.append(answer)
            left -= len(answer)
        if len(answer) < len(question):
            break
        try:
            question = plan.send(answer)
        except StopIteration:
            break
    plan.close()
    return Record(np.concatenate(rows), np.concatenate(answers))


def uniform_rows(knowledge: RowKnowledge, rng: np.random.Generator, count: int) -> FloatArray:
    """Rows (count, d) drawn uniformly between the documented ranges, whole numbers in whole columns."""
    share = rng.random((count, knowledge.columns))
    lowest, highest = knowledge.lowest, knowledge.highest
    steps = np.minimum(np.floor(lowest + share * (highest - lowest + 1)), highest)
    return cast(FloatArray, np.where(knowledge.whole, steps, lowest + share * (highest - lowest)))


def pool_rows(knowledge: RowKnowledge, rng: np.random.Generator) -> FloatArray:
    """The thief's own rows in random order."""
    return knowledge.pool[rng.permutation(len(knowledge.pool))]


def askable(knowledge: RowKnowledge, rows: FloatArray) -> FloatArray:
    """The nearest rows that the API takes: within the documented ranges, whole numbers in whole columns."""
    return cast(FloatArray, np.clip(np.where(knowledge.whole, np.round(rows), rows), knowledge.lowest, knowledge.highest))


def in_one_go(rows: FloatArray) -> Plan:
    """The plan that asks all rows at once; they must not depend on the budget but in their number."""
    if len(rows):
        yield rows


class Notes:
    """What a plan takes down of its own asking, for the part of it that depends on all answers so far."""

    def __init__(self, knowledge: RowKnowledge) -> None:
        self._rows = [np.empty((0, knowledge.columns))]
        self._answers = [np.empty((0, knowledge.outputs))]

    @property
    def rows(self) -> FloatArray:
        """All rows that were asked, (n, d)."""
        return np.concatenate(self._rows)

    @property
    def answers(self) -> FloatArray:
        """Their answers, (n, k)."""
        return np.concatenate(self._answers)

    @property
    def record(self) -> Record:
        """Both."""
        return Record(self.rows, self.answers)

    def ask(self, rows: FloatArray) -> Generator[FloatArray, FloatArray, FloatArray]:
        """Asks rows, and comes back with their answers."""
        answers = yield rows
        self._rows.append(rows)
        self._answers.append(answers)
        return answers

    def follow(self, part: Generator[FloatArray, FloatArray, T]) -> Generator[FloatArray, FloatArray, T]:
        """Asks what a part of a plan asks, and comes back with what it found."""
        try:
            question = next(part)
            while True:
                question = part.send((yield from self.ask(question)))
        except StopIteration as end:
            return cast(T, end.value)
