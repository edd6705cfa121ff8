from __future__ import annotations

from dataclasses import replace

import numpy as np

from moatkeeper.redteam.knowledge import knowledge_of
from moatkeeper.redteam.learners import fit_tree
from moatkeeper.redteam.without import without_api
from tests.support.models import linear


def test_outcomes_of_his_own_teach_a_thief_something_and_made_up_ones_nothing() -> None:
    case = linear("breast cancer")
    rows = case.knowledge.pool
    true = case.model(rows).argmax(axis=1)
    taught = without_api(replace(case.knowledge, own_rows=rows, own_labels=true))
    fooled = without_api(replace(case.knowledge, own_rows=rows, own_labels=np.random.default_rng(0).permutation(true)))
    assert case.fidelity(taught) > 0.85
    assert case.fidelity(fooled) < 0.75


def test_a_thief_who_knows_nothing_says_the_same_of_every_row() -> None:
    case = linear("iris")
    assert without_api(case.knowledge).scores(case.held_out[:2]).tolist() == [[1 / 3] * 3] * 2
    regression = knowledge_of(case.knowledge.pool, 1, regression=True)
    assert without_api(regression).scores(case.held_out[:2]).tolist() == [[0.0]] * 2


def test_another_learner_may_be_named() -> None:
    case = linear("iris")
    labels = case.model(case.knowledge.pool).argmax(axis=1)
    knowledge = replace(case.knowledge, own_rows=case.knowledge.pool, own_labels=labels)
    assert without_api(knowledge, fit_tree).scores(case.knowledge.pool).argmax(axis=1).tolist() == labels.tolist()
