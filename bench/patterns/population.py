"""Honest customers who differ: specialists, generalists, people who resend, who ask what if, and who send hard cases only.

The make-up is that of the project's study of rings: profiles tilted over 24 regions of the input space, so strongly that two
requests of an account fall into the same region as often as two of gentd26's accounts use the same model; a fifth generalists,
a tenth resenders, three in a hundred who change one field at a time, one in a hundred with hard cases only; colleagues who
share a profile, some of them the very rows. Rows are endless: real ones of which a quarter of the cells is a neighbour's.
Times between requests are those of gentd26's accounts, for thieves too unless a cell says otherwise: what is measured is not
that a script is fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.datasets import data_set
from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch

Index = npt.NDArray[np.int64]

REGIONS = 24
CONCENTRATION = 1.24
"""Of the Dirichlet tilt: 0.48 of gentd26's pairs within an account share a model, which (1 + 0.06 c) / (1 + c) meets."""
SHARES = {"tenant": 0.66, "generalist": 0.20, "resender": 0.10, "what-if": 0.03, "hard": 0.01}
RESENT = 0.3  # of a resender's requests
VARIANTS = 20  # that a what-if customer tries of one row, the row itself included
FAMILIES = 400
HARDEST = 0.2  # of the rows, those of which a customer's own simple model is least sure: all that such a customer sends
IN_GROUPS = 0.25  # of the accounts have colleagues
SAME_ROWS = 0.2  # of the groups send the same rows
GROUP_SIZE = 12  # colleagues, on average; 5 to 20
SWAPPED = 0.25  # of a row's cells come from a neighbour
NEIGHBOURS = 8
FIRST_DAY = 1_700_000_000.0  # UTC seconds; any


@dataclass(frozen=True, slots=True)
class Exchanges:
    """What was asked and answered; the first axes are those of rows, (n,) or (accounts, n). One of the first two is None."""

    inputs: FloatArray | None  # (..., d)
    texts: npt.NDArray[np.object_] | None  # (...)
    scores: FloatArray | None  # (..., k); None where the model writes
    stages: Index | None  # (..., s)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the rows."""
        if self.texts is not None:
            return self.texts.shape
        return () if self.inputs is None else self.inputs.shape[:-1]

    def take(self, places: Index) -> Exchanges:
        """These rows, in the shape of ``places``; the rows must lie on one axis."""
        return self._with([None if part is None else part[places] for part in self._parts()])

    def reshaped(self, *shape: int) -> Exchanges:
        """The same rows on other axes."""
        lead = len(self.shape)
        return self._with([None if part is None else part.reshape(*shape, *part.shape[lead:]) for part in self._parts()])

    def with_others(self, other: Exchanges, where: npt.NDArray[np.bool_]) -> Exchanges:
        """These rows, (accounts, n), with the first rows of ``other``, in their order, where ``where`` is true."""
        rank = np.where(where, np.cumsum(where, axis=1) - 1, 0)
        who = np.arange(len(where))[:, None]
        made: list[np.ndarray | None] = []
        for own, their in zip(self._parts(), other._parts(), strict=True):
            if own is None or their is None:
                made.append(None)
                continue
            chosen = their[who, rank]
            made.append(np.where(where.reshape(*where.shape, *[1] * (own.ndim - 2)), chosen, own))
        return self._with(made)

    @staticmethod
    def _with(parts: list[np.ndarray | None]) -> Exchanges:
        inputs, texts, scores, stages = parts
        return Exchanges(inputs, texts, scores, stages)

    def _parts(self) -> tuple[np.ndarray | None, ...]:
        return self.inputs, self.texts, self.scores, self.stages


@dataclass(frozen=True, slots=True)
class Pool:
    """Rows that exist, with the model's answers; ``regions`` (n,) says where each of the first n lies; families lie behind."""

    rows: Exchanges
    regions: Index
    families: Index  # (families, VARIANTS): their rows; none where nobody asks what if

    def __len__(self) -> int:
        return len(self.regions)


