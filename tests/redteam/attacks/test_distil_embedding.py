from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.distil_embedding import DistilEmbedding
from moatkeeper.redteam.attacks.linear_map import LinearMap
from moatkeeper.redteam.text_features import hashed_encoder
from tests.support.text_victims import DIMENSIONS, embedder, encoder_campaign, knowledge

STRANGER = embedder(1.5, hashed_encoder(32, salt=4))
"""An embedding API that has nothing in common with the public encoder."""


def test_a_student_learns_what_no_map_can_from_an_encoder_of_another_family() -> None:
    (student,) = encoder_campaign(DistilEmbedding(knowledge(DIMENSIONS)), STRANGER, [400])
    (mapped,) = encoder_campaign(LinearMap(knowledge(DIMENSIONS)), STRANGER, [400])
    assert student.fidelity > mapped.fidelity + 0.1


def test_a_student_of_answers_by_chance_knows_nothing() -> None:
    def noise(answers: FloatArray) -> FloatArray:
        return np.random.default_rng(5).normal(size=answers.shape)

    (score,) = encoder_campaign(DistilEmbedding(knowledge(DIMENSIONS)), STRANGER, [150], noise)
    assert abs(score.figures["cosine"]) < 0.3
