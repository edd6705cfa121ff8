from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.embedding_recovery import denoise, lengthened

NOISE = 0.3


def low_rank(rank: int, rows: int = 300, columns: int = 40) -> FloatArray:
    rng = np.random.default_rng(1)
    signal: FloatArray = rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns)) + 2.0
    return signal


def noisy(clean: FloatArray) -> FloatArray:
    noise: FloatArray = NOISE * np.random.default_rng(2).normal(size=clean.shape)
    return clean + noise


def error(found: FloatArray, clean: FloatArray) -> float:
    return float(np.sqrt(np.mean((found - clean) ** 2)))


@pytest.mark.parametrize("shape", [(300, 40), (40, 300), (100, 100)])
def test_the_size_of_the_noise_and_the_rank_of_the_signal_are_found(shape: tuple[int, int]) -> None:
    found = denoise(noisy(low_rank(4, *shape)))
    assert found.noise == pytest.approx(NOISE, rel=0.15)
    assert found.rank == 4


def test_noise_on_vectors_of_few_dimensions_is_taken_out_for_the_most_part() -> None:
    clean = low_rank(4)
    assert error(denoise(noisy(clean)).vectors, clean) < 0.5 * error(noisy(clean), clean)


def test_vectors_that_fill_their_space_lose_by_it() -> None:
    clean = low_rank(40)
    assert error(denoise(noisy(clean)).vectors, clean) > error(noisy(clean), clean)


def test_nothing_is_taken_out_where_nothing_was_added() -> None:
    clean = low_rank(2)
    np.testing.assert_allclose(denoise(clean).vectors, clean, atol=1e-9)


def test_lengths_near_one_become_one_and_others_stay() -> None:
    near = np.array([[1.02, 0.0], [0.0, 0.98]])
    far = np.array([[3.0, 0.0], [0.0, 1.0]])
    assert lengthened(near).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert lengthened(far).tolist() == far.tolist()
