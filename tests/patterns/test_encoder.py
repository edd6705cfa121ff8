"""The encoder: tables, images and texts in the same coordinates; bad values are missing ones, never impossible ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.columns import MISSING, UNSEEN
from moatkeeper.patterns.encoder import LEAST_ROWS, Encoder
from moatkeeper.patterns.hashing import category_number
from moatkeeper.patterns.projection import AXES
from tests.support.honest import honest_batch

COUNT = 600


def table() -> Batch:
    """A whole-numbered column, a category and a measurement."""
    rng = np.random.default_rng(3)
    colours = np.array([category_number(name) for name in ("red", "green", "blue")])
    inputs = np.stack([rng.integers(0, 5, COUNT), rng.choice(colours, COUNT), rng.normal(size=COUNT)], axis=1)
    return Batch(("a",), np.zeros(COUNT, dtype=np.int64), np.arange(COUNT, dtype=float), np.arange(COUNT), inputs=inputs)


def test_what_honest_rows_never_had_is_odd_and_the_rest_is_not() -> None:
    honest = table()
    encoder = Encoder.fit(honest)
    assert not encoder.rows(honest).odd.any()
    assert honest.inputs is not None
    strange = honest.take(np.arange(4))
    inputs = honest.inputs[:4].copy()
    inputs[0, 0], inputs[1, 1], inputs[2, 2], inputs[3, 0] = 2.5, category_number("mauve"), 40.0, 17.0
    rows = encoder.rows(replace(strange, inputs=inputs))
    assert rows.odd.tolist() == [[True, False, False], [False, True, False], [False, False, True], [True, False, False]]
    assert rows.codes[0, 0] == rows.codes[1, 1] == UNSEEN


def test_missing_values_are_not_odd() -> None:
    encoder = Encoder.fit(table())
    broken = replace(table().take(np.arange(3)), inputs=np.array([[np.nan] * 3, [np.inf] * 3, [-np.inf] * 3]))
    rows = encoder.rows(broken)
    assert not rows.odd.any()
    assert (rows.codes == MISSING).all()
    assert np.isfinite(rows.points).all()


def test_a_constant_or_empty_column_changes_nothing() -> None:
    honest = table()
    assert honest.inputs is not None
    inputs = np.column_stack([honest.inputs, np.ones(COUNT), np.full(COUNT, np.nan)])
    rows = Encoder.fit(replace(honest, inputs=inputs)).rows(replace(honest, inputs=inputs))
    assert np.isfinite(rows.points).all()
    assert not rows.odd.any()


def test_images_are_projected_and_noise_lies_elsewhere() -> None:
    rng = np.random.default_rng(1)
    smooth = rng.normal(size=(COUNT, 3)) @ rng.normal(size=(3, 200))
    honest = replace(table(), inputs=smooth)
    encoder = Encoder.fit(honest)
    rows = encoder.rows(honest)
    assert rows.codes.shape == (COUNT, AXES)
    assert len(np.unique(rows.cells)) > 1


def test_texts_are_projected() -> None:
    words = ("refund", "card", "password", "balance")
    texts = tuple(f"please {words[number % 4]} number {number}" for number in range(COUNT))
    honest = replace(table(), inputs=None, texts=texts)
    encoder = Encoder.fit(honest)
    rows = encoder.rows(replace(honest.take(np.arange(3)), texts=("please refund", "", "\ud800 \0 ü")))
    assert np.isfinite(rows.points).all()
    near, far = encoder.rows(honest).points[[0, 4]], encoder.rows(honest).points[[1]]
    assert np.linalg.norm(near[0] - near[1]) < np.linalg.norm(near[0] - far[0])


def test_too_few_rows_and_other_widths_are_refused_with_a_hint() -> None:
    few = honest_batch(1, LEAST_ROWS - 1, seed=1)
    with pytest.raises(CalibrationError, match="199 honest rows"):
        Encoder.fit(few)
    encoder = Encoder.fit(table())
    assert not encoder.fits(honest_batch(1, 4, seed=1))
    with pytest.raises(CalibrationError, match="expected rows of 3 numbers"):
        encoder.rows(honest_batch(1, 4, seed=1))
    with pytest.raises(CalibrationError, match="neither numbers nor texts"):
        Encoder.fit(replace(table(), inputs=None))
