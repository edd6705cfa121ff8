from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.algebraic_head import AlgebraicHead
from moatkeeper.redteam.text_features import hashed_encoder
from tests.support.text_victims import PUBLIC, Api, by_chance, campaign, decisions, guess, head, knowledge, rounded

WIDTH = 32


@pytest.mark.parametrize("at_unit_length", [True, False])
def test_twice_the_encoders_width_in_exact_answers_gives_the_head_as_published(at_unit_length: bool) -> None:
    def longer(texts: Sequence[str]) -> FloatArray:
        longer_by: FloatArray = 1.0 + np.array([[float(len(text) % 7)] for text in texts])
        return PUBLIC(texts) * longer_by

    victim = head(longer, at_unit_length=at_unit_length)
    (score,) = campaign(AlgebraicHead(knowledge(encoder=longer)), victim, [2 * WIDTH])
    assert score == 1.0


def test_one_answer_more_than_the_encoders_width_is_enough_and_one_fewer_is_not() -> None:
    short, enough = campaign(AlgebraicHead(knowledge()), head(), [WIDTH, WIDTH + 1])
    assert short < 1.0 == enough


def test_rounded_answers_and_decisions_need_more_but_give_the_head_as_well() -> None:
    for release, least in ((rounded, 0.97), (decisions, 0.85)):
        few, many = campaign(AlgebraicHead(knowledge()), head(), [2 * WIDTH, 800], release)
        assert many > least
        assert many > few + 0.1 > guess(head())


def test_answers_by_chance_teach_nothing() -> None:
    (score,) = campaign(AlgebraicHead(knowledge()), head(), [400], by_chance)
    assert score < guess(head()) + 0.03


def test_another_encoder_than_the_victims_gives_a_poor_copy_and_a_residual_that_says_so() -> None:
    other = head(hashed_encoder(WIDTH, salt=3))
    (right,) = campaign(AlgebraicHead(knowledge()), head(), [300])
    (wrong,) = campaign(AlgebraicHead(knowledge()), other, [300])
    assert right == 1.0 > 0.75 > wrong
    residuals = [
        AlgebraicHead(knowledge()).run(Api(victim), 300, np.random.default_rng(0)).findings["residual"]
        for victim in (head(), other)
    ]
    assert residuals[0] < 1e-9 < 0.1 < residuals[1]
