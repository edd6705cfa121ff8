"""Embeddings keep their direction and length within the steps that the contract leaves them."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.query import FloatArray
from moatkeeper.outputs.embeddings import cosine_error, quantise, shorten


@st.composite
def embeddings(draw: st.DrawFn) -> FloatArray:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows: FloatArray = generator.normal(size=(draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 16, 384]))))
    rows *= 10.0 ** draw(st.integers(-6, 6))
    if draw(st.booleans()):
        rows[0] = 0.0
    return rows


@given(embeddings(), st.integers(2, 16))
def test_no_coordinate_is_off_by_more_than_half_a_step(rows: FloatArray, bits: int) -> None:
    largest = np.abs(rows).max(axis=1, keepdims=True)
    step = largest / (2 ** (bits - 1) - 1)
    assert (np.abs(quantise(rows, bits) - rows) <= step * 0.51).all()


@given(embeddings(), st.integers(1, 24))
def test_quantising_again_changes_nothing(rows: FloatArray, bits: int) -> None:
    released = quantise(rows, bits)
    assert np.array_equal(quantise(released, bits), released)


@given(embeddings(), st.integers(1, 10))
def test_a_row_takes_no_more_values_than_its_bits_allow(rows: FloatArray, bits: int) -> None:
    assert all(len(np.unique(row)) <= 2**bits for row in quantise(rows, bits))


@given(embeddings(), st.integers(1, 400))
def test_shortened_vectors_are_as_long_as_before(rows: FloatArray, dimensions: int) -> None:
    shortened = shorten(rows, dimensions)
    assert shortened.shape[1] == min(dimensions, rows.shape[1])
    np.testing.assert_allclose(np.linalg.norm(shortened, axis=1), np.linalg.norm(rows, axis=1), rtol=1e-12)


@given(embeddings(), st.integers(1, 24))
def test_zero_vectors_stay_zero(rows: FloatArray, bits: int) -> None:
    assert not quantise(np.zeros_like(rows), bits).any()
    assert not shorten(np.zeros_like(rows), 1).any()


def test_eight_bits_cost_a_unit_vector_of_384_coordinates_little() -> None:
    rows = np.random.default_rng(7).normal(size=(200, 384))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    errors = {bits: float(cosine_error(rows, quantise(rows, bits)).max()) for bits in (8, 4, 1)}
    assert errors[8] < 1e-4 < errors[4] < 0.03 < errors[1] < 0.3
    assert abs(np.linalg.norm(quantise(rows, 8), axis=1) - 1.0).max() < 2e-3


def test_the_worked_example() -> None:
    """Three bits: the largest, 0.6, is 3 steps of 0.2; -0.31 is nearest to -2 of them and 0.09 to none."""
    assert json.dumps(quantise(np.array([[0.6, -0.31, 0.09]]), 3).tolist()) == "[[0.6, -0.4, 0.0]]"


def test_a_thousand_coordinates_print_short() -> None:
    rows = np.random.default_rng(1).normal(size=(1, 1000)) / 31.0
    assert max(len(repr(value)) for value in np.abs(quantise(rows, 8)).ravel().tolist()) <= 12
