from __future__ import annotations

import importlib

import numpy as np
import pytest

from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.asking import Record
from moatkeeper.redteam.learners import best_candidate, fit_committee, fit_kernel, fit_tree
from moatkeeper.redteam.likelihoods import most_likely
from moatkeeper.redteam.linear import frame_of
from moatkeeper.redteam.precision import Precision, decisions, precision_of
from tests.support.models import Case, kernel_machine, linear, network, tree


def record(case: Case, count: int, decimals: int | None) -> Record:
    rows = np.vstack([case.knowledge.pool, case.uniform])[:count]
    return Record(rows, decisions(case.model(rows)) if decimals == 0 else case.model(rows))


def chosen(case: Case, count: int, decimals: int | None) -> str:
    found = record(case, count, decimals)
    return best_candidate(found, frame_of(case.knowledge.pool), regression=False, thorough=True).name


def test_the_form_of_the_victim_is_found_from_answers_alone() -> None:
    assert chosen(linear("wine"), 150, None) == "equations"
    assert chosen(kernel_machine(), 300, None).startswith("kernel")
    assert chosen(network(), 400, 0).startswith(("network", "kernel"))
    assert chosen(tree("iris"), 400, None) == "tree"


def test_with_very_few_answers_a_linear_form_is_taken() -> None:
    assert chosen(kernel_machine(), 10, None).startswith("softmax")


def test_the_form_of_a_regression_is_found_too() -> None:
    rows = np.random.default_rng(0).normal(size=(100, 2))
    for values, name in (
        (rows @ [[1.0], [2.0]], "linear"),
        (np.sin(2 * rows[:, :1]), "kernel"),
        (np.sign(rows[:, :1]), "tree"),
    ):
        found = best_candidate(Record(rows, values), frame_of(rows), regression=True, thorough=True)
        assert found.name.startswith(name)


@pytest.mark.parametrize("decimals", [None, 0])
def test_a_kernel_of_the_right_width_copies_a_kernel_machine_and_a_line_does_not(decimals: int | None) -> None:
    case = kernel_machine()
    found = record(case, 240 + 300, decimals)
    precision = precision_of(found.answers)
    copy = fit_kernel(found.rows, found.answers, 1.0, precision, frame_of(case.knowledge.pool))
    assert case.fidelity(copy) > 0.98
    assert case.fidelity(copy) > case.fidelity(most_likely(found.rows, found.answers)) + 0.05


def test_a_machine_that_saw_one_class_says_it_of_everything_and_one_never_seen_scores_0() -> None:
    rows = np.random.default_rng(0).normal(size=(10, 2))
    labels = Precision(True, 1.0)
    alone = fit_kernel(rows, np.eye(3)[np.full(10, 2)], 1.0, labels, frame_of(rows))
    assert alone.scores(rows[:1]).tolist() == [[0.0, 0.0, 1.0]]
    two = fit_kernel(rows, np.eye(3)[np.arange(10) % 2 * 2], 1.0, labels, frame_of(rows))
    assert two.scores(rows)[:, 1].tolist() == [0.0] * 10


def test_trees_repeat_every_answer_and_a_committee_differs_elsewhere() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    answers = np.random.default_rng(1).dirichlet(np.ones(2), size=60)
    members = fit_committee(rows, answers)
    for copy in (fit_tree(rows, answers), *members):
        np.testing.assert_allclose(copy.scores(rows), answers)
    fresh = np.random.default_rng(2).normal(size=(60, 3))
    assert members[0].scores(fresh).tolist() != members[1].scores(fresh).tolist()


def test_a_tree_of_nothing_has_all_classes_alike() -> None:
    assert fit_tree(np.empty((0, 2)), np.empty((0, 4))).scores(np.zeros((1, 2))).tolist() == [[0.25] * 4]


def test_without_scikit_learn_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingExtra) as caught:
        fit_tree(np.zeros((2, 2)), np.eye(2))
    assert "moatkeeper[redteam]" in caught.value.hint
