"""Path finding by label: line searches around rows whose label the copy gets wrong.

Tramèr et al. 2016, section 6, say that path finding needs leaves to be told apart; leaves of one class run together, and a line
search sees only where the class changes. Deviations from algorithm 1, therefore: no boxes are kept. The copy is a tree that
repeats all answers, in which every threshold that was found leaves two rows that differ in nothing else. What is asked next is,
in turn, a row of the thief's own or a uniform one, and the one of many on which trees that all repeat the answers disagree
most (Seung et al. 1992, query by committee); where the copy was wrong, lines are searched around the row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import Notes, Plan, carry_out, pool_rows, uniform_rows
from moatkeeper.redteam.attacks.paths import PathSearch
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.learners import fit_committee, fit_tree
from moatkeeper.redteam.precision import decisions
from moatkeeper.redteam.searches import Bracket, ranges

OWN_SHARE = 0.5  # of plain questions that are rows of the thief's own; larger: truer where customers ask, less elsewhere
SAMPLES = 500  # rows of which the committee chooses one; more: better choices, more time


class LabelPaths:
    """Tells regions apart by the decision alone."""

    name: ClassVar[str] = "paths-labels"

    def __init__(self, knowledge: RowKnowledge) -> None:
        self._knowledge = knowledge

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """The tree that repeats at most ``budget`` decisions."""
        record = carry_out(self._plan(rng), victim, budget, self._knowledge)
        if len(record.rows) == 0:
            return Loot(fit_tree(record.rows, record.answers))
        return Loot(fit_tree(record.rows, decisions(record.answers)))

    def _plan(self, rng: np.random.Generator) -> Plan:
        search = PathSearch(self._knowledge, decisions)
        notes = Notes(self._knowledge)
        own = iter(pool_rows(self._knowledge, rng))
        copy, committee = fit_tree(notes.rows, notes.answers), fit_committee(notes.rows, notes.answers)
        while True:
            for row in (self._plain(own, rng), self._disputed(committee, rng)):
                answer = decisions((yield from notes.ask(row[None])))
                copied = copy.scores(row[None])[0]
                if copied.argmax() == answer.argmax() and len(notes.rows) > 1:
                    continue
                start = self._across(row, copied, notes)
                if start is not None:
                    yield from notes.follow(search.part(start, answer[0], rng.permutation(len(row))))
                rows, answers = notes.rows, decisions(notes.answers)
                copy, committee = fit_tree(rows, answers), fit_committee(rows, answers)

    def _across(self, row: FloatArray, copied: FloatArray, notes: Notes) -> Bracket | None:
        """From a row to the nearest asked one that has the label which the copy gave it; None where there is none yet."""
        others = notes.rows[notes.answers.argmax(axis=1) == copied.argmax()]
        others = others[np.any(others != row, axis=1)]
        if len(others) == 0:
            return None
        distance = np.abs((others - row) / ranges(self._knowledge)).sum(axis=1)
        return Bracket(row, others[distance.argmin()])

    def _plain(self, own: Iterator[FloatArray], rng: np.random.Generator) -> FloatArray:
        row = next(own, None) if rng.random() < OWN_SHARE else None
        return row if row is not None else uniform_rows(self._knowledge, rng, 1)[0]

    def _disputed(self, committee: Sequence[Surrogate], rng: np.random.Generator) -> FloatArray:
        """The row on whose decision the committee is least of one mind; the first of several."""
        sample = uniform_rows(self._knowledge, rng, SAMPLES)
        if len(self._knowledge.pool):
            own = self._knowledge.pool[rng.integers(len(self._knowledge.pool), size=len(sample))]
            sample = np.where(rng.random(sample.shape) < rng.random((len(sample), 1)), own, sample)
        votes = np.mean([decisions(member.scores(sample)) for member in committee], axis=0)
        chosen: FloatArray = sample[int(votes.max(axis=1).argmin())]
        return chosen
