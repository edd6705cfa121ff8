"""One case, all contestants: honest accounts set thresholds, other honest accounts check them, thieves are looked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bench.patterns.contestants import SILENT, Contestant, Scorer
from bench.patterns.counting import enough_accounts, p_values
from bench.patterns.population import Exchanges, Market
from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch

RATES = {"1%": 0.01, "0.1%": 0.001}
LOOKS = (4, 10, 30, 100, 300, 1_000)
SHORT = 100
"""Rows of the many honest accounts; the looks beyond are at fewer accounts of 1,000 rows."""
CAMPAIGN = 1_000
"""Answers that a thief wants, who takes another account whenever one is found: so many accounts he loses."""
Pair = list[int]
"""Accounts found and accounts in all: what a share's interval follows from."""
CHUNK = 200_000  # rows of honest accounts at once
NUMBERS = 20_000_000  # of their inputs at once, where rows are wide


@dataclass(frozen=True, slots=True)
class Sizes:
    """Accounts: those that contestants learn from, and of each length those for thresholds and those that check them."""

    fit: int
    short: int
    long: int
    fit_long: int
    fit_rows: int = 100
    looks: tuple[int, ...] = LOOKS

    @property
    def short_looks(self) -> tuple[int, ...]:
        """Up to SHORT rows."""
        return tuple(look for look in self.looks if look <= SHORT)

    @property
    def long_looks(self) -> tuple[int, ...]:
        """Beyond."""
        return tuple(look for look in self.looks if look > SHORT)


@dataclass(frozen=True, slots=True)
class Known:
    """One contestant after the honest accounts: scores that set thresholds and scores that check them, by look."""

    name: str
    scorer: Scorer
    calibration: Mapping[int, FloatArray]
    held_out: Mapping[int, FloatArray]
    kinds: Mapping[int, npt.NDArray[np.str_]]  # of the held-out accounts
    us_per_row: float
    fit_s: float
    timeless: bool

    def p_values(self, batch: Batch, looks: Sequence[int]) -> dict[int, FloatArray]:
        """How unusual accounts are among honest ones with as many rows, by look; looks without honest scores drop."""
        usable = [look for look in looks if look in self.calibration]
        if not usable:
            return {}
        scores = clean(self.scorer.score(batch, usable))
        return {look: p_values(scores[:, place], self.calibration[look]) for place, look in enumerate(usable)}


def clean(scores: FloatArray) -> FloatArray:
    """NaN is silence."""
    return np.where(np.isnan(scores), SILENT, scores)


