from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.embedding_maps import PublicEncoder, at_unit_length, best_map, kept_neighbours, ridge_map, rotation_map
from moatkeeper.redteam.text_features import hashed_encoder, unit

WIDTH = 8
RNG = np.random.default_rng(0)
SECRET = RNG.normal(size=(WIDTH, 5))
TURN = np.linalg.qr(RNG.normal(size=(WIDTH, WIDTH)))[0]


def vectors(count: int, seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(count, WIDTH)) + 0.5


def missed(count: int, noise: float = 0.0) -> float:
    ours = vectors(count)
    theirs = ours @ SECRET + 1.0 + noise * np.random.default_rng(2).normal(size=(count, 5))
    fresh = vectors(100, seed=3)
    return float(np.mean(np.sum((ridge_map(ours, theirs)(fresh) - fresh @ SECRET - 1.0) ** 2, axis=1)))


def test_one_pair_more_than_dimensions_gives_an_affine_map_exactly_and_one_fewer_does_not() -> None:
    assert missed(WIDTH + 1) < 1e-12
    assert missed(WIDTH) > 0.01


@pytest.mark.parametrize(("count", "ridge"), [(6, 1e-3), (9, 1e-2), (40, 1e-1)])
def test_the_error_of_a_ridge_map_is_that_of_leaving_each_pair_out(count: int, ridge: float) -> None:
    ours, theirs = vectors(count), RNG.normal(size=(count, 2))
    found = ridge_map(ours, theirs)
    largest = np.linalg.svd(ours - ours.mean(axis=0), compute_uv=False)[0] ** 2

    def left_out(index: int, penalty: float) -> float:
        # The centre is that of all pairs in the formula; leaving it to the rest differs by its share of one pair.
        kept = np.arange(count) != index
        rows, targets = ours[kept] - ours.mean(axis=0), theirs[kept] - theirs.mean(axis=0)
        ones = np.column_stack([rows, np.ones(count - 1)])
        held = penalty * np.diag([1.0] * WIDTH + [0.0])
        weights = np.linalg.solve(ones.T @ ones + held, ones.T @ targets)
        return float(
            np.sum((np.append(ours[index] - ours.mean(axis=0), 1.0) @ weights - theirs[index] + theirs.mean(axis=0)) ** 2)
        )

    exact = min(np.mean([left_out(index, 10.0**power * largest) for index in range(count)]) for power in range(-8, 3))
    assert found.error <= exact * 1.01


def test_more_noisy_pairs_give_a_better_map() -> None:
    assert missed(400, noise=0.5) < 0.1 * missed(12, noise=0.5)


def test_a_rotation_bears_noise_with_fewer_pairs_than_an_affine_map() -> None:
    ours = vectors(2 * WIDTH)
    theirs = ours @ TURN * 2.0 + 3.0 + 0.3 * np.random.default_rng(5).normal(size=ours.shape)
    fresh = vectors(200, seed=4)
    turned, affine, best = (
        float(np.mean((found(fresh) - fresh @ TURN * 2.0 - 3.0) ** 2))
        for found in (rotation_map(ours, theirs), ridge_map(ours, theirs), best_map(ours, theirs))
    )
    assert turned == best < 0.7 * affine


def test_a_rotation_is_exact_where_the_spaces_are_rotations_of_each_other() -> None:
    ours, fresh = vectors(WIDTH + 1), vectors(50, seed=4)
    found = rotation_map(ours, ours @ TURN * 2.0 + 3.0)
    np.testing.assert_allclose(found(fresh), fresh @ TURN * 2.0 + 3.0, atol=1e-8)


def test_where_the_spaces_are_no_rotations_of_each_other_the_affine_map_is_taken() -> None:
    ours = vectors(60)
    stretched = ours * np.arange(1, WIDTH + 1)
    np.testing.assert_allclose(best_map(ours, stretched)(ours), stretched, atol=1e-5)


def test_pairs_that_are_all_alike_give_the_constant() -> None:
    found = best_map(np.ones((6, WIDTH)), np.full((6, 2), 3.0))
    np.testing.assert_allclose(found(vectors(3)), np.full((3, 2), 3.0))


def test_lengths_near_one_are_taken_for_directions_only() -> None:
    assert at_unit_length(unit(vectors(9)) * 1.01)
    assert not at_unit_length(vectors(9))


@pytest.mark.parametrize("outputs", [3, 9])
def test_the_public_encoder_is_cut_or_filled_to_the_dimensions_of_the_victim(outputs: int) -> None:
    encoder = hashed_encoder(6)
    found = PublicEncoder(encoder, outputs).scores(["one text", "two texts"])
    assert found.shape == (2, outputs)
    np.testing.assert_allclose(found[:, : min(6, outputs)], encoder(["one text", "two texts"])[:, :outputs])


def test_neighbourhoods_survive_a_rotation_and_not_a_new_draw() -> None:
    ours = vectors(100)
    assert kept_neighbours(ours, ours @ TURN * 3.0) == 1.0
    assert kept_neighbours(ours, vectors(100, seed=8)) < 0.4
    assert kept_neighbours(ours[:2], ours[:2]) == 1.0


def test_what_a_map_foretells_of_a_pair_does_not_come_from_that_pair() -> None:
    ours, theirs = vectors(30), RNG.normal(size=(30, 4))
    for kind in (ridge_map, rotation_map):
        found = kind(ours, theirs)
        assert found.error == pytest.approx(float(np.mean(np.sum((found.foretold - theirs) ** 2, axis=1))))
        assert found.error > 0.8 * float(np.sum(theirs.var(axis=0)))
