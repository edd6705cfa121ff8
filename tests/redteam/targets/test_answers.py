from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.redteam.base import NextToken, Prefix
from moatkeeper.redteam.targets.answers import Task, array, next_tokens, numbers, texts, two_classes

ROWS = np.zeros((2, 3))


def test_scores_pass_and_a_lone_score_becomes_two_classes() -> None:
    assert numbers(lambda rows: [[0.1, 0.9], [1, 0]], Task.CLASSES)(ROWS).tolist() == [[0.1, 0.9], [1.0, 0.0]]
    assert numbers(lambda rows: [0.25, 1.0], Task.CLASSES)(ROWS).tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert numbers(lambda rows: [0.25, 7.0], Task.VALUES)(ROWS).tolist() == [[0.25], [7.0]]


def test_a_lone_number_that_is_no_score_is_refused_for_else_every_copy_would_agree() -> None:
    with pytest.raises(UnexpectedAnswer, match="--task"):
        two_classes(np.array([[0.5], [1.5]]))


def test_decisions_are_one_hot_among_the_named_classes() -> None:
    assert array(np.array(["b", "a"]), 2, ("a", "b")).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert array([1, 0], 2, ("0", "1")).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    with pytest.raises(UnexpectedAnswer):
        array(["c", "a"], 2, ("a", "b"))


@pytest.mark.parametrize("nonsense", [None, "x", 3, [1.0], [[1], [1, 2]], ["a", "b"], {"a": 1}, object()])
def test_nonsense_is_an_unexpected_answer(nonsense: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        array(nonsense, 2)


def test_next_tokens_and_texts_are_as_many_as_were_asked_for() -> None:
    prefixes = [Prefix((1,)), Prefix((2,))]
    assert next_tokens(lambda asked: [NextToken(3)] * 2)(prefixes) == [NextToken(3)] * 2
    assert texts(lambda asked: ["a", "b"])(["x", "y"]) == ["a", "b"]
    nonsense: list[object] = [[NextToken(3)], [3, 4], None, "ab"]
    for found in nonsense:
        with pytest.raises(UnexpectedAnswer):
            next_tokens(lambda asked, found=found: found)(prefixes)
    few: list[object] = [["a"], None, "ab"]
    for found in few:
        with pytest.raises(UnexpectedAnswer):
            texts(lambda asked, found=found: found)(["x", "y"])
