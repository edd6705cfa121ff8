from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.text_asking import TextPlan, carry_out, corpus_plan, in_random_order

TEXTS = ["one two three", "four five six", "seven eight nine"]


class Lengths:
    """Answers with the length of a text, at most ``allowance`` texts."""

    spent = Expenses()

    def __init__(self, allowance: int = 10**9) -> None:
        self._allowance = allowance

    def ask(self, texts: Sequence[str]) -> FloatArray:
        answered = texts[: self._allowance]
        self._allowance -= len(answered)
        return np.array([[float(len(text))] for text in answered]).reshape(len(answered), 1)


def pairs(told: list[int]) -> TextPlan:
    """Asks two texts at a time, and tells how many answers came back."""
    for number in range(3):
        answers = yield [f"a{number}", f"bb{number}"]
        told.append(len(answers))


@pytest.mark.parametrize(("budget", "told"), [(0, []), (1, []), (2, []), (3, [2]), (4, [2]), (6, [2, 2]), (9, [2, 2, 2])])
def test_a_plan_is_carried_out_up_to_the_budget_and_works_no_longer_than_it_is_of_use(budget: int, told: list[int]) -> None:
    heard: list[int] = []
    record = carry_out(pairs(heard), Lengths(), budget, 1)
    assert record.texts == ("a0", "bb0", "a1", "bb1", "a2", "bb2")[:budget]
    assert record.answers.tolist() == [[float(len(text))] for text in record.texts]
    assert heard == told


def test_a_refusal_ends_a_plan_with_what_was_answered() -> None:
    record = carry_out(pairs([]), Lengths(allowance=3), 6, 1)
    assert record.texts == ("a0", "bb0", "a1")
    assert carry_out(pairs([]), Lengths(allowance=0), 6, 7).answers.shape == (0, 7)


def test_no_text_is_asked_twice_before_all_were_asked() -> None:
    shuffled = in_random_order([*TEXTS, *TEXTS], np.random.default_rng(0))
    assert sorted(shuffled) == sorted(TEXTS)


def test_texts_that_run_out_are_spliced_from_the_beginning_of_one_and_the_end_of_another() -> None:
    record = carry_out(corpus_plan(TEXTS, np.random.default_rng(0)), Lengths(), 40, 1)
    assert sorted(record.texts[:3]) == sorted(TEXTS)
    words = [text.split() for text in TEXTS]
    made = {" ".join([*one[:cut], *other[cut:]]) for one in words for other in words for cut in range(4)}
    assert set(record.texts[3:]) <= made
    assert set(record.texts[3:]) - set(TEXTS)


def test_a_corpus_without_texts_asks_nothing() -> None:
    assert carry_out(corpus_plan([], np.random.default_rng(0)), Lengths(), 5, 1).texts == ()
