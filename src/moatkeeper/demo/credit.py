"""The demo's data: real credit card clients, split so that nobody is measured on what another has seen."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from moatkeeper.core.query import FloatArray

DEVELOPMENT_SEED = 1234
DEVELOPMENT_ROWS = 6_000
"""Set aside before any seed of a run is known: the settings of victim and thief were chosen on these rows, and no run of the
demo uses them."""
TRAINING_ROWS = 8_000
POOL_ROWS = 4_000
CUSTOMER_ROWS = 3_000
HELD_OUT_ROWS = 3_000


@dataclass(frozen=True, slots=True)
class Clients:
    """Rows of shape (n, 23) and what became of them, shape (n,): 1.0 where the next payment was missed."""

    rows: FloatArray
    outcomes: FloatArray

    def __getitem__(self, chosen: slice) -> Clients:
        return Clients(self.rows[chosen], self.outcomes[chosen])


@dataclass(frozen=True, slots=True)
class Split:
    """Disjoint parts of the data. The thief has the rows of ``pool`` and not their outcomes."""

    training: Clients
    pool: Clients
    customers: Clients
    held_out: Clients


def load() -> Clients:
    """All 24,000 clients, in the order of the file."""
    with gzip.open(files("moatkeeper.demo").joinpath("data/credit.csv.gz").open("rb")) as lines:
        table = np.loadtxt(lines, delimiter=",", skiprows=1)
    return Clients(table[:, :-1], table[:, -1])


def split(clients: Clients, seed: int) -> Split:
    """The parts of one run, drawn by ``seed`` from all but the development rows."""
    fixed = np.random.default_rng(DEVELOPMENT_SEED).permutation(len(clients.rows))
    order = np.random.default_rng(seed).permutation(fixed[DEVELOPMENT_ROWS:])
    ends = np.cumsum([TRAINING_ROWS, POOL_ROWS, CUSTOMER_ROWS, HELD_OUT_ROWS])
    parts = [Clients(clients.rows[part], clients.outcomes[part]) for part in np.split(order, ends)[:-1]]
    return Split(*parts)
