"""Answers: whatever form they have, a class and a margin; and nothing where the form has changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.answers import AnswerForm, Answers
from moatkeeper.patterns.batch import Batch, IntArray


def batch(scores: list[list[float]] | None = None, labels: list[int] | None = None) -> Batch:
    count = len(scores if scores is not None else labels or ())
    values: FloatArray | None = None if scores is None else np.array(scores)
    known: IntArray | None = None if labels is None else np.array(labels)
    return Batch(("a",), np.zeros(count, dtype=np.int64), np.zeros(count), np.arange(count), scores=values, labels=known)


@pytest.mark.parametrize(
    ("given", "form", "classes", "labels", "margins"),
    [
        (batch([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]), AnswerForm.CLASSES, 3, [0, 2], [0.5, 0.7]),
        (batch([[2.0, -1.0], [0.5, 3.0]]), AnswerForm.CLASSES, 2, [0, 1], [3.0, 2.5]),
        (batch([[0.9], [0.4]]), AnswerForm.CHANCE, 2, [1, 0], [0.8, 0.2]),
        (batch(labels=[7, 9, -1]), AnswerForm.LABELS, 3, [0, 1, -1], [np.nan] * 3),
    ],
)
def test_a_class_and_a_margin(given: Batch, form: AnswerForm, classes: int, labels: list[int], margins: list[float]) -> None:
    answers = Answers.fit(given)
    found, leads = answers.read(given)
    assert (answers.form, answers.classes, found.tolist()) == (form, classes, labels)
    np.testing.assert_allclose(leads, margins)


def test_a_regressor_has_bins_and_no_margins() -> None:
    values = batch([[float(number)] for number in range(80)])
    answers = Answers.fit(values)
    found, margins = answers.read(values)
    assert answers.form is AnswerForm.VALUES
    assert np.bincount(found).tolist() == [10] * 8
    assert np.isnan(margins).all()


def test_an_answer_of_another_shape_says_nothing() -> None:
    answers = Answers.fit(batch([[0.7, 0.3]]))
    for changed in (batch([[0.5, 0.3, 0.2]]), batch([[0.5]]), replace(batch([[1.0, 0.0]]), scores=None)):
        labels, margins = answers.read(changed)
        assert labels.tolist() == [-1]
        assert np.isnan(margins).all()


def test_broken_numbers_say_nothing() -> None:
    answers = Answers.fit(batch([[0.7, 0.3], [0.2, 0.8]]))
    labels, margins = answers.read(batch([[np.nan, 0.3], [np.inf, 0.0], [0.2, 0.8]]))
    assert labels.tolist() == [-1, -1, 1]
    assert np.isfinite(margins).tolist() == [False, False, True]


def test_a_label_never_seen_counts_as_one_more() -> None:
    answers = Answers.fit(batch(labels=[7, 9]))
    labels, _ = answers.read(batch(labels=[8, 10, 7]))
    assert labels.tolist() == [2, 2, 0]
    assert answers.classes == 3


def test_no_answers_are_one_class_of_none() -> None:
    answers = Answers.fit(replace(batch(labels=[1]), labels=None))
    assert (answers.form, answers.classes) == (AnswerForm.NONE, 1)


def test_embeddings_are_no_classes_and_wide_logits_are() -> None:
    numbers = np.random.default_rng(1).normal(size=(50, 40))
    unit = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    assert Answers.fit(batch(unit.tolist())).form is AnswerForm.NONE
    assert Answers.fit(batch((numbers * np.linspace(1, 4, 50)[:, None]).tolist())).form is AnswerForm.CLASSES
