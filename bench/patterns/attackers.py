"""Thieves of models of rows: what the red team's attacks ask, seen through a victim that takes it down, and some of our own.

``decision`` says whether an attack looks for the decision itself; the others take what comes. The last four know the
detectors: they keep to values that exist, to honest rows, or to what one honest customer would send.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.patterns.population import Market
from bench.patterns.tables import Victim
from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import askable
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.meter import Meter, Purchases
from moatkeeper.redteam.registry import ROW_ATTACKS
from moatkeeper.redteam.trade import ROWS

Index = npt.NDArray[np.int64]
Rows = FloatArray

HALVINGS = 12
FIRST = 0.1  # of an active thief's questions are random
LEARN_EVERY = 200  # answers between an active thief's copies
OFFERED = 6_000  # rows among which it chooses


@dataclass(frozen=True, slots=True)
class Theft:
    """A thief's ground: the model, what he knows, honest rows of his own, and the market that a careful one imitates."""

    victim: Victim
    knowledge: RowKnowledge
    market: Market
    others: Rows  # rows of another table, in this one's ranges


@dataclass(frozen=True, slots=True)
class Attacker:
    """One kind of thief. ``ask`` gives the rows of so many thieves, (thieves, n, d).

    ``dear`` attacks ask row by row and are run fewer times; ``victims`` are the kinds of models on which it works.
    """

    name: str
    ask: Callable[[Theft, int, int, np.random.Generator], Rows]
    dear: bool = False
    decision: bool = True
    victims: tuple[str, ...] = ("linear", "mlp", "forest", "boosting")
    attack: str = ""  # in the red team's registry, whose copy is scored; empty: a copy of the victim's kind
    adaptive: bool = False


class Recorder:
    """A victim that takes down what it is asked."""

    spent = Expenses()

    def __init__(self, victim: Victim) -> None:
        self._victim = victim
        self.asked: list[Rows] = []

    def ask(self, rows: Rows) -> FloatArray:
        """The victim's answers."""
        self.asked.append(np.array(rows, dtype=np.float64))
        return self._victim.scores(rows) if len(rows) else np.empty((0, 0))


def redteam(name: str) -> Callable[[Theft, int, int, np.random.Generator], Rows]:
    """What an attack of the red team asks of a victim within a budget; repeated where it ends early."""

    def ask(theft: Theft, thieves: int, rows: int, rng: np.random.Generator) -> Rows:
        every = [_record(theft, name, rows, rng) for _ in range(thieves)]
        return np.stack(every)

    return ask


def _record(theft: Theft, name: str, rows: int, rng: np.random.Generator) -> Rows:
    asked: list[Rows] = []
    for _ in range(20):  # an attack that ends early is begun again elsewhere, as a thief of several models would
        recorder = Recorder(theft.victim)
        meter = Meter(recorder, rows, ROWS, Purchases())
        ROW_ATTACKS[name].make(theft.knowledge).run(meter, rows, np.random.default_rng(rng.integers(2**31)))
        asked += recorder.asked
        if sum(map(len, asked)) >= rows:
            break
    found = np.concatenate(asked)
    return np.resize(found, (rows, found.shape[1])) if len(found) < rows else found[:rows]


def random(theft: Theft, thieves: int, rows: int, rng: np.random.Generator) -> Rows:
    """Rows of the right population."""
    return theft.knowledge.pool[rng.integers(0, len(theft.knowledge.pool), size=(thieves, rows))]


def uniform(theft: Theft, thieves: int, rows: int, rng: np.random.Generator) -> Rows:
    """Anywhere in the documented ranges."""
    known = theft.knowledge
    made = rng.uniform(known.lowest, known.highest, size=(thieves, rows, known.columns))
    return askable(known, made)


def shuffle(theft: Theft, thieves: int, rows: int, rng: np.random.Generator) -> Rows:
    """Each column drawn by itself from honest rows."""
    pool = theft.knowledge.pool
    places = rng.integers(0, len(pool), size=(thieves, rows, pool.shape[1]))
    return pool[places, np.arange(pool.shape[1])]


def knockoff(theft: Theft, thieves: int, rows: int, rng: np.random.Generator) -> Rows:
    """Rows of another table."""
    return theft.others[rng.integers(0, len(theft.others), size=(thieves, rows))]


def line(theft: Theft, thieves: int, rows: int, rng: np.random.Generator) -> Rows:
    """Halves the way between two rows that are decided differently, again and again."""
    return _search(theft, thieves, rows, rng, HALVINGS, _between)


