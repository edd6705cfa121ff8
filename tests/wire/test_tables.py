from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.wire.tables import TableFault, read_table


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_table_or_a_fault(body: bytes) -> None:
    try:
        table = read_table(body)
    except TableFault:
        return
    assert table.rows or table.headed


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), min_size=1, max_size=5))
def test_a_table_of_numbers_has_no_head(rows: list[list[float]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    table = read_table(text.getvalue().encode())
    assert (table.headed, [[float(cell) for cell in line] for line in table.rows]) == (False, rows)


def test_a_first_line_of_names_is_a_head_and_one_with_a_number_in_it_is_not() -> None:
    assert read_table(b"age,income\n30,1.5\n").rows == [["30", "1.5"]]
    assert read_table(b"0.25,cat\n").rows == [["0.25", "cat"]]


@pytest.mark.parametrize("body", [b"", b"\n\n", b"1,2\n3\n", b"1,inf\n", b"1,1e999\n", b"\xff\xfe", b'"open\n'])
def test_what_is_no_table_is_a_fault(body: bytes) -> None:
    with pytest.raises(TableFault):
        read_table(body)


def test_a_missing_cell_is_no_fault() -> None:
    assert read_table(b"1,\nnan,2\n").rows == [["1", ""], ["nan", "2"]]
