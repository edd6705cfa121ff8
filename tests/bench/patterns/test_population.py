"""Honest customers of the benchmark are what its page says of them, and every contestant is held to the same rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from bench.patterns.arena import Arena, Sizes
from bench.patterns.cells import mixed
from bench.patterns.contestants import Scorer, account_count
from bench.patterns.population import REGIONS, VARIANTS, Exchanges, Market, Pool, endless, families
from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch

ROWS, COLUMNS = 12_000, 6
RNG = np.random.default_rng(8)


def market(shares: dict[str, float] | None = None, seed: int = 0) -> Market:
    rng = np.random.default_rng(seed)
    plain = rng.normal(size=(ROWS, COLUMNS))
    asked = families(plain, 30, rng)
    inputs = np.concatenate([plain, asked.reshape(-1, COLUMNS)])
    chance = 1 / (1 + np.exp(-inputs[:, :1]))
    rows = Exchanges(inputs, None, np.hstack([1 - chance, chance]), None)
    regions = rng.integers(0, REGIONS, size=ROWS)
    spots = np.arange(ROWS, len(inputs)).reshape(30, VARIANTS)
    made = Market(Pool(rows, regions, spots), (np.array([1.0, 60.0, 3_600.0]),))
    return made if shares is None else Market(made.pool, made.gaps, shares=shares)


def test_a_tenant_never_repeats_a_row_and_keeps_to_few_regions() -> None:
    asked = market().draw(np.array(["tenant"] * 60), 40, RNG)
    assert all(len(set(row)) == 40 for row in asked.tolist())
    same = [np.mean(part[:, None] == part[None, :]) for part in market().pool.regions[asked]]
    assert 0.35 < np.mean(same) < 0.65  # 0.48 of pairs, in gentd26, and the pairs with itself


def test_a_generalist_goes_everywhere() -> None:
    regions = market().pool.regions[market().draw(np.array(["generalist"] * 20), 200, RNG)]
    assert all(len(set(row)) > REGIONS - 4 for row in regions.tolist())


def test_a_resender_repeats_itself_and_nobody_else_by_accident() -> None:
    asked = market().draw(np.array(["resender"] * 30), 100, RNG)
    repeated = np.mean([1 - len(set(row)) / 100 for row in asked.tolist()])
    assert 0.2 < repeated < 0.35


def test_a_what_if_customer_changes_one_field_at_a_time() -> None:
    inputs = market().customers(1, 1, RNG).inputs
    assert inputs is not None
    rows = market().of_kinds(np.array(["what-if"]), VARIANTS, RNG).inputs
    assert rows is not None
    assert np.all((rows[0, 1:] != rows[0, 0]).sum(axis=1) <= 1)


def test_hard_cases_are_those_that_the_model_is_unsure_of() -> None:
    scores = market().of_kinds(np.array(["hard"] * 5), 50, RNG).scores
    everybody = market().pool.rows.scores
    assert scores is not None
    assert everybody is not None
    assert np.abs(scores[..., 0] - 0.5).max() <= np.quantile(np.abs(everybody[:ROWS, 0] - 0.5), 0.21)


def test_endless_rows_are_made_of_values_that_exist() -> None:
    real = RNG.normal(size=(50, 4))
    near = np.array([[(place + step) % 50 for step in range(1, 9)] for place in range(50)])
    made, place = endless(real, near, 200, RNG)
    assert np.all([np.isin(made[:, column], real[:, column]).all() for column in range(4)])
    assert 0.6 < np.mean(made == real[place]) < 0.9


@pytest.mark.parametrize("part", [0.0, 0.25, 1.0])
def test_mixed_traffic_holds_the_thief_s_rows_in_their_order(part: float) -> None:
    thief = Exchanges(np.arange(600.0).reshape(3, 200, 1).repeat(COLUMNS, axis=2) + 1e6, None, np.zeros((3, 200, 2)), None)
    inputs = mixed(market(), thief, part, 3, RNG).inputs
    assert inputs is not None
    for account in inputs[..., 0]:
        theirs = account[account >= 1e6]
        assert len(theirs) == pytest.approx(200 * part, abs=40)
        assert np.array_equal(theirs, theirs[0] + np.arange(len(theirs)) if len(theirs) else theirs)


@dataclass(frozen=True)
class FirstColumn:
    """Ranks accounts by the mean of a column; the thief of the test lifts it."""

    name: str = "first column"
    most_rows: int = 10**9
    timeless: bool = True
    bytes_per_account: float = 8.0

    def fit(self, honest: Batch, others: Batch, longer: Batch) -> Scorer:
        return self

    def score(self, batch: Batch, looks: Sequence[int]) -> FloatArray:
        assert batch.inputs is not None
        column = batch.inputs[:, 0].reshape(account_count(batch), -1)
        return np.stack([column[:, :look].mean(axis=1) for look in looks], axis=1)


def test_a_contestant_keeps_its_rate_on_other_honest_accounts_and_finds_whom_it_can() -> None:
    shares = {"tenant": 1.0}
    sizes = Sizes(20, 1_500, 0, 0, looks=(10, 30))
    arena = Arena(market(shares), market(shares, 1), market(shares, 2), sizes, 1, (FirstColumn(),))
    arena.prepare(say=lambda line: None)
    hits, of = arena.honest_figures()["first column"]["false_alarms"][30]["1%"]  # type: ignore[index]
    assert of == 1_500
    assert hits / of < 0.025
    lifted = market(shares).customers(40, 30, RNG)
    assert lifted.inputs is not None
    thieves = Exchanges(lifted.inputs + 1.0, None, lifted.scores, None)
    found = arena.look_for(thieves, (10, 30), RNG)["first column"]
    assert found["detected"][30]["1%"] == [40, 40]  # type: ignore[index]
    nobody = arena.look_for(lifted, (10, 30), RNG)["first column"]
    assert nobody["detected"][30]["1%"][0] <= 3  # type: ignore[index]
