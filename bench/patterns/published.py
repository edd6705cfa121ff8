"""The baselines as contestants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.patterns.baselines import blacklight, hoda, mmd, prada, seat
from bench.patterns.contestants import SILENT, Contestant, Index, Scorer, account_count
from bench.patterns.spaces import Space, ordinary
from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch

NUMBER = 4.0  # bytes
ROWS = 1_000  # of the account whose bytes are told
REFERENCE = 500  # honest queries that the MMD compares with
LEARNT = 200  # honest accounts that thresholds inside a detector are learnt from
SALT = 7

MakeSpace = Callable[[Batch], Space]


def labels_of(batch: Batch) -> Index:
    """The predicted class of each row."""
    if batch.scores is None:
        return np.zeros(len(batch), dtype=np.int64)
    return np.asarray(batch.scores.argmax(axis=1), dtype=np.int64)


def by_account(values: FloatArray, accounts: int) -> FloatArray:
    """(n, ...) -> (accounts, n / accounts, ...)."""
    return values.reshape(accounts, -1, *values.shape[1:])


@dataclass(frozen=True, slots=True)
class Prada:
    """PRADA; ``least`` distances before it speaks (the authors' 100, or fewer so that it can take part at 100 queries)."""

    name: str = "PRADA"
    latched: bool = False
    least: int = prada.LEAST
    most_rows: int = 400_000
    timeless: bool = True
    space: MakeSpace = ordinary

    def fit(self, honest: Batch, others: Batch, longer: Batch) -> Scorer:
        """It learns nothing but the scale of the columns."""
        return _Prada(self, self.space(honest))


@dataclass(frozen=True, slots=True)
class _Prada:
    settings: Prada
    space: Space

    @property
    def bytes_per_account(self) -> float:
        return NUMBER * ROWS  # distances; the growing set of raw inputs comes on top

    def score(self, batch: Batch, looks: Sequence[int]) -> FloatArray:
        accounts = account_count(batch)
        points = by_account(self.space.of(batch), accounts)[:, : looks[-1]]
        labels = labels_of(batch).reshape(accounts, -1)[:, : looks[-1]]
        scores = prada.strangeness(points, labels, looks, latched=self.settings.latched, least=self.settings.least)
        return np.where(scores <= -1.0, SILENT, scores)


@dataclass(frozen=True, slots=True)
class Seat:
    """SEAT."""

    name: str = "SEAT"
    most_rows: int = 400_000
    timeless: bool = True
    space: MakeSpace = ordinary

    def fit(self, honest: Batch, others: Batch, longer: Batch) -> Scorer:
        """The distance of a match, from honest accounts."""
        space = self.space(honest)
        accounts = account_count(honest)
        points = by_account(space.of(honest), accounts)[:LEARNT]
        return _Seat(space, seat.honest_distance(points), points.shape[-1])


@dataclass(frozen=True, slots=True)
class _Seat:
    space: Space
    distance: float
    width: int

    @property
    def bytes_per_account(self) -> float:
        return NUMBER * ROWS * self.width

    def score(self, batch: Batch, looks: Sequence[int]) -> FloatArray:
        points = by_account(self.space.of(batch), account_count(batch))[:, : looks[-1]]
        return seat.matches(points, self.distance, looks)


@dataclass(frozen=True, slots=True)
class Hoda:
    """HODA, where the model has stages."""

    name: str = "HODA"
    most_rows: int = 10**9
    timeless: bool = True

    def fit(self, honest: Batch, others: Batch, longer: Batch) -> Scorer | None:
        """The mean honest histogram."""
        if honest.stages is None:
            return None
        hard = hoda.hardness(honest.stages)
        return _Hoda(hoda.histograms(hard[None], honest.stages.shape[1])[0])


@dataclass(frozen=True, slots=True)
class _Hoda:
    honest: FloatArray

    @property
    def bytes_per_account(self) -> float:
        return NUMBER * len(self.honest)

    def score(self, batch: Batch, looks: Sequence[int]) -> FloatArray:
        if batch.stages is None:
            return np.full((account_count(batch), len(looks)), SILENT)
        hard = hoda.hardness(batch.stages).reshape(account_count(batch), -1)
        bars = [hoda.histograms(hard[:, :look], len(self.honest)) for look in looks]
        return np.stack([hoda.pearson_distance(one, self.honest) for one in bars], axis=1)


@dataclass(frozen=True, slots=True)
class Blacklight:
    """Blacklight; tables and texts are spread over a pixel's range."""

    name: str = "Blacklight"
    most_rows: int = 400_000
    timeless: bool = True

    def fit(self, honest: Batch, others: Batch, longer: Batch) -> Scorer | None:
        """The range of each column, and how many windows there are."""
        if honest.inputs is None:
            space = ordinary(honest)
            return _Blacklight(space, -1.0, 1.0, 8)
        if honest.inputs.shape[1] >= blacklight.KEPT + blacklight.WINDOW:
            return _Blacklight(None, 0.0, float(np.nanmax(honest.inputs)), blacklight.WINDOW)
        return _Blacklight(ordinary(honest), -3.0, 3.0, max(2, honest.inputs.shape[1] // 4))


@dataclass(frozen=True, slots=True)
class _Blacklight:
    space: Space | None
    low: float
    high: float
    window: int

    @property
    def bytes_per_account(self) -> float:
        return 8.0 * blacklight.KEPT * ROWS

    def score(self, batch: Batch, looks: Sequence[int]) -> FloatArray:
        accounts = account_count(batch)
        inputs = batch.inputs if self.space is None else self.space.of(batch)
        if inputs is None:
            return np.full((accounts, len(looks)), SILENT)
        scaled = np.clip((inputs - self.low) / (self.high - self.low), 0, 1)
        prints = blacklight.fingerprints(scaled, SALT, window=self.window)
        alike = blacklight.enough(inputs.shape[1], self.window)
        owners = np.repeat(np.arange(accounts), len(batch) // accounts)
        matched = blacklight.earlier_matches(prints, owners, alike).reshape(accounts, -1)
        return np.cumsum(matched, axis=1)[:, [look - 1 for look in looks]].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Mmd:
    """Windowed MMD; the window is all that the account has sent."""

    name: str = "MMD"
    most_rows: int = 1_000_000
    timeless: bool = True
    longest: int = 300
    """A longer window is a random part of it: the cost is its square."""
    space: MakeSpace = ordinary

    def fit(self, honest: Batch, others: Batch, longer: Batch) -> Scorer:
        """A reference sample and the width of the kernels."""
        space = self.space(honest)
        rng = np.random.default_rng(0)
        points = space.of(honest.take(rng.permutation(len(honest))[:REFERENCE]))
        return _Mmd(space, mmd.Reference.of(points), self.longest)


@dataclass(frozen=True, slots=True)
class _Mmd:
    space: Space
    reference: mmd.Reference
    longest: int

    @property
    def bytes_per_account(self) -> float:
        return float(NUMBER * self.longest * self.reference.points.shape[1])

    def score(self, batch: Batch, looks: Sequence[int]) -> FloatArray:
        points = by_account(self.space.of(batch), account_count(batch))
        rng = np.random.default_rng(1)
        every = []
        for look in looks:
            chosen = rng.permutation(look)[: self.longest]
            every.append(self.reference.discrepancy(points[:, chosen]))
        return np.stack(every, axis=1)


def published(space: MakeSpace = ordinary, similar: MakeSpace = ordinary) -> tuple[Contestant, ...]:
    """All baselines; ``similar`` is SEAT's space."""
    return (
        Prada(space=space),
        Prada("PRADA, latched from 20", latched=True, least=20, most_rows=200_000, space=space),
        Seat(space=similar),
        Hoda(),
        Blacklight(),
        Mmd(space=space),
    )
