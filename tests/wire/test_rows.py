from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import InputKind
from moatkeeper.errors import MalformedRequest
from moatkeeper.wire.rows import all_numbers, by_column, by_row, kind_of, records, require_rows


@given(st.lists(st.lists(st.floats(), min_size=1, max_size=3), min_size=1, max_size=5))
def test_rows_are_taken_whole_or_refused_for_being_ragged(rows: list[list[float]]) -> None:
    if len({len(row) for row in rows}) > 1:
        with pytest.raises(MalformedRequest, match="differ in length"):
            by_row(rows, "instances")
    else:
        assert by_row(rows, "instances").rows == len(rows)


@pytest.mark.parametrize("value", [None, {}, "rows", [], [[1], 2], [1, "a"]])
def test_what_is_no_list_of_like_rows_is_refused(value: object) -> None:
    with pytest.raises(MalformedRequest):
        require_rows(value, "instances")


def test_a_missing_number_among_numbers_is_a_row_like_the_others() -> None:
    assert require_rows([1.5, None, 2], "instances") == [1.5, None, 2]


def test_tensors_by_name_have_as_many_rows_as_their_first_axis() -> None:
    both = by_column({"age": [30, 40], "income": [1.0, 2.0]}, "inputs")
    assert (both.kind, both.rows) == (InputKind.RECORDS, 2)
    assert both.values == [{"age": 30, "income": 1.0}, {"age": 40, "income": 2.0}]


def test_tensors_that_differ_in_their_first_axis_are_charged_by_the_longest() -> None:
    assert by_column({"batch": [[1], [2], [3]], "flag": [True]}, "inputs").rows == 3
    assert by_column({"batch": [[1], [2], [3]], "flag": True}, "inputs").rows == 3


def test_one_tensor_is_its_rows_and_one_value_is_one_row() -> None:
    assert by_column([[1.0], [2.0]], "inputs").rows == 2
    assert by_column(7.0, "inputs").rows == 1
    with pytest.raises(MalformedRequest):
        by_column({}, "inputs")


def test_rows_are_told_apart_by_their_outside() -> None:
    kinds = [kind_of(row) for row in ([1.0], {"a": 1}, {"b64": "AA=="}, "text")]
    assert kinds == [InputKind.NUMBERS, InputKind.RECORDS, InputKind.OPAQUE, InputKind.TEXTS]
    assert records(["a", "b"], [(1, 2)]) == [{"a": 1, "b": 2}]
    assert all_numbers([1, None, 2.0])
    assert not all_numbers([1, "2"])
