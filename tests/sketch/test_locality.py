"""Hashes that rows share when they are alike."""

from __future__ import annotations

import numpy as np
import pytest

from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.locality import ColumnSubsets, Projections, bands, unfamiliar
from moatkeeper.sketch.signatures import resemblance, text_signatures

TABLES = 8


def test_a_change_of_one_column_spares_the_tables_that_do_not_look_at_it() -> None:
    subsets = ColumnSubsets.drawn(TABLES, 10, np.random.default_rng(0))
    codes = np.random.default_rng(1).integers(0, 16, (1, 10))
    changed = np.repeat(codes, 10, axis=0)
    changed[np.arange(10), np.arange(10)] += 1
    np.testing.assert_array_equal(subsets.of(changed) == subsets.of(codes), ~subsets.kept.T)
    assert subsets.kept.sum(axis=1).tolist() == [5] * TABLES


def test_tables_have_hashes_of_their_own_and_none_is_negative() -> None:
    subsets = ColumnSubsets(np.ones((TABLES, 4), dtype=bool))
    hashes = subsets.of(np.zeros((1, 4), dtype=np.int16))
    assert len(set(hashes[0].tolist())) == TABLES
    assert (hashes >= 0).all()


@pytest.mark.parametrize(("distance", "least", "most"), [(0.0, 1.0, 1.0), (0.1, 0.75, 0.95), (0.5, 0.2, 0.5), (8.0, 0.0, 0.01)])
def test_nearer_points_share_more_tables(distance: float, least: float, most: float) -> None:
    rng = np.random.default_rng(2)
    projections = Projections.drawn(TABLES, 12, 4.0, rng)
    points, direction = rng.normal(size=(2_000, 12)), rng.normal(size=(2_000, 12))
    moved = points + distance * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    shared = np.mean(projections.of(points) == projections.of(moved))
    assert least <= shared <= most


def test_a_point_without_a_coordinate_has_no_hash() -> None:
    projections = Projections.drawn(TABLES, 2, 1.0, np.random.default_rng(0))
    hashes = projections.of(np.array([[0.0, np.nan], [0.0, 0.0]]))
    assert (hashes[0] == -1).all()
    assert (hashes[1] >= 0).all()


def test_buckets_where_honest_rows_were_before_say_nothing() -> None:
    rng = np.random.default_rng(3)
    subsets, bits = ColumnSubsets.drawn(TABLES, 4, rng), Bits(TABLES, 1 << 14)
    past = rng.integers(0, 5, (300, 4))
    seen = bits.empty(1)
    bits.fold(seen, np.zeros(300, dtype=np.int64), subsets.of(past))
    assert (unfamiliar(subsets.of(past), bits, seen) == -1).all()
    strange = subsets.of(rng.integers(1_000, 9_000, (300, 4)))
    kept = unfamiliar(strange, bits, seen)
    assert np.mean(kept == strange) > 0.98
    assert ((kept == strange) | (kept == -1)).all()


def test_texts_share_bands_as_often_as_their_similarity_says() -> None:
    words = [f"word{number}" for number in range(40)]
    first = [" ".join(np.roll(words, shift)) + f" end {shift} of this text" for shift in range(40)]
    second = [one.replace("word7 ", "other ") for one in first]
    one, other = text_signatures(first, 64), text_signatures(second, 64)
    expected = np.mean(resemblance(one, other) ** 2)
    assert np.mean(bands(one, 32) == bands(other, 32)) == pytest.approx(expected, abs=0.05)


def test_an_empty_text_has_no_band() -> None:
    assert (bands(text_signatures([""], 16), 4) == -1).all()
