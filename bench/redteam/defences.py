"""Published output defences as baselines: none is part of the product, each is what its paper's code does, in plain numpy.

Reverse sigmoid: Lee et al. 2018. MAD-argmax: Orekondy et al. 2020. ModelGuard-W and -S: Tang et al. 2024. Each is written as
what is released, and as what an attacker knows of it: the code, but neither a random surrogate, nor a key, nor which
answers are stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import cast

import numpy as np

from moatkeeper.core.contract import Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.adaptive.known import Disguise, least_output

L1_BUDGET = 1.0  # epsilon of MAD and both ModelGuards: at most so far from the true answer, in L1
BETA, GAMMA = 0.8, 0.2  # of the reverse sigmoid: the strongest of D-DAE's four, and MAD's gamma for most data sets
SIGMA = 0.2  # of Gaussian noise on each score: ART's default
LEAD = 1e-4  # by which ModelGuard-W keeps the top class ahead
LOG_FLOOR = 1e-6  # inside ModelGuard-W's logarithm
TIE_BREAK = 1e-5  # what MAD's argmax variant adds to the top class
GOLDEN = (5**0.5 - 1) / 2
SEARCH_STEPS = 30  # of the golden-section search: the top score to 1e-6
KNOWN_STEPS = 10  # the same in an attacker's table: to less than 0.01

Release = Callable[[FloatArray, FloatArray], FloatArray]
"""Rows (n, d) and their true scores (n, k) to what goes out (n, k)."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A defence in operation, and what an attacker who has read its code can compute of it."""

    release: Release
    known: Disguise
    fresh: bool = False  # asking again gives another answer


def plain(disguise: Disguise) -> Deployed:
    """A defence without a secret."""
    return Deployed(lambda rows, scores: disguise(scores), disguise)


def least(**choices: int | bool | None) -> Deployed:
    """The product's own least output under some contract."""
    return plain(least_output(Contract(**{"decimals": None, **choices})))  # type: ignore[arg-type]


def normalised(scores: FloatArray) -> FloatArray:
    """Rows that sum to 1."""
    return cast(FloatArray, scores / scores.sum(axis=1, keepdims=True))


def reverse_sigmoid(scores: FloatArray, beta: float = BETA, gamma: float = GAMMA) -> FloatArray:
    """Each score less beta times (sigmoid(gamma logit(score)) - 1/2), normalised."""
    clipped = np.clip(scores, 1e-12, 1 - 1e-12)
    turned = 1 / (1 + (clipped / (1 - clipped)) ** -gamma)
    return normalised(np.maximum(clipped - beta * (turned - 0.5), 0.0) + 1e-12)


def gaussian(scores: FloatArray, noise: FloatArray) -> FloatArray:
    """Scores with noise, none below 0, normalised."""
    return normalised(np.maximum(scores + noise, 0.0) + 1e-12)


def gaussian_fresh(rng: np.random.Generator) -> Deployed:
    """New noise for every answer."""

    def disguise(scores: FloatArray) -> FloatArray:
        return gaussian(scores, SIGMA * rng.standard_normal(scores.shape))

    return Deployed(lambda rows, scores: disguise(scores), disguise, fresh=True)


def gaussian_keyed(key: bytes, rng: np.random.Generator) -> Deployed:
    """Noise that is a keyed function of the row's bytes: the same question, the same answer."""

    def release(rows: FloatArray, scores: FloatArray) -> FloatArray:
        seeds = [int.from_bytes(blake2b(row.tobytes(), key=key, digest_size=8).digest(), "big") for row in rows]
        return gaussian(scores, np.array([SIGMA * np.random.default_rng(s).standard_normal(scores.shape[1]) for s in seeds]))

    return Deployed(release, gaussian_fresh(rng).known)


def mad_argmax(scores: FloatArray, surrogate: FloatArray) -> FloatArray:
    """The furthest turn of an attacker's gradient within the L1 budget that keeps the top class.

    ``surrogate`` (n, k) are a random network's probabilities. The gradient of its last layer is proportional to surrogate less
    answer, so the exact search over the vertices of {y : y_top >= y_j} needs no network.
    """
    classes = scores.shape[1]
    others = (np.arange(2 ** (classes - 1))[:, None] >> np.arange(classes - 1)) & 1
    target = np.empty_like(scores)
    tops = scores.argmax(axis=1)
    for top in np.unique(tops).tolist():
        sets = np.insert(others, top, 1, axis=1)
        vertices = sets / sets.sum(axis=1, keepdims=True)
        rows = tops == top
        target[rows] = vertices[_most_turned(scores[rows], surrogate[rows], vertices)]
    return _towards(scores, target)


