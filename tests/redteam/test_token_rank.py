from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.token_api import ToyModel, log_softmax, random_contexts
from moatkeeper.redteam.token_rank import NO_RANK, centred, outside, rank_of, span_of


def answers(noise: float = 0.0, contexts: int = 60, decimals: int | None = None) -> tuple[ToyModel, FloatArray]:
    toy = ToyModel(3, vocabulary=400, hidden=16)
    rng = np.random.default_rng(1)
    logits = toy.logits(random_contexts(contexts, 400, rng))
    values = log_softmax(logits + rng.normal(0, noise, logits.shape))
    return toy, values if decimals is None else np.round(values, decimals)


@pytest.mark.parametrize(("noise", "decimals"), [(0.0, None), (0.0, 3), (0.0, 1), (0.0, 0), (0.1, None)])
def test_the_hidden_size_shows_through_rounding_and_a_little_noise(noise: float, decimals: int | None) -> None:
    rank = rank_of(answers(noise, decimals=decimals)[1])
    assert (rank.size, rank.convincing, rank.above_noise) == (16, True, 16)


def test_too_few_contexts_hide_it() -> None:
    assert not rank_of(answers(contexts=16)[1]).convincing
    assert rank_of(answers(contexts=5)[1]) == NO_RANK


def test_random_logits_of_full_rank_have_no_gap_and_nothing_above_noise() -> None:
    """The negative control: where there is no hidden size, none is found, whatever the matrix's shape."""
    for shape in [(320, 4000), (40, 40), (20, 16), (68, 64), (100, 300)]:
        for seed in range(1 if shape[1] == 4000 else 20):
            rank = rank_of(np.random.default_rng(1000 + seed).normal(size=shape))
            assert not rank.convincing, (shape, seed, rank)
            assert rank.gap < 2
            assert rank.above_noise <= 1


def test_the_recovered_span_holds_the_whole_head_but_for_noise() -> None:
    toy, exact = answers()
    assert outside(toy.head, span_of(exact, 16)) < 1e-12
    noisy = outside(toy.head, span_of(answers(noise=0.1)[1], 16))
    assert 1e-4 < noisy < 0.2
    assert outside(toy.head, span_of(exact, 8)) > 0.5


def test_a_random_span_holds_next_to_nothing_of_the_head() -> None:
    toy, _ = answers()
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(400, 16)))[0]
    assert outside(toy.head, basis) > 0.9


def test_centring_takes_away_what_a_softmax_hides() -> None:
    logits = np.array([[1.0, 2.0, 6.0]])
    np.testing.assert_allclose(centred(logits), centred(log_softmax(logits)))
    np.testing.assert_allclose(centred(logits).sum(), 0.0, atol=1e-12)
