"""The index of near-duplicates on real tables: searches dealt to many accounts, among customers who ask about their own cases.

The setting (8 tables of half of the columns, 2 shared, buckets of honest history say nothing) was chosen on ``credit`` and
``mlc_churn``; nothing was chosen on the others, though ``adult`` was looked at while the hiding of familiar buckets was built.
Customers are rows of the table, dealt to accounts at random: of all ways to deal them the one in which most others have
asked what is alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.datasets import data_set
from moatkeeper.patterns.columns import Columns
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.locality import ColumnSubsets, unfamiliar
from moatkeeper.sketch.neighbours import Met, Neighbours

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TABLES, LEAST, SHARE = 8, 2, 0.5
MAP_BITS = 1 << 18  # a table
REMEMBERED = 50_000
SEEDS = (1, 2, 3, 4, 5)
ACCOUNTS = (1, 25, 100, 1_000)
CUSTOMERS = 1_000  # accounts
SEARCHES, STEPS = 40, 100
HISTORY, CUSTOMER_SHARE = 0.6, 0.25  # of the rows; what is left belongs to those who search, or do not
CROWD = 3
"""Other owners from which on a near-duplicate counts as found: customers meet one by chance, seldom three."""


@dataclass(frozen=True, slots=True)
class Table:
    """Where it lies, what is left out, and what it was for."""

    path: str
    dropped: tuple[str, ...]
    role: str


SOURCES: Mapping[str, Table] = {
    "credit": Table("tabular/credit.csv.gz", ("default",), "chosen on"),
    "mlc_churn": Table("tabular/mlc_churn.csv.gz", ("churn", "rownames"), "chosen on"),
    "adult": Table("tabular/adult.csv.gz", ("income", "fnlwgt", "split"), "looked at"),
    "lending_club": Table("tabular/lending_club.csv.gz", ("Class", "rownames"), "claimed on"),
    "letter": Table("tabular/letterrecognition_r.csv.gz", ("lettr",), "claimed on"),
}


def found_on_tables() -> dict[str, object]:
    """For each table and number of accounts the share of a search's rows that meet CROWD others, and of customers' rows."""
    found: dict[str, object] = {}
    for name, source in SOURCES.items():
        rows = _rows(source)
        runs = [_run(rows, seed) for seed in SEEDS]
        means = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
        found[name] = {
            "role": source.role,
            "rows": len(rows),
            "columns": rows.shape[1],
            **{key: {"mean": means[key], "seeds": [run[key] for run in runs]} for key in means},
        }
        print(f"near-duplicates, {name} ({source.role}): " + ", ".join(f"{key} {value:.4f}" for key, value in means.items()))
    return found


def _rows(source: Table) -> Floats:
    frame = pd.read_csv(data_set(source.path))
    frame = frame.drop(columns=[column for column in source.dropped if column in frame])
    numbers = {
        column: values if pd.api.types.is_numeric_dtype(values) else pd.Series(pd.factorize(values, sort=True)[0])
        for column, values in frame.items()
    }
    return np.asarray(pd.DataFrame(numbers).to_numpy(dtype=np.float64))


class _Place:
    """One table's columns, hashes and honest history."""

    def __init__(self, history: Floats, rng: np.random.Generator) -> None:
        self.columns = Columns.fit(history)
        self.subsets = ColumnSubsets.drawn(TABLES, history.shape[1], rng, SHARE)
        self.bits = Bits(TABLES, MAP_BITS)
        self.seen = self.bits.empty(1)
        self.bits.fold(self.seen, np.zeros(len(history), dtype=np.int64), self.hashes(history))

    def hashes(self, rows: Floats) -> Ints:
        return self.subsets.of(self.columns.encode(rows)[0])

    def meet(self, customers: Floats, searched: Floats, accounts: int, hide: bool, rng: np.random.Generator) -> tuple[Met, Met]:
        """What customers and a search meet whose rows arrive in turns."""
        index = Neighbours(TABLES, REMEMBERED, LEAST, int(rng.integers(2**32)))
        hashes = self.hashes(np.concatenate([customers, searched]))
        if hide:
            hashes = unfamiliar(hashes, self.bits, self.seen)
        owners = np.r_[rng.integers(0, CUSTOMERS, len(customers)), CUSTOMERS + np.arange(len(searched)) % accounts]
        # arrivals are mixed, but each side's own order stays
        places = np.sort(rng.permutation(len(hashes))[: len(customers)])
        order = np.empty(len(hashes), dtype=np.int64)
        searching = np.setdiff1d(np.arange(len(hashes)), places)
        order[places], order[searching] = np.arange(len(customers)), len(customers) + np.arange(len(searched))
        met = index.meet(hashes[order], owners[order])
        return Met(*(column[places] for column in met)), Met(*(column[searching] for column in met))


def _run(rows: Floats, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    rows = rows[rng.permutation(len(rows))]
    history, customers, rest = np.split(rows, [int(HISTORY * len(rows)), int((HISTORY + CUSTOMER_SHARE) * len(rows))])
    place, pool, plain = _Place(history, rng), rest[: 2 * SEARCHES], rest[2 * SEARCHES :]
    found: dict[str, float] = {}
    asked = {"line": _lines(pool), "one at a time": _one_at_a_time(pool, history, rng), "rows as they are": plain}
    for name, searched in asked.items():
        for accounts in ACCOUNTS:
            honest, thief = place.meet(customers, searched, accounts, True, rng)
            found[f"{name}, {accounts} accounts"] = float(np.mean(thief.others >= CROWD))
            if name == "line" and accounts == ACCOUNTS[-1]:
                found["honest"] = float(np.mean(honest.others >= CROWD))
                found["honest, any other"] = float(np.mean(honest.others > 0))
    honest, _ = place.meet(customers, customers[:0], 1, False, rng)
    found["honest, familiar buckets not hidden"] = float(np.mean(honest.others >= CROWD))
    return found


def _lines(pool: Floats) -> Floats:
    """Searches along lines between two rows: twenty even steps, then halves towards the middle."""
    first, second = pool[:SEARCHES, None], pool[SEARCHES:, None]
    steps = np.r_[np.linspace(0, 1, 20), 0.5 + 0.5 ** np.arange(2, STEPS - 18)][None, :, None]
    return np.asarray((first + steps * (second - first)).reshape(SEARCHES * STEPS, -1))


def _one_at_a_time(pool: Floats, history: Floats, rng: np.random.Generator) -> Floats:
    """Sweeps: one column of a row changed to a value that some honest row has."""
    rows = np.repeat(pool[:SEARCHES], STEPS, axis=0)
    column = rng.integers(0, rows.shape[1], len(rows))
    rows[np.arange(len(rows)), column] = history[rng.integers(0, len(history), len(rows)), column]
    return rows


if __name__ == "__main__":
    found_on_tables()
