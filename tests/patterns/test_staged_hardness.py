"""Staged hardness: the stage from which on the answer stays, as HODA defines it, and accounts that ask for the hard ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.checkpoints import readings_at_checkpoints
from moatkeeper.patterns.profile import Profile
from moatkeeper.patterns.staged_hardness import StagedHardness, hardness
from tests.support.honest import batch_of, honest_rows, model

ROWS = 32
STAGES = 6


@given(st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=20))
def test_hardness_is_the_first_stage_of_the_last_stable_run(said: list[list[int]]) -> None:
    for row, found in zip(said, hardness(np.array(said)).tolist(), strict=True):
        assert len(set(row[int(found) :])) == 1
        assert found == 0 or row[int(found) - 1] != row[int(found)]


def test_a_worked_example() -> None:
    stages = np.array([[1, 1, 1, 1], [0, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 1], [0, 0, -1, 0]])
    np.testing.assert_array_equal(hardness(stages), [0, 1, 3, 3, np.nan])


def staged(batch: Batch) -> Batch:
    """Stages that see the rows ever more clearly."""
    inputs = np.array(batch.inputs)
    blur = np.random.default_rng(len(inputs)).normal(size=inputs.shape)
    seen = [inputs + blur * 2.0**-stage for stage in range(STAGES - 1)]
    return replace(batch, stages=np.stack([model(part).argmax(axis=1) for part in (*seen, inputs)], axis=1))


def test_asking_for_hard_rows_stands_out() -> None:
    rng = np.random.default_rng(1)
    profile = Profile.fit(
        "model", staged(batch_of([honest_rows(rng, ROWS) for _ in range(200)])), {"staged-hardness": StagedHardness()}
    )
    hard = [rows[np.argsort(np.abs(model(rows)[:, 0] - 0.5))[:ROWS]] for rows in (honest_rows(rng, 600) for _ in range(20))]
    usual = [honest_rows(rng, ROWS) for _ in range(200)]
    found = next(
        one.readings[:, 0] for one in readings_at_checkpoints(profile, staged(batch_of(hard + usual))) if one.rows == ROWS
    )
    assert np.median(found[:20]) > np.quantile(found[20:], 0.99)


def test_a_quarter_of_hard_rows_stands_out_as_well() -> None:
    rng = np.random.default_rng(1)
    profile = Profile.fit(
        "model", staged(batch_of([honest_rows(rng, ROWS) for _ in range(600)])), {"staged-hardness": StagedHardness()}
    )
    hard = [
        rows[np.argsort(np.abs(model(rows)[:, 0] - 0.5))[: ROWS // 4]] for rows in (honest_rows(rng, 200) for _ in range(60))
    ]
    mixed = [np.concatenate([rows, honest_rows(rng, ROWS - len(rows))]) for rows in hard]
    usual = [honest_rows(rng, ROWS) for _ in range(300)]
    found = next(
        one.readings[:, 0] for one in readings_at_checkpoints(profile, staged(batch_of(mixed + usual))) if one.rows == ROWS
    )
    assert np.mean(found[:60] > np.quantile(found[60:], 0.99)) > 0.2


def test_a_model_without_stages_has_no_hardness() -> None:
    rows = batch_of([honest_rows(np.random.default_rng(2), 300)])
    assert StagedHardness().fit(Profile.fit("model", rows, {}).rows(rows)) is None
