from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.outputs.embeddings import quantise, shorten
from moatkeeper.redteam.attacks.linear_map import LinearMap
from moatkeeper.redteam.attacks.recovered_map import RecoveredMap
from moatkeeper.redteam.base import TextAttack
from moatkeeper.redteam.harness import Score
from moatkeeper.redteam.text_features import hashed_encoder, unit
from tests.support.text_victims import DIMENSIONS, Release, embedder, encoder_campaign, knowledge

NARROW = hashed_encoder(6)
SPREAD = np.random.default_rng(8).normal(size=(6, DIMENSIONS))


def narrow(texts: Sequence[str]) -> FloatArray:
    """An encoder whose vectors lie in six dimensions of many, and which no public one is related to."""
    return unit(NARROW(texts) @ SPREAD)


def noise(answers: FloatArray) -> FloatArray:
    return answers + 0.1 * np.random.default_rng(3).normal(size=answers.shape)


def both(release: Release | None, budget: int, outputs: int = DIMENSIONS) -> list[Score]:
    thieves: list[TextAttack] = [LinearMap(knowledge(outputs)), RecoveredMap(knowledge(outputs))]
    return [encoder_campaign(thief, narrow, [budget], release)[0] for thief in thieves]


def test_noise_on_vectors_of_few_dimensions_is_measured_and_in_part_undone() -> None:
    mapped, recovered = both(noise, 100)
    assert recovered.figures["noise"] == pytest.approx(0.1, rel=0.15)
    assert recovered.figures["rank"] == 6
    assert recovered.figures["denoised"] == 1
    assert recovered.figures["cosine"] > mapped.figures["cosine"] + 0.01


def test_of_signs_alone_it_makes_more_than_a_map_does() -> None:
    mapped, recovered = both(lambda answers: quantise(answers, 1), 100)
    assert recovered.fidelity > mapped.fidelity + 0.03


def test_cut_dimensions_stay_lost() -> None:
    mapped, recovered = both(lambda answers: shorten(answers, 3), 400, outputs=3)
    (whole,) = encoder_campaign(RecoveredMap(knowledge(DIMENSIONS)), narrow, [400])
    assert recovered.fidelity == pytest.approx(mapped.fidelity, abs=0.03)
    assert recovered.fidelity < whole.fidelity - 0.2


def test_where_vectors_fill_their_space_it_leaves_them_alone() -> None:
    (score,) = encoder_campaign(RecoveredMap(knowledge(DIMENSIONS)), embedder(1.5), [400])
    (mapped,) = encoder_campaign(LinearMap(knowledge(DIMENSIONS)), embedder(1.5), [400])
    assert score.figures["denoised"] == 0
    assert score.fidelity == mapped.fidelity


def test_answers_by_chance_teach_nothing() -> None:
    (score,) = encoder_campaign(
        RecoveredMap(knowledge(DIMENSIONS)), narrow, [300], lambda answers: np.random.default_rng(5).normal(size=answers.shape)
    )
    assert abs(score.figures["cosine"]) < 0.3
