from __future__ import annotations

import numpy as np

from moatkeeper.redteam.text_asking import TextRecord
from moatkeeper.redteam.text_students import EQUATIONS, LIKELIHOOD, fits_for, word_student
from tests.support.text_victims import HELD_OUT, POOL, Api, classifier, decisions, rounded


def agreement(record: TextRecord) -> float:
    found = word_student(record, POOL).scores(HELD_OUT)
    return float(np.mean(found.argmax(axis=1) == classifier()(HELD_OUT).argmax(axis=1)))


def test_exact_answers_are_solved_first_rounded_ones_fitted_first_and_decisions_only_fitted() -> None:
    assert fits_for(None) == [EQUATIONS, LIKELIHOOD]
    assert fits_for(2) == [LIKELIHOOD, EQUATIONS]
    assert fits_for(0) == [LIKELIHOOD]


def test_a_student_needs_more_answers_the_less_they_tell() -> None:
    few = tuple(POOL[:40])
    exact, two, labels = (
        agreement(TextRecord(few, api.ask(few)))
        for api in (Api(classifier()), Api(classifier(), rounded), Api(classifier(), decisions))
    )
    assert exact >= two > labels > 0.5


def test_a_student_of_nothing_knows_nothing() -> None:
    nothing = word_student(TextRecord((), np.empty((0, 3))))
    assert nothing.scores(["a", "b"]).tolist() == [[0.0] * 3] * 2


def test_a_text_without_a_known_word_gets_the_constant_answer() -> None:
    student = word_student(TextRecord(tuple(POOL[:60]), classifier()(POOL[:60])))
    np.testing.assert_allclose(student.scores(["zzz"]), student.scores([""]))