def _most_turned(scores: FloatArray, surrogate: FloatArray, vertices: FloatArray) -> np.ndarray:
    """For each row the vertex that minimises the cosine of (surrogate - vertex) and (surrogate - scores)."""
    true = surrogate - scores
    product = (surrogate * true).sum(axis=1)[:, None] - true @ vertices.T
    length = (surrogate**2).sum(axis=1)[:, None] - 2 * surrogate @ vertices.T + (vertices**2).sum(axis=1)
    return cast(np.ndarray, (product / np.sqrt(np.maximum(length, 1e-12))).argmin(axis=1))


def _towards(scores: FloatArray, target: FloatArray) -> FloatArray:
    far = np.abs(target - scores).sum(axis=1, keepdims=True)
    share = np.minimum(1.0, L1_BUDGET / np.maximum(far, 1e-12))
    moved = (1 - share) * scores + share * target
    moved[np.arange(len(moved)), scores.argmax(axis=1)] += TIE_BREAK
    return normalised(moved)


def mad_known(scores: FloatArray) -> FloatArray:
    """MAD-argmax as an attacker computes it, who does not have the random network and takes it for uniform.

    The best vertex of each size then holds the top class and the least likely others, so k candidates suffice. The largest
    is the uniform answer itself, whose direction only the random network tells: it counts as a right angle.
    """
    count, classes = scores.shape
    order = np.argsort(scores, axis=1, kind="stable")  # least likely first, the top last
    ranked = np.take_along_axis(scores, order, axis=1)
    sizes = np.arange(1, classes + 1)
    held = ranked[:, -1:] + np.concatenate([np.zeros((count, 1)), np.cumsum(ranked[:, :-1], axis=1)], axis=1)
    # With u = 1/k: (u - v)(u - y) = v y - u for a vertex v of size s, whose v y is held / s; |u - v|^2 = 1/s - u.
    uniform = 1 / classes
    cosine = (held / sizes - uniform) / np.sqrt(np.maximum(1 / sizes - uniform, 1e-6))
    best = cosine.argmin(axis=1)[:, None]
    ranks = np.arange(classes)
    member = (ranks < best) | (ranks == classes - 1)
    target = np.zeros_like(scores)
    np.put_along_axis(target, order, member / (best + 1), axis=1)
    return _towards(scores, target)


def mad(seed: int, columns: int) -> Deployed:
    """MAD-argmax with a random network of its own: one hidden layer of 32."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(columns, 32)) / columns**0.5

    def release(rows: FloatArray, scores: FloatArray) -> FloatArray:
        last = np.random.default_rng(seed + 1).normal(size=(32, scores.shape[1])) / 32**0.5
        powers = np.exp(np.maximum(rows @ first, 0.0) @ last)
        return mad_argmax(scores, normalised(powers))

    return Deployed(release, mad_known)


def modelguard_w(scores: FloatArray, steps: int = SEARCH_STEPS, budget: float = L1_BUDGET) -> FloatArray:
    """The answer least likely under the true one within the L1 budget that keeps the top class ahead, exactly.

    A linear programme an answer in the paper. Here: for a given top score the optimum is greedy (the likely classes give, the
    least likely take up to just below the top), and its value is convex in the top score, which a golden-section search finds.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=1)
    price = np.log(ranked + LOG_FLOOR)
    classes = scores.shape[1]
    low = np.full(len(scores), (1 + (classes - 1) * LEAD) / classes)
    high = np.minimum(np.maximum(ranked[:, 0], low) + budget / 2, 1.0)
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    costs_left, costs_right = (_cost(_given_top(ranked, top, budget), price) for top in (left, right))
    for _ in range(steps):
        to_right = costs_right <= costs_left
        low, high = np.where(to_right, left, low), np.where(to_right, high, right)
        tried = np.where(to_right, low + GOLDEN * (high - low), high - GOLDEN * (high - low))
        cost = _cost(_given_top(ranked, tried, budget), price)
        left, right = np.where(to_right, right, tried), np.where(to_right, tried, left)
        costs_left, costs_right = np.where(to_right, costs_right, cost), np.where(to_right, cost, costs_left)
    best, feasible = _given_top(ranked, high, budget)
    released = np.empty_like(scores)
    np.put_along_axis(released, order, np.where(feasible[:, None], best, ranked), axis=1)
    return released


