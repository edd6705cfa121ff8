"""The published detectors that serve as baselines do what their papers say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import shapiro  # type: ignore[import-untyped]

from bench.patterns.baselines import blacklight, hoda, mmd, prada, seat
from bench.patterns.counting import enough_accounts, p_values, share

RNG = np.random.default_rng(20_260_125)


def test_pradas_growing_set_is_that_of_the_paper_by_hand() -> None:
    """One class on a line: 0 joins; 4 is 4 away, joins (threshold 0 -> mean 2 - deviation 2 = 0); 5 is 1 away and joins.

    Then the joining distances are 0, 4, 1: mean 5/3, deviation 1.6997, threshold stays 0. 5.0 again is 0 away: not larger.
    """
    points = np.array([[[0.0], [4.0], [5.0], [5.0], [11.0]]])
    found = prada.distances(points, np.zeros((1, 5), dtype=np.int64))[0]
    assert np.isnan(found[0])
    assert found[1:].tolist() == pytest.approx([4.0, 1.0, 0.0, 6.0])


def test_pradas_distances_are_those_of_a_plain_loop() -> None:
    points, labels = RNG.normal(size=(3, 60, 4)), RNG.integers(0, 3, size=(3, 60))
    expected = np.stack([plain_prada(points[a], labels[a]) for a in range(3)])
    np.testing.assert_allclose(prada.distances(points, labels), expected, atol=1e-3)


def plain_prada(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    sets: dict[int, list[np.ndarray]] = {}
    joined: dict[int, list[float]] = {}
    threshold: dict[int, float] = {}
    found = np.full(len(points), np.nan)
    for at, (point, label) in enumerate(zip(points, labels.tolist(), strict=True)):
        if label not in sets:
            sets[label], joined[label], threshold[label] = [point], [0.0], 0.0
            continue
        found[at] = min(float(np.linalg.norm(point - other)) for other in sets[label])
        if found[at] > threshold[label]:
            sets[label].append(point)
            joined[label].append(found[at])
            threshold[label] = max(threshold[label], float(np.mean(joined[label]) - np.std(joined[label])))
    return found


def test_prada_says_nothing_of_a_hundred_queries_and_finds_a_line_search_later() -> None:
    honest = RNG.normal(size=(4, 300, 20))
    line = np.linspace(0, 1, 25)[None, :, None] * RNG.normal(size=(12, 1, 20)) + RNG.normal(size=(12, 1, 20))
    thief = line.reshape(1, 300, 20)
    points = np.concatenate([honest, thief])
    scores = prada.strangeness(points, np.zeros((5, 300), dtype=np.int64), (100, 300), latched=False)
    assert np.all(scores[:, 0] == -1.0)
    assert scores[4, 1] > scores[:4, 1].max()


def test_a_latched_prada_is_never_less_strange_than_one_that_forgets() -> None:
    points, labels = RNG.normal(size=(3, 200, 5)), RNG.integers(0, 2, size=(3, 200))
    latched = prada.strangeness(points, labels, (150, 200), latched=True)
    assert np.all(latched >= prada.strangeness(points, labels, (150, 200), latched=False) - 1e-12)


def test_pradas_w_leaves_out_small_classes_and_far_distances() -> None:
    found = np.r_[np.nan, RNG.normal(10, 1, size=150), np.full(9, 3.0), 100.0]
    labels = np.r_[np.zeros(151, dtype=np.int64), np.ones(9, dtype=np.int64), 0]
    assert prada.w_of(found, labels) == pytest.approx(shapiro(found[1:151]).statistic)


def test_seat_matches_so_often_that_one_honest_query_in_ten_thousand_costs_an_account() -> None:
    honest = RNG.normal(size=(41, 500, 6))
    near = seat.nearest(honest) < seat.honest_distance(honest)
    assert near.mean() == pytest.approx(seat.MATCHES * seat.RATE, rel=0.05)
    assert seat.cancellations(near) == 2  # of 20,500 queries


def test_seat_counts_a_query_that_lies_beside_an_earlier_one() -> None:
    points = np.array([[[0.0], [10.0], [10.1], [0.05], [5.0]]])
    assert seat.matches(points, 0.2, (2, 3, 5)).tolist() == [[0.0, 1.0, 2.0]]


def test_hodas_hardness_is_the_start_of_the_last_stable_run() -> None:
    stages = np.array([[1, 1, 1, 1], [0, 1, 1, 1], [1, 0, 1, 1], [0, 0, 0, 1], [1, 0, 1, 0]])
    assert hoda.hardness(stages).tolist() == [0, 1, 2, 3, 3]


def test_hodas_distance_is_zero_to_itself_one_to_a_flat_histogram_and_two_to_the_opposite() -> None:
    honest = np.array([0.6, 0.2, 0.2])
    others = np.array([[0.6, 0.2, 0.2], [1 / 3, 1 / 3, 1 / 3], [0.0, 0.5, 0.5]])
    assert hoda.pearson_distance(others, honest).tolist() == pytest.approx([0.0, 1.0, 2.0])


def test_hodas_histogram_sums_to_one() -> None:
    bars = hoda.histograms(RNG.integers(0, 11, size=(5, 70)), hoda.SUB_CLASSIFIERS)
    assert bars.sum(axis=1).tolist() == pytest.approx([1.0] * 5)


def test_blacklight_matches_a_picture_with_one_pixel_changed_and_no_other_picture() -> None:
    pictures = RNG.uniform(size=(6, 784))
    changed = pictures[2].copy()
    changed[400] = 1 - changed[400]
    prints = blacklight.fingerprints(np.vstack([pictures, changed]), salt=3)
    matched = blacklight.earlier_matches(prints, np.zeros(7, dtype=np.int64))
    assert matched.tolist() == [False] * 6 + [True]


def test_blacklights_fingerprint_has_no_hash_twice_and_depends_on_the_salt() -> None:
    flat = np.zeros((1, 784))
    known = blacklight.fingerprints(flat, salt=1)
    assert len(np.unique(known[known > 0])) == np.count_nonzero(known)
    assert not np.array_equal(known, blacklight.fingerprints(flat, salt=2))


def test_blacklights_fingerprint_is_the_largest_distinct_hashes_even_where_most_are_the_same() -> None:
    picture = np.r_[np.tile(RNG.uniform(size=2), 400), RNG.uniform(size=80)][None]
    known = blacklight.fingerprints(np.vstack([picture, RNG.uniform(size=(1, 880))]), salt=5)
    assert np.all(np.diff(known[known > 0].reshape(2, -1).astype(np.float64), axis=1) < 0)
    assert known.shape == (2, blacklight.KEPT)


def test_blacklight_by_account_does_not_match_between_accounts() -> None:
    twice = np.repeat(RNG.uniform(size=(1, 300)), 2, axis=0)
    prints = blacklight.fingerprints(twice, salt=0)
    assert blacklight.earlier_matches(prints, np.array([0, 1])).tolist() == [False, False]
    assert blacklight.earlier_matches(prints, np.array([0, 0])).tolist() == [False, True]


def test_the_mmd_is_the_unbiased_estimate_written_out() -> None:
    honest, window = RNG.normal(size=(30, 3)), RNG.normal(1.0, 1.0, size=(12, 3))
    reference = mmd.Reference.of(honest)

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        square = float(np.sum((a - b) ** 2))
        return float(np.mean([np.exp(-square / (2 * (w * reference.median) ** 2)) for w in mmd.WIDTHS]))

    own = [kernel(a, b) for i, a in enumerate(window) for j, b in enumerate(window) if i != j]
    theirs = [kernel(a, b) for i, a in enumerate(honest) for j, b in enumerate(honest) if i != j]
    cross = [kernel(a, b) for a in window for b in honest]
    expected = np.mean(own) + np.mean(theirs) - 2 * np.mean(cross)
    assert reference.discrepancy(window[None])[0] == pytest.approx(expected, abs=1e-5)


def test_the_mmd_of_honest_windows_is_zero_on_average_and_that_of_others_is_not() -> None:
    reference = mmd.Reference.of(RNG.normal(size=(400, 5)))
    honest = reference.discrepancy(RNG.normal(size=(200, 50, 5)))
    other = reference.discrepancy(RNG.normal(0.5, 1.0, size=(20, 50, 5)))
    assert abs(honest.mean()) < 3e-3
    assert other.min() > honest.mean() + 2 * honest.std()


def test_p_values_of_honest_accounts_stay_below_a_rate_as_often_as_it_says() -> None:
    honest, fresh = RNG.normal(size=2_000), RNG.normal(size=20_000)
    assert np.mean(p_values(fresh, honest) <= 0.01) == pytest.approx(0.01, abs=0.006)
    assert np.all(p_values(np.zeros(5), np.zeros(100)) == 1.0)  # ties speak for the account


def test_the_interval_of_a_share_is_the_textbooks() -> None:
    none = share(0, 2_995)
    assert none.low == 0.0
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 2_995))
    assert share(10, 10).low == pytest.approx(0.025 ** (1 / 10))


def test_a_rate_needs_one_honest_account_more_than_its_inverse() -> None:
    assert enough_accounts(999, 0.001)
    assert not enough_accounts(998, 0.001)
