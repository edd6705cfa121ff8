"""What competes: something that learns from honest traffic and then gives each account a number; larger is stranger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch

Index = npt.NDArray[np.int64]

SILENT = -np.inf
"""The score of an account about which a contestant says nothing: never stranger than anybody."""


class Scorer(Protocol):
    """A contestant that has seen the honest accounts it learns from."""

    @property
    def bytes_per_account(self) -> float:
        """What it keeps of an account of 1,000 rows; of raw inputs, 4 bytes a number."""
        ...

    def score(self, batch: Batch, looks: Sequence[int]) -> FloatArray:
        """Shape (accounts, looks): how strange each account is after its first so many rows; SILENT where nothing is said.

        Each account of ``batch`` has the same number of rows, side by side and in order, at least ``looks[-1]``.
        """
        ...


class Contestant(Protocol):
    """A way to tell thieves from customers."""

    @property
    def name(self) -> str:
        """As in the tables."""
        ...

    @property
    def most_rows(self) -> int:
        """Honest rows that it is asked to score at one look, a bound on the benchmark's time only."""
        ...

    @property
    def timeless(self) -> bool:
        """Whether it does not look at when rows come."""
        ...

    def fit(self, honest: Batch, others: Batch, longer: Batch) -> Scorer | None:
        """What it makes of honest accounts; None where it has no say about such traffic.

        ``others`` are honest accounts with other rows, ``longer`` fewer of them with more rows: what ``honest`` taught is
        new to them, as it will be to those that are judged.
        """
        ...


def account_count(batch: Batch) -> int:
    """Accounts with rows in a batch whose accounts stand side by side."""
    return int(np.count_nonzero(np.diff(batch.accounts))) + 1 if len(batch) else 0
