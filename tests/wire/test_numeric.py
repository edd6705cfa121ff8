"""Nested lists and arrays: there and back without loss, and no number taken for a label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from moatkeeper.core.answer import OutputKind
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.wire.numeric import MAX_DEPTH, column, core, flat, restore, shaped

tensors = arrays.arrays(
    np.float64,
    arrays.array_shapes(max_dims=4, max_side=3),
    elements=st.floats(allow_nan=False, allow_infinity=False),
)


@given(tensors)
def test_a_tensor_comes_back_as_it_was(tensor: FloatArray) -> None:
    original = column("p", OutputKind.NUMBERS, tensor.tolist(), len(tensor))
    assert original.output.values is not None
    assert original.output.values.ndim == 2
    assert restore(original.output, original) == tensor.tolist()


@given(tensors)
def test_flat_rows_are_the_last_axis(tensor: FloatArray) -> None:
    rows = flat(tensor)
    last = core(tensor.shape)[-1]
    assert rows.shape == ((tensor.size, 1) if tensor.ndim == 1 else (tensor.size // last, last))
    assert np.array_equal(shaped(rows, tensor.shape), tensor)


def test_one_fraction_makes_numbers_of_whole_numbers() -> None:
    assert column("p", OutputKind.NUMBERS, [1, 2], 2).output.kind is OutputKind.LABELS
    mixed = column("p", OutputKind.NUMBERS, [1, 2.5], 2).output
    assert mixed.kind is OutputKind.NUMBERS
    assert mixed.values is not None
    assert mixed.values.tolist() == [[1.0], [2.5]]


def test_declared_scores_are_numbers_even_where_they_are_whole() -> None:
    output = column("p", OutputKind.SCORES, [[1, 0]], 1).output
    assert output.values is not None
    assert output.values.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    "value",
    [
        [0.5],
        0.5,
        "ab",
        None,
        [0.5, "a"],
        [0.5, True],
        [0.5, None],
        [[0.5], [0.5, 0.5]],
        [[0.5], 0.5],
        [{}, {}],
        [{"p": 0.5}, "a"],
    ],
)
def test_what_is_not_two_rows_of_numbers_is_unexpected(value: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        column("p", OutputKind.NUMBERS, value, 2)


def test_nesting_is_bounded() -> None:
    value: list[object] = [0.5]
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    assert column("p", OutputKind.NUMBERS, value, 1).output.values is not None
    with pytest.raises(UnexpectedAnswer):
        column("p", OutputKind.NUMBERS, [value], 1)


def test_trailing_axes_of_length_1_do_not_part_a_row_from_its_scores() -> None:
    array = np.array([[[0.3371], [0.3379], [0.325]]])
    assert flat(array).tolist() == [[0.3371, 0.3379, 0.325]]
    assert shaped(flat(array), array.shape).tolist() == array.tolist()
    assert flat(np.zeros((2, 1, 1))).shape == (2, 1)
    assert shaped(np.zeros((2, 1)), (2, 1, 1)).shape == (2, 1, 1)
