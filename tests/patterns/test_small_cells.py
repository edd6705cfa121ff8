"""Small cells: small steps in all columns stay inside, another value in one column does not; a cell is the row's own matter."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.small_cells import SmallCells

CELLS = SmallCells.draw(10, 4, 0.25, 1)


def shared(first: np.ndarray, second: np.ndarray) -> float:
    """The share of rows and tables in which two rows have one cell."""
    return float(np.mean(CELLS.of(first.astype(np.float32)) == CELLS.of(second.astype(np.float32))))


def test_small_steps_stay_and_another_value_does_not() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 10))
    other = rows.copy()
    other[:, 3] += 1.0
    assert shared(rows, rows) == 1.0
    assert shared(rows, rows + rng.normal(0, 0.002, rows.shape)) > 0.9
    assert shared(rows, other) < 0.1
    assert shared(rows, rng.normal(size=rows.shape)) == 0.0


@given(seed=st.integers(0, 2**32 - 1))
def test_a_cell_depends_on_the_row_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.uniform(-6, 6, (200, 10)).astype(np.float32)
    chosen = rng.permutation(200)[: rng.integers(1, 200)]
    np.testing.assert_array_equal(CELLS.of(rows)[chosen], CELLS.of(rows[chosen]))


def test_tables_are_cut_differently() -> None:
    cells = CELLS.of(np.zeros((1, 10), dtype=np.float32))
    assert cells.shape == (1, CELLS.tables)
    assert len(np.unique(cells)) == CELLS.tables
