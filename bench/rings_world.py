"""A simulated service for ring benchmarks: honest tenants by construction, rings of every kind, real rows.

Honest accounts differ in what they ask about (a Dirichlet tilt over regions), a fifth are generalists, a tenth resend rows,
some edit single fields, some send only hard cases, and colleagues share one profile.
All parties draw from the same endless population: real rows, in which a quarter of the cells comes from one of the row's
neighbours. Everything a ring sends is snapped to values that the column really has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.regions import Regions
from moatkeeper.patterns.traits import Traits

Scores = Callable[[FloatArray], FloatArray]
"""The victim: rows to class probabilities of shape (n, k)."""

WEEK_S = 7 * 86_400.0
REGIONS = 24
NEIGHBOURS = 8
MIXED = 0.25
"""Share of cells that come from a neighbour."""
TILT = 0.25
"""Of the Dirichlet weights of a specialist over regions."""
GENERALISTS, RESENDERS, EDITORS, HARD = 0.2, 0.1, 0.03, 0.01
COLLEAGUES = 0.02
"""Groups of colleagues per account of a window, SAME of them asking about the same rows."""
SAME = 0.2
KINDS = ("uniform", "shuffle", "jbda", "line", "active", "random", "cover", "mimic")


@dataclass(frozen=True, slots=True)
class World:
    """Rows (n, d) with their regions, their neighbours (n, NEIGHBOURS), the victim and the observed values of each column."""

    rows: FloatArray
    regions: IntArray
    neighbours: IntArray
    victim: Scores
    sizes: IntArray  # requests an account in a week, one for each real account
    cells: Regions
    centre: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, rows: FloatArray, victim: Scores, sizes: IntArray, seed: int) -> World:
        """The world over some rows."""
        rng = np.random.default_rng(seed)
        centre, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
        points = ((rows - centre) / spread).clip(-4, 4).astype(np.float32)
        cells = Regions.fit(points, REGIONS, rng)
        return cls(rows, cells.of(points), _neighbours(points), victim, sizes, cells, centre, spread)

    def draw(self, rng: np.random.Generator, weights: FloatArray) -> FloatArray:
        """A row of the population for each row of region weights, shape (n, REGIONS)."""
        places = np.empty(len(weights), dtype=np.int64)
        cumulative = np.cumsum(weights, axis=1)
        regions = (rng.random(len(weights))[:, None] * cumulative[:, -1:] > cumulative).sum(axis=1)
        for region in np.unique(regions).tolist():
            of_region = np.flatnonzero(self.regions == region)
            inside = np.flatnonzero(regions == region)
            places[inside] = rng.choice(of_region if len(of_region) else np.arange(len(self.rows)), len(inside))
        return self._mixed(rng, places)

    def plain(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Rows of the population as it is."""
        return self._mixed(rng, rng.integers(len(self.rows), size=count))

    def _mixed(self, rng: np.random.Generator, places: IntArray) -> FloatArray:
        other = self.neighbours[places, rng.integers(NEIGHBOURS, size=len(places))]
        return np.where(rng.random((len(places), self.rows.shape[1])) < MIXED, self.rows[other], self.rows[places])

    @property
    def base(self) -> FloatArray:
        """The share of each region in the population."""
        return np.bincount(self.regions, minlength=REGIONS)[:REGIONS] / len(self.regions)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Rows by account in one week: ``accounts`` (r,) from 0 up, ``groups`` the colleagues' group of each account or -1."""

    accounts: IntArray
    rows: FloatArray
    groups: IntArray

    @property
    def count(self) -> int:
        """How many accounts."""
        return len(self.groups)


