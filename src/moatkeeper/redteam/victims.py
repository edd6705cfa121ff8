"""Victims for attacks: a model behind HTTP, asked by one account or by a farm of them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.client import PredictClient
from moatkeeper.redteam.expenses import Expenses

ROWS_PER_REQUEST = 50  # larger: fewer requests, and more of an account's last allowance left unused


class HttpVictim:
    """Asks through each of ``keys`` in turn; an account that was refused is left alone until its Retry-After has passed.

    It never waits: what no account can get now counts as refused. An empty key stands for no credential at all.
    """

    def __init__(self, client: PredictClient, keys: Sequence[str] = ("",)) -> None:
        self._client = client
        self._free_at = dict.fromkeys(keys, 0.0)
        self._began = time.monotonic()
        self._requests = 0
        self._refused = 0
        self._used: set[str] = set()

    @property
    def spent(self) -> Expenses:
        """What was sent so far; accounts are those that were asked with. The time is real."""
        elapsed_s = time.monotonic() - self._began
        return Expenses(self._requests, self._refused, accounts=len(self._used), elapsed_s=elapsed_s)

    def ask(self, rows: FloatArray) -> FloatArray:
        """Class scores (m, k) of the first m rows; m < n where every account was refused."""
        answered: list[FloatArray] = []
        for start in range(0, len(rows), ROWS_PER_REQUEST):
            scores = self._ask_once(rows[start : start + ROWS_PER_REQUEST])
            if scores is None:
                break
            answered.append(scores)
        return np.concatenate(answered) if answered else np.empty((0, 0))

    def _ask_once(self, batch: FloatArray) -> FloatArray | None:
        for key, free_at in self._free_at.items():
            if time.monotonic() < free_at:
                continue
            reply = self._client.predict(batch, key)
            self._requests += 1
            self._used.add(key)
            if reply.scores is not None:
                return reply.scores
            self._refused += 1
            self._free_at[key] = time.monotonic() + reply.retry_after_s
        return None
