from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.outputs.embeddings import quantise
from moatkeeper.redteam.attacks.linear_map import LinearMap
from moatkeeper.redteam.embedding_maps import PublicEncoder
from moatkeeper.redteam.text_features import hashed_encoder
from tests.support.text_victims import DIMENSIONS, PUBLIC, embedder, encoder_campaign, encoder_judge, knowledge

WIDTH = 32


def thief() -> LinearMap:
    return LinearMap(knowledge(DIMENSIONS))


def without_asking(bend: float = 0.0) -> float:
    copy = PublicEncoder(PUBLIC, DIMENSIONS)
    return encoder_judge(embedder(bend)).figures(copy, frozenset(), thorough=False)["fidelity"]


def test_one_answer_more_than_the_encoders_width_copies_a_linear_relative_of_it_and_fewer_do_not() -> None:
    short, enough = encoder_campaign(thief(), embedder(), [WIDTH // 2, WIDTH + 1])
    assert short.fidelity < 0.7 < 0.99 < enough.fidelity
    assert enough.figures["cosine"] > 0.9999


def test_a_bent_relative_is_copied_in_part_and_better_than_without_asking() -> None:
    few, many = encoder_campaign(thief(), embedder(1.5), [WIDTH + 1, 800])
    assert many.fidelity > few.fidelity
    assert many.fidelity > without_asking(1.5) + 0.2
    assert many.figures["cosine"] > 0.94


def test_an_encoder_of_another_family_is_not_copied_by_a_map() -> None:
    (score,) = encoder_campaign(thief(), embedder(1.5, hashed_encoder(WIDTH, salt=4)), [800])
    assert score.fidelity < 0.5


def test_answers_by_chance_teach_nothing() -> None:
    def noise(answers: FloatArray) -> FloatArray:
        return np.random.default_rng(5).normal(size=answers.shape)

    (score,) = encoder_campaign(thief(), embedder(), [400], noise)
    assert score.fidelity < without_asking()
    assert abs(score.figures["cosine"]) < 0.3


@pytest.mark.parametrize(("bits", "least"), [(8, 0.9), (4, 0.75), (1, 0.5)])
def test_fewer_bits_slow_the_theft_and_do_not_stop_it(bits: int, least: float) -> None:
    (score,) = encoder_campaign(thief(), embedder(), [400], lambda answers: quantise(answers, bits))
    assert least < score.fidelity < 1.0


def test_its_own_error_tells_the_thief_whether_the_map_holds() -> None:
    (right,) = encoder_campaign(thief(), embedder(), [100])
    (wrong,) = encoder_campaign(thief(), embedder(0.0, hashed_encoder(WIDTH, salt=4)), [100])
    assert right.figures["error"] < 1e-9 < 0.1 < wrong.figures["error"]
