from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.knowledge import TextKnowledge
from moatkeeper.redteam.text_features import (
    Design,
    encoder_of,
    gram,
    hashed_encoder,
    pieces_of,
    semantic_encoder,
    unit,
    weigh_words,
    words_of,
)
from tests.support.texts import intent_texts

TEXTS = intent_texts(200, seed=1)
FRESH = intent_texts(60, seed=2)


def dense(design: Design) -> FloatArray:
    return design @ np.eye(design.shape[1])


def test_words_are_lower_case_and_of_two_letters_at_least() -> None:
    assert words_of("I can't pay, CAN you?") == ("can", "pay", "can", "you")


def test_pieces_are_words_pairs_and_runs_of_letters() -> None:
    assert pieces_of("ab cde") == ["ab", "cde", "ab cde", "<ab", "ab>", "<ab>", "<cd", "cde", "de>", "<cde", "cde>"]


def test_weighted_words_are_those_of_scikit_learn_and_a_column_of_ones() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    theirs = TfidfVectorizer().fit(TEXTS)
    ours = dense(weigh_words(TEXTS).matrix(FRESH))
    np.testing.assert_allclose(ours[:, :-1], theirs.transform(FRESH).toarray(), atol=1e-12)
    assert ours[:, -1].tolist() == [1.0] * len(FRESH)


def test_a_word_of_the_background_only_makes_the_rest_of_a_text_count_less() -> None:
    words = weigh_words(["card lost"], ["card rate"])
    alone, beside, unknown = dense(words.matrix(["card", "card rate", "card zebra"]))
    assert sorted(words.columns) == ["card", "lost"]
    assert alone[0] == unknown[0] == 1.0
    assert 0.4 < beside[0] < 0.8


def test_a_text_without_a_known_word_is_zeros() -> None:
    assert dense(weigh_words(["card"]).matrix(["zebra", ""])).tolist() == [[0.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize("sparse", [True, False])
def test_products_of_rows_with_each_other_are_dense(sparse: bool) -> None:
    design = weigh_words(TEXTS).matrix(FRESH)
    rows = dense(design)
    np.testing.assert_allclose(gram(design if sparse else cast(Design, rows)), rows @ rows.T, atol=1e-12)


@pytest.mark.parametrize("encode", [hashed_encoder(20), semantic_encoder(TEXTS, 20)])
def test_encoders_give_unit_vectors_that_are_near_for_like_texts(encode: object) -> None:
    assert callable(encode)
    vectors = encode([*FRESH, "my lost card", "i lost my card", "the rate for pounds"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0)
    card, same, other = vectors[-3:]
    assert card @ same > card @ other + 0.2


def test_a_semantic_encoder_spans_the_first_singular_vectors() -> None:
    rows = dense(weigh_words(TEXTS).matrix(TEXTS))[:, :-1]
    _, _, right = np.linalg.svd(rows, full_matrices=False)
    exact = unit(rows @ right[:8].T)
    found = semantic_encoder(TEXTS, 8)(TEXTS)
    np.testing.assert_allclose(found @ found.T, exact @ exact.T, atol=0.05)


def test_encoders_with_different_salts_have_different_directions_and_the_same_salt_the_same() -> None:
    one, again, other = hashed_encoder(16), hashed_encoder(16), hashed_encoder(16, salt=1)
    assert one(FRESH).tolist() == again(FRESH).tolist()
    assert np.abs(np.sum(one(FRESH) * other(FRESH), axis=1)).mean() < 0.5


def test_a_thief_takes_the_public_encoder_else_makes_one_of_his_texts_else_of_nothing() -> None:
    public = hashed_encoder(3)
    assert encoder_of(TextKnowledge(2, TEXTS, encoder=public)) is public
    assert encoder_of(TextKnowledge(2, TEXTS))(FRESH).shape[1] > 3
    assert np.isfinite(encoder_of(TextKnowledge(2))(FRESH)).all()
