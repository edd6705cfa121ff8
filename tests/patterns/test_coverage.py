"""Coverage: who explores visits more cells with as many rows, of the inputs or of embeddings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.coverage import EMBEDDING, Coverage, FittedCoverage
from tests.support.honest import COLUMNS, batch_of, honest_batch, honest_rows
from tests.support.readings import explained, profile_of, readings

ROWS = 64


def explored(rng: np.random.Generator) -> FloatArray:
    """Rows in all directions from the middle of all customers' rows."""
    inputs = honest_batch(100, ROWS, seed=1).inputs
    assert inputs is not None
    rows: FloatArray = inputs.mean(axis=0) + inputs.std(axis=0) * rng.standard_normal((ROWS, COLUMNS))
    return rows


def test_a_caller_who_explores_covers_more_than_customers() -> None:
    profile = profile_of(Coverage(), honest_batch(100, ROWS, seed=1))
    rng = np.random.default_rng(2)
    exploring = readings(profile, batch_of([explored(rng) for _ in range(20)], "thief"))
    honest = readings(profile, honest_batch(300, ROWS, seed=3))
    assert np.all(exploring > np.quantile(honest, 0.99))
    assert np.all((honest > 0) & (honest <= 1))


def test_rows_that_are_sent_again_cover_nothing_new() -> None:
    profile = profile_of(Coverage(), honest_batch(100, ROWS, seed=1))
    rows = np.random.default_rng(4).uniform(-6, 6, (8, COLUMNS))
    again = readings(profile, batch_of([np.tile(rows, (8, 1))]))
    assert again[0] <= 8 / ROWS


def test_of_a_model_that_answers_with_embeddings_their_space_is_covered() -> None:
    rng = np.random.default_rng(5)
    turn = rng.standard_normal((COLUMNS, EMBEDDING))
    honest = honest_batch(100, ROWS, seed=6)
    assert honest.inputs is not None
    honest = replace(honest, scores=honest.inputs @ turn)
    profile = profile_of(Coverage(), honest)
    same = batch_of([honest_rows(rng, ROWS)])
    assert same.inputs is not None
    still = replace(same, scores=np.tile(same.inputs[:1] @ turn, (ROWS, 1)))
    moving = replace(same, scores=explored(rng) @ turn)
    assert readings(profile, still)[0] == 1 / ROWS
    assert readings(profile, moving)[0] > np.quantile(readings(profile, honest), 0.99)
    assert np.isnan(readings(profile, replace(same, scores=np.full((ROWS, EMBEDDING), np.nan)))[0])
    assert np.isnan(readings(profile, replace(same, scores=None))[0])


@pytest.mark.filterwarnings("error")
def test_answers_that_are_all_missing_are_no_embeddings() -> None:
    honest = honest_batch(100, ROWS, seed=8)
    unknown = replace(honest, scores=np.full((len(honest), EMBEDDING), np.nan))
    fitted = profile_of(Coverage(), unknown).fitted["coverage"]
    assert isinstance(fitted, FittedCoverage)
    assert not fitted.answers


def test_it_says_how_many_cells() -> None:
    profile = profile_of(Coverage(), honest_batch(100, ROWS, seed=1))
    rows = np.tile(honest_rows(np.random.default_rng(7), 1), (5, 1))
    assert explained(profile, batch_of([rows])) == "5 rows have visited 1 of 2048 cells of the space"
