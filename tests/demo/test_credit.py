from __future__ import annotations

import hashlib
from importlib.resources import files

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.demo.credit import DEVELOPMENT_ROWS, DEVELOPMENT_SEED, Clients, load, split

DATA = files("moatkeeper.demo").joinpath("data")


def numbered() -> Clients:
    """Clients whose only column is their number, so that parts can be compared as sets."""
    numbers = np.arange(24_000.0)
    return Clients(numbers[:, None], numbers)


def members(rows: FloatArray) -> set[float]:
    return set(rows[:, 0].tolist())


def test_the_data_is_what_its_page_says_it_is() -> None:
    digest = hashlib.sha256(DATA.joinpath("credit.csv.gz").read_bytes()).hexdigest()
    assert f"`{digest}`" in DATA.joinpath("DATA.md").read_text()


def test_24000_clients_have_23_columns_and_a_known_outcome() -> None:
    clients = load()
    assert clients.rows.shape == (24_000, 23)
    assert set(np.unique(clients.outcomes)) == {0.0, 1.0}
    assert round(float(clients.outcomes.mean()), 3) == 0.221
    assert clients.rows[0].tolist()[:5] == [20_000.0, 2.0, 2.0, 1.0, 24.0]


def test_nobody_is_measured_on_what_another_has_seen() -> None:
    parts = split(numbered(), seed=0)
    sets = [members(part.rows) for part in (parts.training, parts.pool, parts.customers, parts.held_out)]
    assert [len(part) for part in sets] == [8_000, 4_000, 3_000, 3_000]
    assert len(set.union(*sets)) == sum(len(part) for part in sets)


def test_the_development_rows_are_in_no_part_of_any_seed() -> None:
    development = set(np.random.default_rng(DEVELOPMENT_SEED).permutation(24_000)[:DEVELOPMENT_ROWS].astype(float).tolist())
    for seed in (0, 1, DEVELOPMENT_SEED):
        parts = split(numbered(), seed)
        for part in (parts.training, parts.pool, parts.customers, parts.held_out):
            assert not development & members(part.rows)


def test_a_seed_draws_the_same_parts_again_and_another_seed_others() -> None:
    assert members(split(numbered(), 3).held_out.rows) == members(split(numbered(), 3).held_out.rows)
    assert members(split(numbered(), 3).held_out.rows) != members(split(numbered(), 4).held_out.rows)