def _cost(found: tuple[FloatArray, np.ndarray], price: FloatArray) -> FloatArray:
    answer, feasible = found
    # Only too low a top is infeasible, and the search goes right where both sides are.
    return cast(FloatArray, np.where(feasible, (answer * price).sum(axis=1), np.inf))


def _given_top(ranked: FloatArray, top: FloatArray, budget: float) -> tuple[FloatArray, np.ndarray]:
    """The best answer with a given top score, and whether there is one; ``ranked`` (n, k) falls from left to right."""
    rest, most = ranked[:, 1:], (top - LEAD)[:, None]
    kept = np.minimum(rest, most)
    cut = (rest - kept).sum(axis=1)
    lost = ranked[:, 0] - top  # by the top class; below 0 where it gains
    spare = budget / 2 - cut - np.maximum(lost, 0.0)
    feasible = spare >= np.maximum(-lost - cut, 0.0) - 1e-12
    # Without the budget all mass would go to the least likely classes, each filled up to the most that it may have.
    after = np.arange(rest.shape[1] - 1, -1, -1)
    filled = np.clip((1 - top)[:, None] - after * most, 0.0, most)
    wish = np.maximum(kept - filled, 0.0).sum(axis=1)
    given = np.clip(np.minimum(spare, wish), 0.0, None)[:, None]
    gives = np.clip(given - (np.cumsum(kept, axis=1) - kept), 0.0, kept)
    room = most - kept
    taken = (lost + cut)[:, None] + given
    takes = np.clip(taken - (room.sum(axis=1, keepdims=True) - np.cumsum(room, axis=1)), 0.0, room)
    return np.column_stack([top, kept - gives + takes]), feasible


@dataclass(slots=True)
class Stored:
    """ModelGuard-S's store: answers shown before, by top class, in the order in which they were stored."""

    answers: dict[int, list[FloatArray]]

    def nearest(self, scores: FloatArray, *, keep: bool) -> FloatArray:
        """For each row the first stored answer within the L1 budget; else itself, stored for later where ``keep``."""
        released = scores.copy()
        tops = scores.argmax(axis=1)
        for top in np.unique(tops).tolist():
            stored = self.answers.setdefault(top, [])
            pending = np.flatnonzero(tops == top)
            checked = 0
            while len(pending):
                for known in stored[checked:]:
                    near = np.abs(scores[pending] - known).sum(axis=1) <= L1_BUDGET
                    released[pending[near]] = known
                    pending = pending[~near]
                checked = len(stored)
                if not keep or not len(pending):
                    break
                stored.append(scores[pending[0]].copy())
        return released


def modelguard_s() -> Deployed:
    """ModelGuard-S. The attacker's store is what was shown, in the order in which it was first seen."""
    own, seen = Stored({}), Stored({})

    def release(rows: FloatArray, scores: FloatArray) -> FloatArray:
        released = own.nearest(scores, keep=True)
        seen.answers = {top: list(stored) for top, stored in own.answers.items()}  # every stored answer was shown once
        return released

    return Deployed(release, lambda scores: seen.nearest(scores, keep=False))


def defences(seed: int, columns: int) -> dict[str, Deployed]:
    """All rows of the matrix, newly deployed."""
    rng = np.random.default_rng(seed)
    return {
        "none": plain(lambda scores: scores),
        "round 3": least(decimals=3),
        "round 2 (least output)": least(decimals=2),
        "round 1": least(decimals=1),
        "top 1": least(label_only=True),
        "top 3": least(top_k=3),
        "reverse sigmoid": plain(reverse_sigmoid),
        "MAD-argmax": mad(seed, columns),
        "ModelGuard-W": Deployed(lambda rows, scores: modelguard_w(scores), lambda s: modelguard_w(s, KNOWN_STEPS)),
        "ModelGuard-S": modelguard_s(),
        "Gaussian fresh": gaussian_fresh(rng),
        "Gaussian keyed": gaussian_keyed(rng.bytes(16), rng),
    }
