"""Active thieves of texts: let the student so far choose which texts of the pool to ask next.

Pal et al. 2019 (ActiveThief), section 4: uncertainty (the entropy of the student's answer) and k-center (farthest from all
that was asked, in the space of the student's answers). Deviations: rounds grow by a fixed share instead of dividing a budget,
so that a smaller budget asks a prefix of a larger one's; the student is a softmax over TF-IDF words; k-center chooses among
the CANDIDATES most uncertain texts rather than all of the pool, which is their combination of both; a pool that runs out ends
it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Loot, TextSurrogate, TextVictim
from moatkeeper.redteam.knowledge import TextKnowledge
from moatkeeper.redteam.text_asking import TextPlan, TextRecord, carry_out, in_random_order
from moatkeeper.redteam.text_regression import distributions
from moatkeeper.redteam.text_students import word_student

FIRST = 64  # texts of the first round, drawn at random; more: a better first student, less of its choice
GROWTH = 0.5  # a round adds this share of what was asked; smaller: more students to train, each choice better informed
CANDIDATES = 4  # times a round's size, the most uncertain texts among which k-center chooses; larger: more spread, less doubt
_TINY = 1e-12  # keeps logarithms finite

Choose = Callable[[FloatArray, FloatArray, int], npt.NDArray[np.intp]]
"""From the student's scores (n, k) of what is left and of what was asked: which of the left to ask, at most so many."""


def most_uncertain(left: FloatArray, asked: FloatArray, count: int) -> npt.NDArray[np.intp]:
    """The ``count`` texts whose scores have the largest entropy, most uncertain first."""
    shares = distributions(left)
    entropy = -np.sum(shares * np.log(shares + _TINY), axis=1)
    return np.argsort(-entropy, kind="stable")[:count]


def farthest(left: FloatArray, asked: FloatArray, count: int) -> npt.NDArray[np.intp]:
    """Greedy k-center (Sener and Savarese 2018, algorithm 1) among the most uncertain: each the farthest from all before."""
    among = most_uncertain(left, asked, CANDIDATES * count)
    points = left[among]
    nearest = np.full(len(points), np.inf)
    for centre in asked:
        nearest = np.minimum(nearest, np.sum((points - centre) ** 2, axis=1))
    chosen: list[int] = []
    for _ in range(min(count, len(points))):
        best = int(np.argmax(nearest))
        chosen.append(best)
        nearest = np.minimum(nearest, np.sum((points - points[best]) ** 2, axis=1))
        nearest[best] = -np.inf
    return among[np.asarray(chosen, dtype=np.intp)]


class ActiveTexts:
    """Asks the pool, or where there is none the foreign texts, in the order in which its students doubt."""

    name = "active-texts"
    choose: Choose = staticmethod(most_uncertain)

    def __init__(self, knowledge: TextKnowledge) -> None:
        self._outputs = knowledge.outputs
        self._pool = knowledge.pool or knowledge.foreign

    def run(self, victim: TextVictim, budget: int, rng: np.random.Generator) -> Loot[TextSurrogate]:
        """A student of at most ``budget`` answers."""
        record = carry_out(self._plan(rng), victim, budget, self._outputs)
        return Loot(word_student(record, self._pool))

    def _plan(self, rng: np.random.Generator) -> TextPlan:
        left = in_random_order(self._pool, rng)
        chosen, left = left[:FIRST], left[FIRST:]
        asked: list[str] = []
        answers: list[FloatArray] = []
        while chosen:
            answers.append((yield chosen))
            asked += chosen
            student = word_student(TextRecord(tuple(asked), np.concatenate(answers)), self._pool, hurried=True)
            picked = type(self).choose(student.scores(left), student.scores(asked), max(1, round(GROWTH * len(asked))))
            chosen = [left[index] for index in picked]
            taken = set(picked.tolist())
            left = [text for index, text in enumerate(left) if index not in taken]


class SpreadTexts(ActiveTexts):
    """The same with k-center among the doubtful."""

    name = "active-texts-k-center"
    choose: Choose = staticmethod(farthest)
