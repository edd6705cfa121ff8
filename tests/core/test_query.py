"""Inputs: rows as numbers, where they are numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import InputKind, Inputs


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_each_row_is_flattened_whatever_its_shape(rows: int, height: int, width: int) -> None:
    values = np.arange(rows * height * width).reshape(rows, height, width)
    numbers = Inputs(InputKind.NUMBERS, rows, values.tolist()).numbers()
    assert numbers.shape == (rows, height * width)
    assert numbers.ravel().tolist() == list(range(rows * height * width))


@pytest.mark.parametrize("kind", [kind for kind in InputKind if kind is not InputKind.NUMBERS])
def test_what_is_not_numbers_does_not_become_numbers(kind: InputKind) -> None:
    with pytest.raises(ValueError, match=f"inputs are {kind}, not numbers"):
        Inputs(kind, 1, [[1.0]]).numbers()


def test_ragged_rows_are_an_error() -> None:
    with pytest.raises(ValueError, match="inhomogeneous"):
        Inputs(InputKind.NUMBERS, 2, [[1.0], [1.0, 2.0]]).numbers()
