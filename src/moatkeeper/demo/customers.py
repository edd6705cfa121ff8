"""Honest customers: each sends the same held-out rows to the bare model server and to the gateway, and compares."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.redteam.client import PredictClient

LATENCY_PROBES = 150  # pairs of one-row requests; more: a steadier median
LATENCY_CUSTOMER = "card-issuer"


@dataclass(frozen=True, slots=True)
class Customer:
    """An account that uses the model within what its tier is sold."""

    name: str
    tier: str
    rows: int
    rows_per_request: int


CUSTOMERS = (
    Customer("corner-shop", "free", 40, 1),
    Customer("credit-union", "free", 60, 10),
    Customer("car-dealer", "free", 95, 5),
    Customer("online-bank", "enterprise", 600, 20),
    Customer("card-issuer", "enterprise", 1_900, 50),
)


@dataclass(frozen=True, slots=True)
class Experience:
    """What honest customers noticed. Differences are of the probability of a missed payment, guarded minus bare."""

    accounts: int
    rows: int
    answered: int
    refused: int  # rows
    labels_changed: int
    mean_difference: float
    largest_difference: float
    bare_latency_p50_ms: float
    guarded_latency_p50_ms: float

    @property
    def added_latency_p50_ms(self) -> float:
        """The difference of the medians, of one-row requests one at a time."""
        return self.guarded_latency_p50_ms - self.bare_latency_p50_ms


def compare(bare: PredictClient, guarded: PredictClient, keys: Mapping[str, str], rows: FloatArray) -> Experience:
    """What the customers, holding ``keys`` by name, notice when ``rows`` (n, d) are shared out among them."""
    truths: list[FloatArray] = []
    answers: list[FloatArray] = []
    start = refused = 0
    for customer in CUSTOMERS:
        own = rows[start : start + customer.rows]
        start += len(own)
        for first in range(0, len(own), customer.rows_per_request):
            batch = own[first : first + customer.rows_per_request]
            reply = guarded.predict(batch, keys[customer.name])
            if reply.answers is None:
                refused += len(batch)
                continue
            answers.append(reply.answers)
            truths.append(_answered(bare, batch))
    answer, truth = np.concatenate(answers), np.concatenate(truths)
    difference = np.abs(answer[:, 1] - truth[:, 1])
    bare_ms, guarded_ms = _latencies(bare, guarded, keys[LATENCY_CUSTOMER], rows[start : start + LATENCY_PROBES])
    return Experience(
        accounts=len(CUSTOMERS),
        rows=start,
        answered=len(answer),
        refused=refused,
        labels_changed=int(np.sum(answer.argmax(axis=1) != truth.argmax(axis=1))),
        mean_difference=float(difference.mean()),
        largest_difference=float(difference.max()),
        bare_latency_p50_ms=bare_ms,
        guarded_latency_p50_ms=guarded_ms,
    )


def _answered(client: PredictClient, batch: FloatArray) -> FloatArray:
    reply = client.predict(batch)
    if reply.answers is None:
        raise UnexpectedAnswer("the bare model server refused rows, though it has no limits")
    return reply.answers


def _latencies(bare: PredictClient, guarded: PredictClient, key: str, rows: FloatArray) -> tuple[float, float]:
    """Medians in ms, bare and guarded, of the same one-row requests asked in turn, so that both see the same machine."""
    bare_s: list[float] = []
    guarded_s: list[float] = []
    for row in rows:
        began = time.perf_counter()
        bare.predict(row[None])
        between = time.perf_counter()
        guarded.predict(row[None], key)
        bare_s.append(between - began)
        guarded_s.append(time.perf_counter() - between)
    return 1000 * median(bare_s), 1000 * median(guarded_s)