def crossover(theft: Theft, thieves: int, rows: int, rng: np.random.Generator) -> Rows:
    """The same with values that exist: what is halved is the columns that come from the one row or the other."""
    steps = max(2, int(np.ceil(np.log2(theft.knowledge.columns))))
    return _search(theft, thieves, rows, rng, steps, _columns)


def _between(theft: Theft, low: Rows, high: Rows, share: FloatArray, order: Index) -> Rows:
    return askable(theft.knowledge, low + share[:, None] * (high - low))


def _columns(theft: Theft, low: Rows, high: Rows, share: FloatArray, order: Index) -> Rows:
    return np.where(order < np.rint(share * low.shape[1])[:, None], high, low)


def _search(
    theft: Theft,
    thieves: int,
    rows: int,
    rng: np.random.Generator,
    steps: int,
    made: Callable[[Theft, Rows, Rows, FloatArray, Index], Rows],
) -> Rows:
    """Every search asks two ends and then ``steps`` rows between; all searches of all thieves go on in lockstep."""
    pool = theft.knowledge.pool
    labels = theft.victim.scores(pool).argmax(axis=1)
    searches = thieves * -(-rows // (steps + 2))
    first = rng.integers(0, len(pool), size=searches)
    second = rng.integers(0, len(pool), size=(searches, 16))
    differs = labels[second] != labels[first][:, None]
    second = second[np.arange(searches), differs.argmax(axis=1)]
    low, high = pool[first], pool[second]
    order = np.argsort(rng.random(low.shape), axis=1)
    near, far = np.zeros(searches), np.ones(searches)
    asked = [low, high]
    for _ in range(steps):
        middle = (near + far) / 2
        tried = made(theft, low, high, middle, order)
        asked.append(tried)
        same = theft.victim.scores(tried).argmax(axis=1) == labels[first]
        near, far = np.where(same, middle, near), np.where(same, far, middle)
    return np.stack(asked, axis=1).reshape(thieves, -1, pool.shape[1])[:, :rows]


def active(theft: Theft, thieves: int, rows: int, rng: np.random.Generator) -> Rows:
    """Honest rows about which the copy is least sure."""
    return np.stack([_chosen(theft, rows, rng, 0.0, 0.05) for _ in range(thieves)])


def margins_kept(theft: Theft, thieves: int, rows: int, rng: np.random.Generator) -> Rows:
    """Honest rows about which the copy is rather unsure, but never the least sure ones."""
    return np.stack([_chosen(theft, rows, rng, 0.1, 0.5) for _ in range(thieves)])


def _chosen(theft: Theft, rows: int, rng: np.random.Generator, low: float, high: float) -> Rows:
    pool = theft.knowledge.pool[rng.permutation(len(theft.knowledge.pool))[:OFFERED]]
    known = int(max(30, FIRST * rows))
    asked, rest = pool[:known], pool[known:]
    while len(asked) < rows:
        answers = theft.victim.scores(asked)
        copy = Linear(asked, answers)
        best = np.partition(copy.scores(rest), -2, axis=1)
        rank = np.argsort(best[:, -1] - best[:, -2])
        span = rank[int(low * len(rank)) : max(int(low * len(rank)) + 1, int(high * len(rank)))]
        taken = rng.permutation(span)[: min(LEARN_EVERY, rows - len(asked))]
        asked = np.concatenate([asked, rest[taken]])
        rest = np.delete(rest, taken, axis=0)
    return asked[:rows]


def snapped_jbda(theft: Theft, thieves: int, rows: int, rng: np.random.Generator) -> Rows:
    """Rows moved along a copy's gradient in a few columns, each to the next value that exists."""
    pool = theft.knowledge.pool
    every = []
    for _ in range(thieves):
        own = pool[rng.permutation(len(pool))[: max(20, rows // 8)]]
        copy = Linear(own, theft.victim.scores(own))
        asked = [own]
        while sum(map(len, asked)) < rows:
            at = np.concatenate(asked)
            at = at[rng.permutation(len(at))[:rows]]
            slope = copy.slope(at)
            kept = rng.random(at.shape) < 0.3
            asked.append(_snapped(np.where(kept, at + np.sign(slope) * 0.3 * pool.std(axis=0), at), pool, kept))
        every.append(np.concatenate(asked)[:rows])
    return np.stack(every)


def _snapped(rows: Rows, pool: Rows, moved: npt.NDArray[np.bool_]) -> Rows:
    out = rows.copy()
    for column in range(rows.shape[1]):
        known = np.unique(pool[:, column])
        place = np.clip(np.searchsorted(known, rows[:, column]), 0, len(known) - 1)
        out[:, column] = np.where(moved[:, column], known[place], rows[:, column])
    return out


def mimic(theft: Theft, thieves: int, rows: int, rng: np.random.Generator) -> Rows:
    """What an honest customer would send: nothing in its own rows tells it apart."""
    asked = theft.market.customers(thieves, rows, rng).inputs
    return np.empty((thieves, rows, 0)) if asked is None else asked


class Linear:
    """A ridge regression of standardised columns on the answers: a thief's quick copy."""

    def __init__(self, rows: Rows, answers: FloatArray) -> None:
        self._centre, self._spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
        design = self._design(rows)
        self._weights = np.linalg.solve(design.T @ design + np.eye(design.shape[1]), design.T @ answers)

    def scores(self, rows: Rows) -> FloatArray:
        """Shape (n, k)."""
        return np.asarray(self._design(rows) @ self._weights, dtype=np.float64)

    def slope(self, rows: Rows) -> FloatArray:
        """Which way each row's leading class falls behind the second, shape (n, d)."""
        order = np.argsort(self.scores(rows), axis=1)
        weights = self._weights[:-1].T / self._spread
        return np.asarray(weights[order[:, -2]] - weights[order[:, -1]], dtype=np.float64)

    def _design(self, rows: Rows) -> FloatArray:
        return np.hstack([(rows - self._centre) / self._spread, np.ones((len(rows), 1))])


_TREES, _PLANES = ("forest", "boosting"), ("linear",)

ATTACKERS: tuple[Attacker, ...] = (
    Attacker("equations", redteam("equations"), dear=True, victims=_PLANES, attack="equations"),
    Attacker("lowd-meek", redteam("lowd-meek"), dear=True, victims=_PLANES, attack="lowd-meek"),
    Attacker("paths", redteam("paths"), dear=True, victims=_TREES, attack="paths"),
    Attacker("adaptive retraining", redteam("adaptive"), dear=True, attack="adaptive"),
    Attacker("jbda", redteam("jbda"), dear=True, attack="jbda"),
    Attacker("boundary probing", redteam("boundary-probe"), dear=True, attack="boundary-probe"),
    Attacker("line search", line),
    Attacker("active", active),
    Attacker("uniform", uniform, decision=False),
    Attacker("marginal shuffle", shuffle, decision=False),
    Attacker("knockoff", knockoff, decision=False),
    Attacker("random", random, decision=False, attack="retrain"),
    Attacker("line search on values that exist", crossover, adaptive=True),
    Attacker("jbda on values that exist", snapped_jbda, adaptive=True),
    Attacker("active, margins kept", margins_kept, adaptive=True),
    Attacker("mimic", mimic, decision=False, adaptive=True),
)


def of_kind(kind: str) -> tuple[Attacker, ...]:
    """The attackers of a kind of victim."""
    return tuple(one for one in ATTACKERS if kind in one.victims)


def copies(theft: Theft, attacker: Attacker, rows: Rows, rungs: tuple[int, ...], judge: Rows, seed: int) -> Mapping[int, float]:
    """How often the thief's copy says what the victim says of ``judge``, after each number of answers."""
    truth = theft.victim.scores(judge).argmax(axis=1)
    found = {}
    for rung in rungs:
        if attacker.attack:
            meter = Meter(Recorder(theft.victim), rung, ROWS, Purchases())
            loot = ROW_ATTACKS[attacker.attack].make(theft.knowledge).run(meter, rung, np.random.default_rng(seed))
            said = loot.surrogate.scores(judge).argmax(axis=1)
        else:
            said = _retrained(rows[:rung], theft.victim.scores(rows[:rung]).argmax(axis=1), judge, truth)
        found[rung] = float(np.mean(said == truth))
    return found


def _retrained(rows: Rows, labels: Index, judge: Rows, truth: Index) -> Index:
    """The better of a boosted model and a linear one on the rows bought: thieves may try both."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    if len(np.unique(labels)) == 1:
        return np.full(len(judge), labels[0])
    tree = HistGradientBoostingClassifier(max_iter=30, min_samples_leaf=5).fit(rows, labels).predict(judge)
    plane_copy = Linear(rows, np.eye(int(labels.max()) + 1)[labels])
    plane = plane_copy.scores(judge).argmax(axis=1)
    return np.asarray(tree if np.mean(tree == truth) >= np.mean(plane == truth) else plane, dtype=np.int64)
