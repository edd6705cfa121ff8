"""The index of near-duplicates: whoever asks, and however many do it together."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moatkeeper.errors import StoreError
from moatkeeper.sketch.locality import ColumnSubsets, Projections
from moatkeeper.sketch.mixing import HashArray
from moatkeeper.sketch.neighbours import NUMBERS, VERSION, WAYS, Neighbours
from moatkeeper.sketch.neighbours_batch import Met

Ints = npt.NDArray[np.int64]
TABLES, LEAST, SALT = 4, 2, 99
COLUMNS, LEVELS = 20, 16
RING = 1_000  # accounts
EACH = 4  # rows of each


def index(rows: int = 1_000) -> Neighbours:
    return Neighbours(TABLES, rows, LEAST, SALT)


def rows_of(*rows: str) -> HashArray:
    """A row a word, a letter a table; a dot says nothing."""
    return np.array([[-1 if letter == "." else ord(letter) for letter in row] for row in rows])


def fresh(size: int, seed: int) -> HashArray:
    return np.random.default_rng(seed).integers(0, 2**62, (size, TABLES))


def same(first: Met, second: Met) -> bool:
    return all(np.array_equal(getattr(first, column), getattr(second, column)) for column in Met._fields)


def dealt(one: Neighbours, hashes: HashArray, owners: Ints, sizes: Sequence[int]) -> Met:
    """What rows meet in batches of these sizes."""
    cuts = np.cumsum(sizes)[:-1]
    parts = [one.meet(*part) for part in zip(np.split(hashes, cuts), np.split(owners, cuts), strict=True)]
    return Met(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def test_a_worked_example() -> None:
    met = index().meet(rows_of("abcd", "abxy", "aqrs", "abcy", "...."), np.array([1, 2, 3, 4, 5]))
    assert met.rows.tolist() == [0, 1, 0, 2, 0]
    assert met.others.tolist() == [0, 1, 0, 2, 0]
    assert met.shared.tolist() == [0, 2, 0, 3, 0]
    names = Neighbours.short_names(np.array([1, 2, 3, 4, 5]))
    assert met.nearest[[1, 3]].tolist() in ([names[0], names[0]], [names[0], names[1]])


def test_one_who_repeats_himself_meets_no_others() -> None:
    one = index()
    met = one.meet(np.tile(rows_of("abcd"), (20, 1)), np.full(20, 7))
    assert met.rows.tolist() == list(range(20))
    assert not met.others.any()
    stranger = one.meet(rows_of("abcd"), np.array([8]))
    assert (stranger.rows.tolist(), stranger.others.tolist(), stranger.shared.tolist()) == ([20], [1], [TABLES])
    assert stranger.nearest[0] == Neighbours.short_names(np.array([7]))[0]


def test_one_who_repeats_himself_is_one_other_and_takes_the_place_of_one() -> None:
    once, often = index(), index()
    once.meet(rows_of("abcd"), np.array([7]))
    often.meet(rows_of("abcd"), np.array([7]))
    often.meet(np.tile(rows_of("abcd"), (20, 1)), np.full(20, 7))
    assert len(once.to_bytes()) == len(often.to_bytes())
    fresh_one = index()
    fresh_one.meet(np.tile(rows_of("abcd"), (20, 1)), np.full(20, 7))
    assert len(once.to_bytes()) == len(fresh_one.to_bytes())
    met = often.meet(np.tile(rows_of("abcd"), (3, 1)), np.array([7, 8, 9]))
    assert met.others.tolist() == [0, 1, 2]
    assert met.rows.tolist() == [21, 22, 23]


few_rows = st.lists(st.tuples(st.text("abc", min_size=TABLES, max_size=TABLES), st.integers(0, 2)), min_size=1, max_size=WAYS)


@given(few_rows, st.integers(1, WAYS))
@settings(max_examples=60, deadline=None)
def test_rows_of_different_owners_meet_the_same_however_they_are_cut(told: list[tuple[str, int]], size: int) -> None:
    hashes, owners = rows_of(*(row for row, _ in told)), np.arange(len(told))
    sizes = [size] * (len(told) // size) + [len(told) % size]
    at_once, cut = index().meet(hashes, owners), dealt(index(), hashes, owners, sizes)
    assert same(at_once, cut)
    alike = (hashes[:, None] == hashes[None]).sum(axis=2) * np.tri(len(told), k=-1, dtype=np.int64)
    assert ((at_once.others > 0) == (alike.max(axis=1) >= LEAST)).all()
    assert at_once.shared.tolist() == np.where(alike.max(axis=1) >= LEAST, alike.max(axis=1), 0).tolist()


@given(few_rows)
@settings(max_examples=60, deadline=None)
def test_a_batch_finds_whatever_one_by_one_finds(told: list[tuple[str, int]]) -> None:
    hashes, owners = rows_of(*(row for row, _ in told)), np.array([owner for _, owner in told])
    at_once, cut = index().meet(hashes, owners), dealt(index(), hashes, owners, [1] * len(told))
    for column in ("rows", "others", "shared"):
        assert (getattr(at_once, column) >= getattr(cut, column)).all()


def test_owners_of_a_crowded_bucket_are_counted_past_those_it_names() -> None:
    met = dealt(index(), np.tile(rows_of("abcd"), (100, 1)), np.arange(100), [7] * 14 + [2])
    np.testing.assert_array_equal(met.others, np.arange(100))
    np.testing.assert_array_equal(met.rows, np.arange(100))


def customers(rng: np.random.Generator, size: int) -> Ints:
    """Rows of customers who each have a kind of their own: half of the columns keep near it."""
    centres = rng.integers(0, LEVELS, (50, COLUMNS))[rng.integers(0, 50, size)]
    own = np.clip(centres + rng.integers(-2, 3, (size, COLUMNS)), 0, LEVELS - 1)
    return np.where(np.arange(COLUMNS) < COLUMNS // 2, own, rng.integers(0, LEVELS, (size, COLUMNS)))


def test_a_search_dealt_to_a_thousand_accounts_is_found_and_customers_are_not() -> None:
    rng = np.random.default_rng(5)
    subsets = ColumnSubsets.drawn(8, COLUMNS, rng)
    one = Neighbours(8, 20_000, 2, SALT)
    met = one.meet(subsets.of(customers(rng, 10_000)), rng.integers(0, 3_000, 10_000))
    assert np.mean(met.others > 0) < 0.001
    steps = np.repeat(customers(rng, 40), RING * EACH // 40, axis=0)  # forty searches of a hundred steps
    steps[np.arange(RING * EACH), rng.integers(0, COLUMNS, RING * EACH)] = rng.integers(0, LEVELS, RING * EACH)
    alone = Neighbours(8, 20_000, 2, SALT).meet(subsets.of(steps), np.zeros(RING * EACH, dtype=np.int64))
    assert not alone.others.any()  # that they are others is what counts
    met = one.meet(subsets.of(steps), 10_000 + np.arange(RING * EACH) % RING)
    assert np.mean(met.others > 0) > 0.9
    late = np.arange(RING * EACH) % 100 >= 50
    assert 25 < np.median(met.others[late]) < 75  # of the 50 to 99 who asked before
    ring = Neighbours.short_names(10_000 + np.arange(RING))
    assert np.isin(met.nearest[met.others > 0], ring).mean() > 0.99


def test_points_nearer_than_a_cell_meet_and_others_do_not() -> None:
    rng = np.random.default_rng(6)
    projections = Projections.drawn(8, 24, 4.0, rng)
    points = rng.normal(size=(5_000, 24))
    one = Neighbours(8, 20_000, 2, SALT)
    assert np.mean(one.meet(projections.of(points), np.arange(5_000)).others > 0) < 0.002
    near = points[:1_000] + rng.normal(0, 0.02, (1_000, 24))
    assert np.mean(one.meet(projections.of(near), 5_000 + np.arange(1_000)).others > 0) > 0.98


def test_rows_that_share_one_table_less_than_asked_are_no_neighbours() -> None:
    assert index().meet(rows_of("abcd", "aqrs"), np.array([1, 2])).others.tolist() == [0, 0]
    bold = Neighbours(TABLES, 1_000, 1, SALT)
    assert bold.meet(rows_of("abcd", "aqrs"), np.array([1, 2])).others.tolist() == [0, 1]


def test_memory_is_bounded_and_the_oldest_makes_way() -> None:
    one = index(rows=2_000)
    size = one.nbytes
    old, recent = fresh(200, seed=1), fresh(200, seed=2)
    one.meet(old, np.arange(200))
    one.meet(fresh(20_000, seed=3), np.arange(20_000))
    one.meet(recent, np.arange(200))
    one.meet(fresh(500, seed=4), np.arange(500))
    assert one.nbytes == size < 200_000
    assert np.mean(one.meet(recent, 1_000 + np.arange(200)).others > 0) > 0.98
    assert np.mean(one.meet(old, 1_000 + np.arange(200)).others > 0) == 0.0


def test_numbers_of_rows_begin_again_without_harm() -> None:
    one = index()
    one.taken = 127 * NUMBERS - 2
    owners = np.arange(60)
    hashes = fresh(60, seed=1)
    assert not one.meet(hashes, owners).others.any()
    met = one.meet(hashes, 100 + owners)
    assert met.others.tolist() == [1] * 60
    np.testing.assert_array_equal(met.nearest, Neighbours.short_names(owners))


def test_nothing_meets_nothing() -> None:
    assert len(index().meet(np.empty((0, TABLES), dtype=np.int64), np.empty(0, dtype=np.int64)).rows) == 0
    silent = np.full((3, TABLES), -1)
    one = index()
    assert not one.meet(silent, np.arange(3)).rows.any()
    assert len(one.to_bytes()) == len(index().to_bytes())  # nothing was kept


def test_an_index_goes_on_from_its_bytes() -> None:
    one = index()
    one.meet(fresh(3_000, seed=1), np.arange(3_000))
    content = one.to_bytes()
    other = Neighbours.from_bytes(content, SALT, "index")
    assert (other.taken, other.tables, other.least, other.nbytes) == (3_000, TABLES, LEAST, one.nbytes)
    later = np.concatenate([fresh(3_000, seed=1)[-300:], fresh(300, seed=2)])
    assert same(one.meet(later, 9_000 + np.arange(600)), other.meet(later, 9_000 + np.arange(600)))
    assert one.to_bytes() == other.to_bytes() != content
    assert len(index().to_bytes()) < len(content)


def test_another_salt_puts_rows_elsewhere() -> None:
    contents = []
    for salt in (1, 2):
        one = Neighbours(TABLES, 1_000, LEAST, salt)
        one.meet(fresh(50, seed=1), np.arange(50))
        contents.append(one.to_bytes())
    assert contents[0] != contents[1]
    with pytest.raises(StoreError, match="another salt"):
        Neighbours.from_bytes(contents[0], 2, "index")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda content: b"", "0 bytes that are no index"),
        (lambda content: b"junk" * 100, "400 bytes that are no index"),
        (lambda content: content[:-1], "damaged bytes"),
        (lambda content: content[:3] + bytes([VERSION + 1]) + content[4:], f"version {VERSION + 1}"),
        (lambda content: content[:4] + zlib.crc32(content[8:-8]).to_bytes(4, "little") + content[8:-8], "another length"),
    ],
)
def test_what_is_no_index_is_refused_with_a_reason(change: object, found: str) -> None:
    one = index()
    one.meet(fresh(100, seed=1), np.arange(100))
    assert callable(change)
    with pytest.raises(StoreError, match=f"index.bin: found .*{found}.*, expected an index of version {VERSION}") as caught:
        Neighbours.from_bytes(change(one.to_bytes()), SALT, "index.bin")
    assert "fills again" in caught.value.hint


@pytest.mark.parametrize(("tables", "least"), [(4, 0), (4, 5), (65, 2)])
def test_an_index_that_could_match_nothing_is_refused(tables: int, least: int) -> None:
    with pytest.raises(ValueError, match=f"found {least} of {tables} tables"):
        Neighbours(tables, 100, least, SALT)
