"""Tables: five data sets, four kinds of models, sixteen kinds of thieves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.patterns.arena import Arena, Sizes
from bench.patterns.attackers import Attacker, Linear, Theft, copies, of_kind
from bench.patterns.cells import cells_of
from bench.patterns.contestants import Contestant
from bench.patterns.population import (
    FAMILIES,
    HARDEST,
    NEIGHBOURS,
    REGIONS,
    Exchanges,
    Market,
    Pool,
    endless,
    families,
    real_gaps,
)
from bench.patterns.product import Moatkeeper
from bench.patterns.published import published
from bench.patterns.tables import CLAIMS, KINDS, TABLES, Index, Table, Victim, table, victim
from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.knowledge import RowKnowledge, knowledge_of

BASE = 8_000  # real rows that customers' rows are made of


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    sizes: Sizes
    pool: int  # rows of honest customers
    cheap: int  # thieves of a kind that is quickly run
    dear: int
    hosts: int  # accounts with mixed traffic
    stream: int  # rows of one long thief


FULL = Scale(Sizes(1_500, 10_000, 1_050, 400), 150_000, 100, 24, 24, 1_000)
QUICK = Scale(Sizes(300, 1_100, 120, 80, looks=(10, 100, 300)), 30_000, 24, 4, 16, 300)
FULL_CASES = tuple((name, kind) for name in TABLES for kind in (KINDS[::-1] if name == "adult" else ("boosting",)))
QUICK_CASES = (("adult", "boosting"), ("adult", "linear"))


def cases(*, quick: bool) -> tuple[tuple[str, str], ...]:
    """Data set and kind of model."""
    return QUICK_CASES if quick else FULL_CASES


def measure(
    name: str, kind: str, *, seed: int, quick: bool, contestants: Sequence[Contestant] | None = None
) -> dict[str, object]:
    """All figures of one case."""
    contestants = (Moatkeeper(), *published()) if contestants is None else contestants
    scale = QUICK if quick else FULL
    rng = np.random.default_rng([seed, 0])
    ground = table(name)
    theft, (fit, show), accuracy, judge = stage(ground, name, kind, seed, scale, rng)
    arena = Arena(fit, show, theft.market, scale.sizes, seed, contestants)
    arena.prepare()
    thefts = {one.name: _theft(arena, theft, one, scale, judge, seed) for one in of_kind(kind)}
    return {
        "data": name,
        "role": "claims" if name in CLAIMS else "tuning",
        "victim": kind,
        "accuracy": accuracy,
        "seed": seed,
        "accounts": {"fit": scale.sizes.fit, "short": scale.sizes.short, "long": scale.sizes.long},
        "honest": arena.honest_figures(),
        "thefts": thefts,
    }


def stage(
    ground: Table, name: str, kind: str, seed: int, scale: Scale, rng: np.random.Generator
) -> tuple[Theft, tuple[Market, Market], float, FloatArray]:
    """The theft, the markets that contestants learn from, the model's accuracy, and rows that judge copies."""
    order = rng.permutation(len(ground.rows))
    own, base, judge = np.array_split(order, 3)
    model = victim(kind, ground.rows[own], ground.outcomes[own], seed)
    accuracy = float(np.mean(model.scores(ground.rows[judge]).argmax(axis=1) == ground.outcomes[judge]))
    real = ground.rows[base[:BASE]]
    (fit, show, test), pool = markets_of(real, ground.outcomes[base[:BASE]], model, ground.names, scale.pool, rng)
    knowledge = _knowledge(ground, pool, model)
    others = _others(name, ground, rng)
    return Theft(model, knowledge, test, others), (fit, show), accuracy, ground.rows[judge][:3_000]


def markets_of(
    real: FloatArray, outcomes: Index, model: Victim, names: tuple[str, ...], count: int, rng: np.random.Generator
) -> tuple[tuple[Market, ...], FloatArray]:
    """Three markets of the same customers, and rows of a thief who is one of them; no made row is in two of them."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.neighbors import NearestNeighbors

    plain = (real - real.mean(axis=0)) / (real.std(axis=0) + 1e-9)
    near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(plain).kneighbors(plain, return_distance=False)[:, 1:]
    region = MiniBatchKMeans(REGIONS, random_state=0, n_init=1).fit_predict(plain).astype(np.int64)
    gaps = real_gaps()
    own = Linear(real, np.eye(int(outcomes.max()) + 1)[outcomes])  # a customer's, from outcomes that he has seen
    markets = []
    for size in (count // 3, count // 3, count):
        rows, place = endless(real, near, size, rng)
        asked = families(real, FAMILIES, rng)
        inputs = np.concatenate([rows, asked.reshape(-1, real.shape[1])])
        answered = answer(model, inputs)
        spots = np.arange(size, len(inputs)).reshape(FAMILIES, -1)
        markets.append(Market(Pool(answered, region[place], spots), gaps, names, _unsure(own, rows)))
    return tuple(markets), endless(real, near, 20_000, rng)[0]


def _unsure(own: Linear, rows: FloatArray) -> Index:
    best = np.partition(own.scores(rows), -2, axis=1)
    lead = best[:, -1] - best[:, -2]
    return np.flatnonzero(lead <= np.quantile(lead, HARDEST))


def answer(model: Victim, inputs: FloatArray) -> Exchanges:
    """Rows (n, d) with the model's answers."""
    return Exchanges(inputs, None, model.scores(inputs), model.stages(inputs))


def _knowledge(ground: Table, pool: FloatArray, model: Victim) -> RowKnowledge:
    classes = model.scores(pool[:2]).shape[1]
    plain = knowledge_of(pool, classes)
    return RowKnowledge(classes, pool, plain.lowest, plain.highest, ground.whole)


def _others(name: str, ground: Table, rng: np.random.Generator) -> FloatArray:
    """Rows of another table, column by column brought into the ranges of this one."""
    foreign = table("letter" if name != "letter" else "credit").rows
    foreign = foreign[rng.permutation(len(foreign))[:5_000]]
    columns = np.resize(np.arange(foreign.shape[1]), ground.rows.shape[1])
    unit = (foreign - foreign.min(axis=0)) / (np.ptp(foreign, axis=0) + 1e-9)
    low, high = ground.rows.min(axis=0), ground.rows.max(axis=0)
    made = low + unit[:, columns] * (high - low)
    return np.asarray(np.where(ground.whole, np.rint(made), made), dtype=np.float64)


def _theft(arena: Arena, theft: Theft, attacker: Attacker, scale: Scale, judge: FloatArray, seed: int) -> Mapping[str, object]:
    """One kind of thief in every traffic."""
    rng = np.random.default_rng([seed, 7, *attacker.name.encode()])
    thieves, looks = scale.dear if attacker.dear else scale.cheap, scale.sizes.looks
    short = _answered(theft, attacker.ask(theft, thieves, 100, rng))
    streams = _answered(theft, attacker.ask(theft, max(4, thieves // 6), scale.stream, rng))
    found = cells_of(arena, theft.market, short, streams, scale.hosts, rng)
    first = streams.take(np.arange(1)).inputs
    if first is not None:
        found["copies"] = copies(theft, attacker, first[0], looks, judge, int(rng.integers(2**31)))
    return {"decision": attacker.decision, "adaptive": attacker.adaptive, **found}


def _answered(theft: Theft, rows: FloatArray) -> Exchanges:
    thieves, n, columns = rows.shape
    return answer(theft.victim, rows.reshape(-1, columns)).reshaped(thieves, n)
