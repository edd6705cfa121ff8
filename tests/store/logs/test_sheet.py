"""Entries as columns: numbers as they are, categories as their numbers, and nothing that is not there."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.hashing import category_number
from moatkeeper.store.logs.base import Entry
from moatkeeper.store.logs.sheet import NARROW, Sheet, label_numbers, numbers_of, plain_texts, shape_of

CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.lists(st.integers(), max_size=2)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6))
def test_whatever_cells_hold_they_become_numbers_row_by_row(rows: list[list[object]]) -> None:
    found = numbers_of(rows, 3)
    assert found.shape == (len(rows), 3)
    for row, numbers in zip(rows, found, strict=True):
        assert np.array_equal(numbers_of([row], 3)[0], numbers, equal_nan=True)


def test_cells_by_hand() -> None:
    found = numbers_of([[1, None, "red"], [True, "2.5", ""]], 3)
    assert found[0].tolist()[:1] == [1.0]
    assert np.isnan(found[0, 1])
    assert found[1].tolist()[:2] == [1.0, 2.5]
    assert found[0, 2] == category_number("red")
    assert np.isnan(found[1, 2])


def test_labels_by_hand() -> None:
    assert label_numbers([1, 0, "3", None, "", 2.0]).tolist() == [1, 0, 3, -1, -1, 2]
    assert label_numbers(["yes", -1, [1]]).min() >= 1 << 51


def test_texts_that_are_none_become_texts() -> None:
    assert list(plain_texts(["a", None, 7])) == ["a", "", "7"]


def test_columns_that_nobody_has_are_left_out_and_rows_are_counted() -> None:
    entries = [
        Entry("a", 1.0, "m", numbers=[[1.0, 2.0], [3.0, 4.0]], rows=2, scores=[[0.5], [0.25]], tokens=4),
        Entry("b", 2.0, "m", numbers=[[5.0, 6.0]], rows=1),
    ]
    heap, table = Sheet("m", shape_of(entries[0]), ["a", "b"], entries, np.array([0, 1])).table()
    assert (heap.rows, heap.has, dict(heap.answers)) == (3, {"scores", "tokens"}, {1: 2})
    assert (heap.first_at, heap.last_at) == (1.0, 2.0)
    assert table["account"].tolist() == ["a", "a", "b"]
    assert table["place"].tolist() == [0, 1, 0]
    assert table["i1"].tolist() == [2.0, 4.0, 6.0]
    assert table["width"].tolist() == [1, 1, -1]
    assert {"label", "turns", "room", "text"} & set(table) == set()


def test_wide_rows_are_kept_as_bytes() -> None:
    rows = [[float(place) for place in range(NARROW + 1)]]
    _, table = Sheet("m", "numbers", ["a"], [Entry("a", 1.0, numbers=rows)], np.array([0])).table()
    assert np.frombuffer(table["inputs"][0]).tolist() == rows[0]


def test_shapes_tell_widths_and_names_apart() -> None:
    shapes = [
        shape_of(Entry("a", 0.0, numbers=[[1.0]])),
        shape_of(Entry("a", 0.0, numbers=[[1.0, 2.0]])),
        shape_of(Entry("a", 0.0, numbers=[[1.0, 2.0]], columns=("x", "y"))),
        shape_of(Entry("a", 0.0, texts=["x"])),
        shape_of(Entry("a", 0.0)),
    ]
    assert len(set(shapes)) == len(shapes)
