from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError
from moatkeeper.redteam.base import Prefix
from moatkeeper.redteam.judges import (
    ChatJudge,
    ClassJudge,
    EmbeddingJudge,
    RowJudge,
    TokenJudge,
    ValueJudge,
    agreement,
    row_judge,
    word_f1,
)
from moatkeeper.redteam.trade import ROWS, TEXTS

NOTHING: frozenset[bytes] = frozenset()


class Sign:
    """Decides by the sign of the first column; ``sharpness`` 0 makes it undecided."""

    def __init__(self, sharpness: float = 4.0) -> None:
        self._sharpness = sharpness

    def scores(self, rows: FloatArray) -> FloatArray:
        positive = 1 / (1 + np.exp(-self._sharpness * rows[:, 0]))
        return np.column_stack([1 - positive, positive])


class Given:
    """A copy with given scores."""

    def __init__(self, scores: FloatArray) -> None:
        self._scores = scores

    def scores(self, questions: object) -> FloatArray:
        return self._scores


def some_rows(count: int = 60) -> FloatArray:
    return np.random.default_rng(0).normal(size=(count, 3))


def of_rows(rows: FloatArray) -> RowJudge:
    return row_judge(Sign().scores, rows, np.random.default_rng(1), outcomes=(rows[:, 0] > 0).astype(np.int64))


def test_a_copy_that_is_the_model_scores_one_and_its_opposite_nought() -> None:
    same = of_rows(some_rows()).figures(Sign(), NOTHING, thorough=False)
    opposite = of_rows(some_rows()).figures(Sign(-4.0), NOTHING, thorough=False)
    names = ("fidelity", "fidelity_near", "fidelity_uniform", "accuracy")
    assert [same[name] for name in names] == [1.0] * 4
    assert same["total_variation"] == 0.0 < opposite["total_variation"]
    assert [opposite[name] for name in names] == [0.0] * 4


def test_near_the_boundary_means_the_tenth_with_the_closest_scores() -> None:
    rows = np.array([[0.01 * n, 0.0, 0.0] for n in range(1, 21)])
    wrong_near = Sign().scores(rows)
    wrong_near[:2] = wrong_near[:2, ::-1]
    figures = ClassJudge(ROWS, rows, Sign().scores(rows)).figures(Given(wrong_near), NOTHING, thorough=False)
    assert (figures["fidelity"], figures["fidelity_near"]) == (0.9, 0.0)


def test_agreement_by_hand() -> None:
    truth = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    copy = np.array([[0.6, 0.4], [0.4, 0.6], [0.1, 0.9], [0.0, 1.0]])
    assert agreement(copy, truth) == 0.75


@pytest.mark.parametrize("wrong", [np.full((60, 2), np.nan), np.zeros((60, 3)), np.zeros((59, 2))])
def test_a_copy_without_finite_scores_for_every_row_is_refused(wrong: FloatArray) -> None:
    with pytest.raises(MoatkeeperError, match="finite scores"):
        of_rows(some_rows()).figures(Given(wrong), NOTHING, thorough=False)


def test_the_constant_baseline_is_the_share_of_the_commonest_decision() -> None:
    assert of_rows(np.array([[1.0, 0, 0], [2.0, 0, 0], [-1.0, 0, 0], [3.0, 0, 0]])).constant_fidelity() == 0.75


def test_examples_made_on_a_good_copy_fool_the_victim_and_random_ones_less() -> None:
    rows = np.random.default_rng(0).normal(size=(300, 3))
    good = of_rows(rows).figures(Sign(3.0), NOTHING, thorough=True)
    assert good["transfer"] > good["transfer_random"] + 0.1
    useless = of_rows(rows).figures(Sign(0.0), NOTHING, thorough=True)
    assert useless["transfer"] <= useless["transfer_random"] + 0.05


def test_values_by_hand() -> None:
    rows = np.array([[0.0], [1.0], [2.0], [3.0]])
    judge = ValueJudge(rows, rows * 2)
    assert judge.figures(Given(rows * 2), NOTHING, thorough=False) == {"fidelity": 1.0, "relative_error": 0.0}
    assert judge.figures(Given(np.full((4, 1), 3.0)), NOTHING, thorough=False)["fidelity"] == pytest.approx(0.0)


def test_a_rotated_embedding_is_as_useful_a_copy_though_no_vector_is_the_same() -> None:
    rng = np.random.default_rng(0)
    texts, vectors = [str(n) for n in range(40)], rng.normal(size=(40, 8))
    rotation = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    judge = EmbeddingJudge(TEXTS, texts, vectors)
    figures = judge.figures(Given(vectors @ rotation), NOTHING, thorough=False)
    assert figures["fidelity"] == 1.0
    assert abs(figures["cosine"]) < 0.5
    assert judge.figures(Given(rng.normal(size=(40, 8))), NOTHING, thorough=False)["fidelity"] < 0.5


def test_a_token_copy_that_knows_nothing_of_a_prefix_has_missed_it() -> None:
    class Half:
        def log_probabilities(self, prefixes: Sequence[Prefix]) -> FloatArray:
            return np.log([[0.7, 0.3], [np.nan, np.nan]])

    truth = np.log([[0.7, 0.3], [0.7, 0.3]])
    figures = TokenJudge([Prefix((1,)), Prefix((2,))], truth).figures(Half(), NOTHING, thorough=False)
    assert figures == {"fidelity": 0.5, "total_variation": 0.5}


def test_answers_are_compared_by_their_words() -> None:
    class Echo:
        def answers(self, prompts: Sequence[str]) -> list[str]:
            return list(prompts)

    judge = ChatJudge(["a b", "c"], ["a d", "c"], right=lambda prompt, answer: answer == "c")
    assert judge.figures(Echo(), NOTHING, thorough=False) == {"fidelity": 0.75, "exact": 0.5, "accuracy": 0.5}
    assert word_f1("", "") == 1.0
    assert word_f1("a a", "a") == pytest.approx(2 / 3)


def test_held_out_questions_that_the_attack_asked_are_not_scored() -> None:
    rows = some_rows(4)
    with pytest.raises(MoatkeeperError, match="nothing is left"):
        of_rows(rows).figures(Sign(), frozenset(ROWS.keys(rows)), thorough=False)
