"""Contenders take turns: blocks of load in a seeded random order, compared within each round."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from bench.gateway.bodies import Workload
from bench.gateway.contenders import Contender
from bench.gateway.load import Sample, drive
from bench.gateway.machine import Others, cpu_s

RESAMPLES = 2000
US = 1000.0  # nanoseconds


@dataclass(frozen=True, slots=True)
class Load:
    """How one block of load is made. Either ``seconds`` or ``count`` ends it."""

    connections: int
    rounds: int
    seconds: float | None = None
    count: int | None = None
    warm_s: float = 0.1


@dataclass(frozen=True, slots=True)
class Typical:
    """The median over rounds, and the 95 % bootstrap interval of that median."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_short(self.median)} [{_short(self.low)}, {_short(self.high)}]"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one block measured."""

    sample: Sample
    cpu_s: float

    @property
    def p50_us(self) -> float:
        """Microseconds that half of the requests took at most."""
        return float(np.quantile(self.sample.latency, 0.5)) / US

    @property
    def p99_us(self) -> float:
        """Microseconds that 99 of 100 requests took at most."""
        return float(np.quantile(self.sample.latency, 0.99)) / US

    @property
    def first_us(self) -> float:
        """Microseconds to the first byte of the body, the median of streams."""
        return float(np.quantile(self.sample.first, 0.5)) / US

    @property
    def event_p50_us(self) -> float:
        """Microseconds from the model server's write of an event to our read, half of them."""
        return float(np.quantile(self.sample.transit, 0.5)) / US

    @property
    def event_p99_us(self) -> float:
        """The same, 99 of 100 events."""
        return float(np.quantile(self.sample.transit, 0.99)) / US

    @property
    def a_second(self) -> float:
        """Requests answered in a second."""
        return self.sample.a_second


Reading = Callable[[Turn], float]


@dataclass(slots=True)
class Rounds:
    """The turns of each contender, round by round."""

    seed: int
    turns: dict[str, list[Turn]] = field(default_factory=dict)
    others_cores: float = 0.0

    @property
    def names(self) -> Sequence[str]:
        """The contenders, in the order in which they were named."""
        return tuple(self.turns)

    def typical(self, name: str, reading: Reading) -> Typical:
        """A contender's reading, typical over rounds."""
        return self._typical([reading(turn) for turn in self.turns[name]])

    def added(self, name: str, reading: Reading, to: str = "direct") -> Typical:
        """How much more a contender reads than ``to`` in the same round."""
        return self._typical([reading(a) - reading(b) for a, b in self._pairs(name, to)])

    def ratio(self, name: str, reading: Reading, to: str) -> Typical:
        """How many times what ``to`` reads in the same round."""
        return self._typical([reading(a) / reading(b) for a, b in self._pairs(name, to)])

    def cpu_us(self, name: str) -> float:
        """Microseconds of processor time a request, over all rounds: what a busy machine disturbs least."""
        answered = sum(turn.sample.answered for turn in self.turns[name])
        return 1e6 * sum(turn.cpu_s for turn in self.turns[name]) / max(1, answered)

    def failures(self, name: str) -> int:
        """Requests that got no good answer, over all rounds."""
        return sum(turn.sample.failures for turn in self.turns[name])

    def _pairs(self, name: str, to: str) -> list[tuple[Turn, Turn]]:
        return list(zip(self.turns[name], self.turns[to], strict=True))

    def _typical(self, values: Sequence[float]) -> Typical:
        drawn = np.random.default_rng(self.seed).choice(np.asarray(values), (RESAMPLES, len(values)))
        low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
        return Typical(float(np.median(values)), float(low), float(high))


async def take_turns(contenders: Sequence[Contender], workload: Workload, load: Load, *, seed: int) -> Rounds:
    """What each contender measured under the same load, in rounds of one turn each."""
    order = Random(seed)
    requests = {each.name: workload.requests(each.host, each.keys) for each in contenders}
    rounds = Rounds(seed, {each.name: [] for each in contenders})
    others = Others()
    for _ in range(load.rounds):
        for contender in order.sample(list(contenders), len(contenders)):
            gc.collect()
            before = cpu_s(contender.process.pid)
            sample = await drive(
                contender.address,
                requests[contender.name],
                connections=load.connections,
                warm_s=load.warm_s,
                seconds=load.seconds,
                count=load.count,
                streamed=workload.streamed,
            )
            turn = Turn(sample, cpu_s(contender.process.pid) - before)
            if not sample.latency:
                raise SystemExit(f"{contender.name} answered no request of the workload {workload.name!r}")
            rounds.turns[contender.name].append(turn)
    rounds.others_cores = others.cores()
    return rounds


def summary(rounds: Rounds, readings: Mapping[str, Reading], *, added_to: str = "direct") -> dict[str, dict[str, object]]:
    """Every contender's readings as JSON values, with what each added to ``added_to`` where that took part."""
    document: dict[str, dict[str, object]] = {}
    for name in rounds.names:
        figures: dict[str, object] = {key: rounds.typical(name, reading) for key, reading in readings.items()}
        if added_to in rounds.names and name != added_to:
            figures |= {f"{key}_added": rounds.added(name, reading, added_to) for key, reading in readings.items()}
        document[name] = {**figures, "cpu_us": round(rounds.cpu_us(name), 1), "failures": rounds.failures(name)}
    return document


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