@dataclass(frozen=True, slots=True)
class Market:
    """Where accounts come from: a pool and the gaps between requests."""

    pool: Pool
    gaps: tuple[FloatArray, ...]
    columns: tuple[str, ...] = ()
    hard: Index | None = None  # rows for customers with hard cases only; None: those with the smallest margins
    shares: dict[str, float] = field(default_factory=lambda: dict(SHARES))

    def kinds(self, accounts: int, rng: np.random.Generator) -> npt.NDArray[np.str_]:
        """What kind of customer each of so many accounts is."""
        return np.array(list(self.shares))[rng.choice(len(self.shares), size=accounts, p=list(self.shares.values()))]

    def draw(self, names: npt.NDArray[np.str_], rows: int, rng: np.random.Generator) -> Index:
        """The rows of accounts of these kinds, as places in the pool, shape (accounts, rows)."""
        weights, starts = self._profiles(names, rng)
        asked = self._walk(weights, starts, rows, rng)
        _resend(asked, np.flatnonzero(names == "resender"), rng)
        for account in np.flatnonzero(names == "what-if").tolist():
            if len(self.pool.families):
                order = rng.permutation(len(self.pool.families))[: -(-rows // VARIANTS)]
                asked[account] = self.pool.families[np.resize(order, -(-rows // VARIANTS))].reshape(-1)[:rows]
        hard = self.hard if self.hard is not None else self._hardest()
        for account in np.flatnonzero(names == "hard").tolist():
            asked[account] = np.resize(hard[rng.permutation(len(hard))[:rows]], rows)
        return asked

    def batch(self, rows: Exchanges, rng: np.random.Generator, *, span_s: float | None = None) -> Batch:
        """Exchanges (accounts, n) as columns, side by side by account, at customers' times or evenly over ``span_s``."""
        accounts, n = rows.shape
        flat = rows.reshaped(accounts * n)
        at = self._times(accounts, n, rng) if span_s is None else _evenly(accounts, n, span_s, rng)
        return Batch(
            tuple(f"account-{place}" for place in range(accounts)),
            np.repeat(np.arange(accounts), n),
            at.reshape(-1),
            np.arange(accounts * n),
            inputs=flat.inputs,
            texts=None if flat.texts is None else tuple(flat.texts.tolist()),
            scores=flat.scores,
            stages=flat.stages,
            columns=self.columns,
        )

    def customers(self, accounts: int, rows: int, rng: np.random.Generator) -> Exchanges:
        """What so many honest accounts ask, (accounts, rows)."""
        return self.of_kinds(self.kinds(accounts, rng), rows, rng)

    def of_kinds(self, names: npt.NDArray[np.str_], rows: int, rng: np.random.Generator) -> Exchanges:
        """What honest accounts of these kinds ask, (accounts, rows)."""
        return self.pool.rows.take(self.draw(names, rows, rng))

    def _profiles(self, names: npt.NDArray[np.str_], rng: np.random.Generator) -> tuple[FloatArray, Index]:
        """Region weights (accounts, regions) and where in each region's list an account begins (accounts, regions)."""
        base = np.bincount(self.pool.regions, minlength=REGIONS) / len(self.pool)
        tilt = rng.gamma(np.maximum(CONCENTRATION * base, 1e-6)[None, :].repeat(len(names), axis=0)) + 1e-12
        weights = np.where((names == "generalist")[:, None], base, tilt / tilt.sum(axis=1, keepdims=True) * (base > 0))
        starts = rng.integers(0, 2**31, size=weights.shape)
        joined = np.flatnonzero(rng.random(len(names)) < IN_GROUPS)
        while len(joined) > 1:
            size = min(len(joined), int(rng.integers(5, 2 * GROUP_SIZE - 3)))
            group, joined = joined[:size], joined[size:]
            weights[group] = weights[group[0]]
            if rng.random() < SAME_ROWS:
                starts[group] = starts[group[0]]
        return weights / weights.sum(axis=1, keepdims=True), starts

    def _walk(self, weights: FloatArray, starts: Index, rows: int, rng: np.random.Generator) -> Index:
        """Draws regions, and in each the next row of a shuffled list, so that nobody repeats a row by accident."""
        order = np.argsort(self.pool.regions, kind="stable")
        sizes = np.bincount(self.pool.regions, minlength=REGIONS)
        first = np.r_[0, np.cumsum(sizes)[:-1]]
        reach = np.cumsum(weights, axis=1)
        reach[:, -1] = 1.0 + 1e-9
        drawn = (rng.random((len(weights), rows, 1)) > reach[:, None, :]).sum(axis=2)
        drawn = np.minimum(drawn, REGIONS - 1)
        rank = np.zeros(drawn.shape, dtype=np.int64)
        for region in range(REGIONS):
            here = drawn == region
            rank[here] = np.cumsum(here, axis=1)[here] - 1
        who = np.arange(len(weights))[:, None]
        place = (starts[who, drawn] + rank) % np.maximum(sizes[drawn], 1)
        return np.asarray(order[first[drawn] + place], dtype=np.int64)

    def _hardest(self) -> Index:
        scores = self.pool.rows.scores
        if scores is None:
            return np.arange(len(self.pool))
        best = np.partition(scores[: len(self.pool)], -2, axis=1)
        margins = best[:, -1] - best[:, -2]
        return np.flatnonzero(margins <= np.quantile(margins, HARDEST))

    def _times(self, accounts: int, rows: int, rng: np.random.Generator) -> FloatArray:
        """Each account has the gaps of one real account, in random order."""
        like = rng.integers(0, len(self.gaps), size=accounts)
        gaps = np.stack([rng.choice(self.gaps[one], size=rows) for one in like.tolist()])
        return np.asarray(
            FIRST_DAY + rng.uniform(0, 86_400 * 7, size=(accounts, 1)) + np.cumsum(gaps, axis=1), dtype=np.float64
        )


def _resend(asked: Index, who: Index, rng: np.random.Generator) -> None:
    """Replaces RESENT of the requests of these accounts by an earlier one of theirs, in place."""
    rows = asked.shape[1]
    again = rng.random((len(who), rows)) < RESENT
    again[:, 0] = False
    earlier = (rng.random((len(who), rows)) * np.arange(rows)).astype(np.int64)
    before = asked[who]
    asked[who] = np.where(again, np.take_along_axis(before, earlier, axis=1), before)


def _evenly(accounts: int, rows: int, span_s: float, rng: np.random.Generator) -> FloatArray:
    steps = np.arange(rows) + rng.uniform(-0.4, 0.4, size=(accounts, rows))
    return FIRST_DAY + 86_400.0 + steps * span_s / rows


def real_gaps(least: int = 10) -> tuple[FloatArray, ...]:
    """Seconds between requests of each account of gentd26 with at least so many requests."""
    frame = pd.read_csv(data_set("traffic/gentd26_requests.csv.gz"), usecols=["gmt_create", "groupId"])
    frame["at"] = pd.to_datetime(frame["gmt_create"]).astype("datetime64[s]").astype("int64")
    ordered = frame.sort_values(["groupId", "at"])
    gaps = [np.diff(part.to_numpy()).astype(np.float64) for _, part in ordered.groupby("groupId")["at"] if len(part) > least]
    return tuple(np.maximum(one, 0.5) for one in gaps)


def endless(rows: FloatArray, near: Index, count: int, rng: np.random.Generator) -> tuple[FloatArray, Index]:
    """New rows and the places of the real ones they come from; ``near`` (n, NEIGHBOURS) are each real row's neighbours."""
    place = rng.integers(0, len(rows), size=count)
    other = near[place, rng.integers(0, near.shape[1], size=count)]
    swapped = rng.random((count, rows.shape[1])) < SWAPPED
    return np.where(swapped, rows[other], rows[place]), place


def families(rows: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Rows of which one field is changed at a time, (count, VARIANTS, d): what a what-if customer asks."""
    base = rows[rng.integers(0, len(rows), size=count)]
    made = np.repeat(base[:, None, :], VARIANTS, axis=1)
    column = rng.integers(0, rows.shape[1], size=(count, VARIANTS - 1))
    value = rows[rng.integers(0, len(rows), size=column.shape), column]
    np.put_along_axis(made[:, 1:], column[:, :, None], value[:, :, None], axis=2)
    return made
