"""Random Fourier features: MMD without pairs, held against MMD with all pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from moatkeeper.sketch.base import State
from moatkeeper.sketch.fourier import FARTHEST, FINEST, GRAIN, WIDEST, Fourier

Points = npt.NDArray[np.float64]
WIDTH = 6
SCALES = (1.0, 3.0)
MANY = Fourier.drawn(WIDTH, 4_000, SCALES, np.random.default_rng(3))
FEW = Fourier.drawn(WIDTH, 128, SCALES, np.random.default_rng(3))


def drawn(size: int, shift: float, seed: int) -> Points:
    return np.random.default_rng(seed).normal(shift, 1.0, (size, WIDTH))


def folded(sketch: Fourier, *samples: Points) -> State:
    state = sketch.empty(len(samples))
    owners = np.repeat(np.arange(len(samples)), [len(one) for one in samples])
    sketch.fold(state, owners, np.concatenate(samples))
    return state


def kernel(first: Points, second: Points) -> Points:
    squares = ((first[:, None] - second[None]) ** 2).sum(axis=2)
    return np.asarray(np.mean([np.exp(-squares / (2 * scale**2)) for scale in SCALES], axis=0))


def exact(first: Points, second: Points) -> float:
    """Gretton et al. 2012, equation 3: all pairs but those of a point with itself."""
    n, m = len(first), len(second)
    within = (kernel(first, first).sum() - n) / (n * (n - 1))
    beyond = (kernel(second, second).sum() - m) / (m * (m - 1))
    return float(within + beyond - 2 * kernel(first, second).mean())


@pytest.mark.parametrize(("shift", "size"), [(0.0, 30), (0.3, 60), (1.0, 40)])
def test_it_is_the_exact_one_but_for_the_features(shift: float, size: int) -> None:
    account, reference = drawn(size, shift, 1), drawn(200, 0.0, 2)
    read = float(MANY.distance(folded(MANY, account), folded(MANY, reference))[0])
    assert read == pytest.approx(exact(account, reference), abs=0.008)


def test_it_is_unbiased_where_the_plain_distance_of_means_is_not() -> None:
    samples = [drawn(8, 0.0, seed) for seed in range(400)]
    states, reference = folded(FEW, *samples), folded(FEW, drawn(4_000, 0.0, 9_999))
    read = FEW.distance(states, reference)
    assert abs(read.mean()) < 3 * read.std() / np.sqrt(len(read)) + 0.001
    assert (read < 0).any()
    plain = np.sum((FEW.means(states) - FEW.means(reference)) ** 2, axis=1)
    assert plain.mean() > 20 * abs(read.mean())


def test_a_stranger_is_far_and_merging_two_halves_changes_nothing() -> None:
    reference = folded(FEW, drawn(1_000, 0.0, 1))
    own, far = FEW.distance(folded(FEW, drawn(100, 0.0, 2), drawn(100, 1.0, 3)), reference)
    assert far > 0.05 > 10 * abs(own)
    whole = drawn(100, 1.0, 3)
    merged = FEW.merge(folded(FEW, whole[:30]), folded(FEW, whole[30:]))
    assert FEW.distance(merged, reference)[0] == far


def test_sums_are_the_same_to_the_last_bit_in_whatever_batches_they_come() -> None:
    points = drawn(5_000, 0.0, 4)
    one_by_one = FEW.empty(1)
    for point in points[:300]:
        FEW.fold(one_by_one, np.zeros(1, dtype=np.int64), point[None])
    np.testing.assert_array_equal(one_by_one, folded(FEW, points[:300]))
    backwards = folded(FEW, np.asfortranarray(points[::-1]))
    np.testing.assert_array_equal(backwards, folded(FEW, points))


def test_all_that_is_added_is_whole_and_small_enough_to_be_exact() -> None:
    finest = Fourier.drawn(WIDEST, 64, (FINEST,), np.random.default_rng(0))
    assert (finest.directions == np.rint(finest.directions)).all()
    assert FARTHEST / GRAIN * np.abs(finest.directions).sum(axis=0).max() < 2.0**53
    points = np.rint(drawn(50, 0.0, 5) / GRAIN) * GRAIN
    np.testing.assert_array_equal(folded(FEW, points), folded(FEW, points + 0.3 * GRAIN))


def test_fewer_than_two_points_say_nothing_and_nor_does_a_missing_coordinate() -> None:
    reference = folded(FEW, drawn(100, 0.0, 1))
    assert np.isnan(FEW.distance(folded(FEW, drawn(1, 0.0, 2)), reference))[0]
    broken = np.where(np.arange(WIDTH) == 2, np.nan, drawn(50, 0.0, 2))
    assert not folded(FEW, broken).any()


@pytest.mark.parametrize(("width", "scale"), [(WIDEST + 1, 1.0), (3, 0.01)])
def test_what_could_not_be_added_exactly_is_refused(width: int, scale: float) -> None:
    with pytest.raises(ValueError, match=f"expected up to {WIDEST}"):
        Fourier.drawn(width, 8, (scale,), np.random.default_rng(0))
