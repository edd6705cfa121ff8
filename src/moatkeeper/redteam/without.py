"""The thief without any API: what his own outcomes teach him, so that every other thief is measured against it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.retrain import fit_substitute
from moatkeeper.redteam.base import Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.linear import uninformed

Learner = Callable[[FloatArray, FloatArray], Surrogate]
"""What rows (n, d) and one-hot outcomes (n, k) teach."""


def without_api(knowledge: RowKnowledge, learner: Learner | None = None) -> Surrogate:
    """The copy learnt from the thief's own outcomes by ``learner``, retraining's boosted trees by default; where he knows of
    none, or the model is a regression, whose outcomes are no classes: the same answer for every row."""
    if knowledge.regression or len(knowledge.own_labels) == 0:
        return uninformed(knowledge.outputs)
    outcomes = np.eye(knowledge.outputs)[knowledge.own_labels]
    if learner is None:
        return fit_substitute(knowledge.own_rows, outcomes, knowledge.outputs)
    return learner(knowledge.own_rows, outcomes)