def honest_week(world: World, rng: np.random.Generator, accounts: int, drift: float = 0.0) -> Traffic:
    """One week of honest accounts; ``drift`` is the log-normal spread of the regions' popularity in this week."""
    groups = _colleagues(rng, accounts)
    weights = _profiles(world, rng, groups, world.base * np.exp(drift * rng.standard_normal(REGIONS)))
    sizes = rng.choice(world.sizes, accounts)
    owners = np.repeat(np.arange(accounts), sizes)
    rows = world.draw(rng, weights[owners])
    habits = rng.random(accounts)
    rows = _resent(rng, owners, rows, habits < RESENDERS)
    rows = _edited(world, rng, owners, rows, (habits >= RESENDERS) & (habits < RESENDERS + EDITORS))
    hard = np.flatnonzero((habits > 1 - HARD)[owners])
    if len(hard):
        rows[hard] = _hardest(world, rng, weights[owners[hard]])
    same = (groups >= 0) & (rng.random(int(groups.max()) + 2)[groups] < SAME)
    for group in np.unique(groups[same]).tolist():
        inside = np.flatnonzero(groups[owners] == group)
        rows[inside] = rows[rng.choice(inside[: max(1, len(inside) // 4)], len(inside))]
    return Traffic(owners, rows, groups)


def ring(world: World, rng: np.random.Generator, kind: str, accounts: int, each: int) -> Traffic:
    """A ring of one kind, its rows dealt round-robin."""
    total = accounts * each
    owners = np.tile(np.arange(accounts), each)
    if kind == "mimic":
        weights = _profiles(world, rng, np.full(accounts, -1), world.base)
        rows = world.draw(rng, weights[owners])
        habits = rng.random(accounts)
        rows = _resent(rng, owners, rows, habits < RESENDERS)
        rows = _edited(world, rng, owners, rows, (habits >= RESENDERS) & (habits < RESENDERS + EDITORS))
    else:
        rows = _MAKERS[kind](world, rng, total)
    return Traffic(owners, rows, np.full(accounts, -1))


def batch_of(world: World, weeks: list[Traffic], rng: np.random.Generator, started: float = 0.0, first_week: int = 0) -> Batch:
    """Weeks of traffic as one batch: accounts of different weeks are different accounts, named by week and number."""
    owners, rows, times, names, ahead = [], [], [], [], 0
    for number, week in enumerate(weeks):
        owners.append(week.accounts + ahead)
        rows.append(week.rows)
        times.append(started + (first_week + number + rng.random(len(week.rows))) * WEEK_S)
        names += [f"week{first_week + number}-{account}" for account in range(week.count)]
        ahead += week.count
    at = np.concatenate(times)
    order = np.argsort(at)
    inputs = np.concatenate(rows)[order]
    return Batch(
        tuple(names), np.concatenate(owners)[order], at[order], np.arange(len(at)), inputs, scores=world.victim(inputs)
    )


def together(first: Traffic, second: Traffic) -> Traffic:
    """Both in one week, the second's accounts numbered after the first's."""
    return Traffic(
        np.r_[first.accounts, second.accounts + first.count],
        np.concatenate([first.rows, second.rows]),
        np.r_[first.groups, np.full(second.count, -1)],
    )


def _neighbours(points: np.ndarray) -> IntArray:
    half = 0.5 * np.einsum("nd,nd->n", points, points)
    found = np.empty((len(points), NEIGHBOURS), dtype=np.int64)
    for start in range(0, len(points), 512):
        part = points[start : start + 512]
        near = half - part @ points.T
        near[np.arange(len(part)), np.arange(start, start + len(part))] = np.inf
        found[start : start + 512] = np.argpartition(near, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return found


def _colleagues(rng: np.random.Generator, accounts: int) -> IntArray:
    groups = np.full(accounts, -1)
    free = rng.permutation(accounts)
    used = 0
    for group in range(round(COLLEAGUES * accounts)):
        size = int(rng.integers(5, 21))
        groups[free[used : used + size]] = group
        used += size
    return groups


def _profiles(world: World, rng: np.random.Generator, groups: IntArray, base: FloatArray) -> FloatArray:
    tilted = base * rng.gamma(TILT, size=(len(groups), REGIONS)) + 1e-12
    tilted[rng.random(len(groups)) < GENERALISTS] = base
    for group in np.unique(groups[groups >= 0]).tolist():
        inside = np.flatnonzero(groups == group)
        tilted[inside] = tilted[inside[0]]
    return np.asarray(tilted / tilted.sum(axis=1, keepdims=True))


def _resent(rng: np.random.Generator, owners: IntArray, rows: FloatArray, who: np.ndarray) -> FloatArray:
    found = rows.copy()
    for account in np.flatnonzero(who).tolist():
        inside = np.flatnonzero(owners == account)
        if len(inside) > 1:
            found[inside[1:]] = rows[rng.choice(inside[: max(1, len(inside) // 3)], len(inside) - 1)]
    return found


def _edited(world: World, rng: np.random.Generator, owners: IntArray, rows: FloatArray, who: np.ndarray) -> FloatArray:
    found = rows.copy()
    for account in np.flatnonzero(who).tolist():
        inside = np.flatnonzero(owners == account)
        found[inside] = rows[inside[0]]
        column = int(rng.integers(rows.shape[1]))
        found[inside, column] = rng.choice(world.rows[:, column], len(inside))
    return found


def _margins(world: World, rows: FloatArray) -> FloatArray:
    best = np.partition(world.victim(rows), -2, axis=1)
    return best[:, -1] - best[:, -2]


def _hardest(world: World, rng: np.random.Generator, weights: FloatArray, of: int = 5) -> FloatArray:
    tries = world.draw(rng, np.repeat(weights, of, axis=0))
    margins = _margins(world, tries).reshape(-1, of)
    return np.asarray(tries.reshape(len(weights), of, -1)[np.arange(len(weights)), margins.argmin(axis=1)])


def _uniform(world: World, rng: np.random.Generator, count: int) -> FloatArray:
    return np.stack([rng.choice(np.unique(column), count) for column in world.rows.T], axis=1)


def _shuffle(world: World, rng: np.random.Generator, count: int) -> FloatArray:
    return np.stack([rng.choice(column, count) for column in world.rows.T], axis=1)


def _snapped(world: World, rows: FloatArray) -> FloatArray:
    snapped = np.empty_like(rows)
    for number, column in enumerate(world.rows.T):
        values = np.unique(column)
        place = np.searchsorted(values, rows[:, number]).clip(1, max(len(values) - 1, 1))
        lower = values[np.minimum(place - 1, len(values) - 1)]
        upper = values[np.minimum(place, len(values) - 1)]
        snapped[:, number] = np.where(rows[:, number] - lower <= upper - rows[:, number], lower, upper)
    return snapped


def _jbda(world: World, rng: np.random.Generator, count: int) -> FloatArray:
    """Seeds doubled by steps along signs of a random direction, as a Jacobian's would be."""
    rows = world.plain(rng, max(count // 8, 1))
    while len(rows) < count:
        signs = rng.choice([-1.0, 1.0], size=rows.shape)
        rows = np.concatenate([rows, _snapped(world, rows + 0.3 * world.spread * signs)])
    return rows[rng.permutation(len(rows))[:count]]


def _line(world: World, rng: np.random.Generator, count: int, steps: int = 10) -> FloatArray:
    """Bisection between rows of different classes: ``steps`` points a line, nearing the boundary."""
    lines = count // steps + 1
    starts, ends = world.plain(rng, 4 * lines), world.plain(rng, 4 * lines)
    differ = np.argsort(world.victim(starts).argmax(axis=1) == world.victim(ends).argmax(axis=1), kind="stable")[:lines]
    low, high = starts[differ], ends[differ]
    label = world.victim(low).argmax(axis=1)
    found = []
    for _ in range(steps):
        middle = (low + high) / 2
        asked = _snapped(world, middle)
        found.append(asked)
        same = (world.victim(asked).argmax(axis=1) == label)[:, None]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.stack(found, axis=1).reshape(-1, low.shape[1])[:count]


def _active(world: World, rng: np.random.Generator, count: int) -> FloatArray:
    """The rows of a pool of which a copy of the model, good by now, is least sure."""
    pool = world.plain(rng, 8 * count)
    noise = 0.1 * rng.random(len(pool))  # the copy is not the model
    return pool[np.argsort(_margins(world, pool) + noise)[:count]][rng.permutation(count)]


def _random(world: World, rng: np.random.Generator, count: int) -> FloatArray:
    return world.plain(rng, count)


def _cover(world: World, rng: np.random.Generator, count: int) -> FloatArray:
    """In-distribution rows, none of which repeats a coarse cell as long as there are others."""
    pool = world.plain(rng, 6 * count)
    coarse = np.rint(((pool - world.centre) / world.spread)[:, : min(6, pool.shape[1])]).astype(np.int64)
    _, first = np.unique(coarse, axis=0, return_index=True)
    rest = np.setdiff1d(np.arange(len(pool)), first)
    return np.asarray(pool[np.r_[rng.permutation(first), rest][:count]])


_MAKERS: dict[str, Callable[[World, np.random.Generator, int], FloatArray]] = {
    "uniform": _uniform,
    "shuffle": _shuffle,
    "jbda": _jbda,
    "line": _line,
    "active": _active,
    "random": _random,
    "cover": _cover,
}


AGENTS, NETWORKS = 30, 400
RANGES = 24
"""Hours in which the ring's accounts sign up, if they leak."""


def traits_of(
    names: tuple[str, ...],
    groups: IntArray,
    rng: np.random.Generator,
    week: int,
    ring_from: int | None = None,
    leak: float = 0.0,
) -> dict[str, Traits]:
    """Traits of a week's accounts: popular agents and networks, colleagues behind one network.

    Accounts from number ``ring_from`` on are a ring, of which a share ``leak`` has one agent, four networks and one day of
    sign-up in common; the rest look like everybody.
    """
    popular = rng.zipf(1.6, len(names)) % AGENTS
    found = {}
    for number, name in enumerate(names):
        agent, network = f"agent {popular[number]}", f"network {week}-{rng.integers(NETWORKS)}-{rng.integers(4)}"
        began = float((week - rng.integers(0, 40) + rng.random()) * WEEK_S)
        organisation = ""
        if groups[number] >= 0:
            network, organisation = f"office {week}-{groups[number]}", f"firm {week}-{groups[number]}"
        if ring_from is not None and number >= ring_from and rng.random() < leak:
            agent, network = "agent 7", f"network {week}-hosting-{rng.integers(4)}"
            began = float(week * WEEK_S + rng.random() * RANGES * 3_600)
        found[name] = Traits(networks=(network,), agents=(agent,), organisation=organisation, signed_up_at=began)
    return found