@dataclass(slots=True)
class Arena:
    """The ground of one case. ``fit``, ``show`` and ``test`` are markets with the same customers and other rows each."""

    fit: Market
    show: Market
    test: Market
    sizes: Sizes
    seed: int
    contestants: Sequence[Contestant]
    known: list[Known] = field(default_factory=list)

    def prepare(self, say: Callable[[str], None] = print) -> None:
        """Lets every contestant learn, and takes down what honest accounts score."""
        rng = np.random.default_rng([self.seed, 1])
        honest = self.fit.batch(self.fit.customers(self.sizes.fit, self.sizes.fit_rows, rng), rng)
        others = self.show.batch(self.show.customers(self.sizes.fit, self.sizes.fit_rows, rng), rng)
        longer = others
        if self.sizes.fit_long:
            longer = self.show.batch(self.show.customers(self.sizes.fit_long, max(self.sizes.looks), rng), rng)
        for contestant in self.contestants:
            began = time.perf_counter()
            scorer = contestant.fit(honest, others, longer)
            fit_s = time.perf_counter() - began
            if scorer is None:
                continue
            first, _ = self._honest(contestant, scorer, 2)
            second, kinds = self._honest(contestant, scorer, 3)
            self.known.append(
                Known(contestant.name, scorer, first, second, kinds, self._speed(scorer), fit_s, contestant.timeless)
            )
            say(f"  {contestant.name}: {time.perf_counter() - began:.0f} s")

    def _honest(
        self, contestant: Contestant, scorer: Scorer, part: int
    ) -> tuple[dict[int, FloatArray], dict[int, npt.NDArray[np.str_]]]:
        found: dict[int, FloatArray] = {}
        of: dict[int, npt.NDArray[np.str_]] = {}
        for looks, rows, accounts in (
            (self.sizes.short_looks, min(SHORT, max(self.sizes.looks)), self.sizes.short),
            (self.sizes.long_looks, max(self.sizes.looks), self.sizes.long),
        ):
            wanted = min(accounts, contestant.most_rows // rows)
            if not looks or not wanted:
                continue
            rng = np.random.default_rng([self.seed, part, rows])  # the same accounts for every contestant
            every = []
            names = self.test.kinds(accounts, rng)
            inputs = self.test.pool.rows.inputs
            width = 1 if inputs is None else inputs.shape[1]
            portion = max(1, min(CHUNK, NUMBERS // width) // rows)
            for start in range(0, wanted, portion):
                exchanges = self.test.of_kinds(names[start : start + portion], rows, rng)
                every.append(clean(scorer.score(self.test.batch(exchanges, rng), looks)))
            scores = np.concatenate(every)[:wanted]
            found |= {look: scores[:, place] for place, look in enumerate(looks)}
            of |= dict.fromkeys(looks, names[:wanted])
        return found, of

    def _speed(self, scorer: Scorer) -> float:
        """Microseconds of processor time a row, of 100 accounts with 100 rows, the better of two."""
        rng = np.random.default_rng([self.seed, 4])
        rows = min(SHORT, max(self.sizes.looks))
        batch = self.test.batch(self.test.customers(100, rows, rng), rng)
        took = []
        for _ in range(2):
            began = time.process_time()
            scorer.score(batch, (rows,))
            took.append(time.process_time() - began)
        return 1e6 * min(took) / (100 * rows)

    def honest_figures(self) -> dict[str, object]:
        """Per contestant: false alarms on held-out honest accounts at each look, memory and time."""
        return {
            one.name: {
                "bytes_per_account": one.scorer.bytes_per_account,
                "us_per_row": round(one.us_per_row, 2),
                "fit_s": round(one.fit_s, 2),
                "false_alarms": {
                    look: {
                        name: _rate(p_values(held_out, one.calibration[look]), len(one.calibration[look]), rate)
                        for name, rate in RATES.items()
                    }
                    for look, held_out in one.held_out.items()
                },
                "false_alarms_by_kind": {
                    look: self._by_kind(one, look) for look in one.held_out if look in (SHORT, max(self.sizes.looks))
                },
            }
            for one in self.known
        }

    def _by_kind(self, one: Known, look: int) -> dict[str, Pair]:
        """False alarms at the 1 % threshold by kind of customer: who pays for it."""
        hit = p_values(one.held_out[look], one.calibration[look]) <= RATES["1%"]
        kinds = one.kinds[look]
        return {kind: [int(hit[kinds == kind].sum()), int(np.sum(kinds == kind))] for kind in np.unique(kinds).tolist()}

    def look_for(self, thieves: Exchanges, looks: Sequence[int], rng: np.random.Generator, **times: float) -> dict[str, object]:
        """Per contestant: detection at each look and rate, and the rows until detection where all looks share one rate.

        Where ``times`` are given, only contestants that look at them are asked.
        """
        batch = self.test.batch(thieves, rng, **times)
        found: dict[str, object] = {}
        for one in self.known:
            if times and one.timeless:
                continue
            p = one.p_values(batch, looks)
            found[one.name] = {
                "detected": {
                    look: {name: _rate(values, len(one.calibration[look]), rate) for name, rate in RATES.items()}
                    for look, values in p.items()
                },
                "rows": {name: self._rows(one, p, rate) for name, rate in RATES.items()},
            }
        return found

    def _rows(self, one: Known, p: Mapping[int, FloatArray], rate: float) -> dict[str, object] | None:
        """When the first look finds an account, if all looks together raise ``rate`` false alarms: each look has its part.

        None where the honest accounts are too few for such a part.
        """
        part = rate / max(1, len(p))
        if not p or not any(enough_accounts(len(one.calibration[look]), part) for look in p):
            return None
        looks = sorted(p)
        hit = np.stack([p[look] <= part for look in looks], axis=1)
        first = np.where(hit.any(axis=1), np.array(looks)[hit.argmax(axis=1)], np.inf)
        burned = float(np.mean(np.floor(CAMPAIGN / first)))
        median, ninth = np.quantile(first, [0.5, 0.9], method="higher")
        return {
            "median": _finite(median),
            "p90": _finite(ninth),
            "burned": burned,
            "found": [int(hit.any(axis=1).sum()), len(first)],
        }


def _finite(rows: float) -> int | None:
    return None if np.isinf(rows) else int(rows)


def _rate(values: FloatArray, honest: int, rate: float) -> Pair | None:
    """How many accounts are found, of how many; None where the honest accounts cannot set such a threshold."""
    if not enough_accounts(honest, rate):
        return None
    return [int(np.count_nonzero(values <= rate)), len(values)]
