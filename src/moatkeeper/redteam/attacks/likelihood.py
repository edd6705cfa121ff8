"""Maximum likelihood: the linear model under which rounded, noisy or label-only answers are most likely.

Tramèr et al. 2016, sections 4.1.2 (softmax and one-vs-rest), 6.2 (labels only) and 7 (rounding). Deviations: the questions are
drawn uniformly between the documented ranges for labels too, without adaptivity; rounding is met by intervals as well as by
cross-entropy; and ridge, form and fitting are chosen by cross-validation on the thief's answers. A one-vs-rest model cannot
be solved for in closed form, but its likelihood can be climbed.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from moatkeeper.redteam.asking import carry_out, in_one_go, uniform_rows
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.likelihoods import most_likely
from moatkeeper.redteam.linear import solve_values, uninformed


class Likelihood:
    """Asks rows that are drawn uniformly between the documented ranges."""

    name: ClassVar[str] = "likelihood"

    def __init__(self, knowledge: RowKnowledge) -> None:
        self._knowledge = knowledge

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """The most likely copy, given at most ``budget`` answers; of a regression, least squares."""
        questions = uniform_rows(self._knowledge, rng, budget)
        record = carry_out(in_one_go(questions), victim, budget, self._knowledge)
        if self._knowledge.regression or self._knowledge.outputs == 1:
            return Loot(solve_values(record.rows, record.answers) if len(record.rows) else uninformed(1))
        return Loot(most_likely(record.rows, record.answers))
