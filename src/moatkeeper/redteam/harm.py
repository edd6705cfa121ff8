"""What a guard does to honest customers: requests refused, labels changed, scores moved, by kind of customer and by tier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.population import Customer, Population

ROWS_AT_ONCE = 8_192
"""Answers compared in one step; larger: fewer steps, more memory."""


@dataclass(frozen=True, slots=True)
class Harm:
    """What one group of honest customers met with. A refused request is not sent again: real customers would wait and retry."""

    customers: int = 0
    touched: int = 0  # customers that were refused at least once
    requests: int = 0
    rows: int = 0
    refused_requests: int = 0
    refused_rows: int = 0
    labels_changed: int = 0  # rows whose largest score is another one
    mean_distance: float = 0.0  # mean L1 distance of an answered row's scores from the model's own
    largest_distance: float = 0.0


@dataclass(slots=True)
class HarmRecord:
    """Counts harm while a campaign runs. ``truth`` (m, k) are the model's exact answers to the stage's rows."""

    population: Population
    truth: FloatArray
    _waiting: list[tuple[int, npt.NDArray[np.int64], FloatArray]] = field(default_factory=list)
    _rows_waiting: int = 0
    _counts: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = ("requests", "rows", "refused_requests", "refused_rows", "labels_changed", "distance", "largest")
        self._counts = {name: np.zeros(len(self.population.customers)) for name in names}

    def answered(self, customer: int, rows: npt.NDArray[np.int64], released: FloatArray) -> None:
        """One request of ``rows`` (indexes into the stage's) got its answers (n, k)."""
        self._counts["requests"][customer] += 1
        self._counts["rows"][customer] += len(rows)
        self._waiting.append((customer, rows, released))
        self._rows_waiting += len(rows)
        if self._rows_waiting >= ROWS_AT_ONCE:
            self._compare()

    def refused(self, customer: int, rows: int) -> None:
        """One request of so many rows was refused."""
        self._counts["requests"][customer] += 1
        self._counts["rows"][customer] += rows
        self._counts["refused_requests"][customer] += 1
        self._counts["refused_rows"][customer] += rows

    def by_kind(self) -> Mapping[str, Harm]:
        """Sums over the customers of each kind."""
        return self._grouped(lambda customer: customer.kind)

    def by_tier(self) -> Mapping[str, Harm]:
        """Sums over the customers of each tier."""
        return self._grouped(lambda customer: customer.caller.account.tier)

    def total(self) -> Harm:
        """Sums over everybody."""
        self._compare()
        return self._sum(range(len(self.population.customers)))

    def _grouped(self, group: Callable[[Customer], str]) -> Mapping[str, Harm]:
        self._compare()
        members: dict[str, list[int]] = {}
        for index, customer in enumerate(self.population.customers):
            members.setdefault(group(customer), []).append(index)
        return {name: self._sum(indexes) for name, indexes in sorted(members.items())}

    def _sum(self, members: Iterable[int]) -> Harm:
        chosen = np.fromiter(members, dtype=np.intp)
        if chosen.size == 0:
            return Harm()
        sums = {name: float(values[chosen].sum()) for name, values in self._counts.items()}
        answered = sums["rows"] - sums["refused_rows"]
        return Harm(
            customers=len(chosen),
            touched=int((self._counts["refused_requests"][chosen] > 0).sum()),
            requests=int(sums["requests"]),
            rows=int(sums["rows"]),
            refused_requests=int(sums["refused_requests"]),
            refused_rows=int(sums["refused_rows"]),
            labels_changed=int(sums["labels_changed"]),
            mean_distance=sums["distance"] / answered if answered else 0.0,
            largest_distance=float(self._counts["largest"][chosen].max()),
        )

    def _compare(self) -> None:
        if not self._waiting:
            return
        who = np.repeat([customer for customer, _, _ in self._waiting], [len(rows) for _, rows, _ in self._waiting])
        truth = self.truth[np.concatenate([rows for _, rows, _ in self._waiting])]
        released = np.concatenate([answers for _, _, answers in self._waiting])
        self._waiting, self._rows_waiting = [], 0
        distance = np.abs(released - truth).sum(axis=1)
        np.add.at(self._counts["labels_changed"], who, released.argmax(axis=1) != truth.argmax(axis=1))
        np.add.at(self._counts["distance"], who, distance)
        np.maximum.at(self._counts["largest"], who, distance)
