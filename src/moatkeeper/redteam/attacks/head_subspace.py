"""The span of a language model's last layer, and with it whole distributions for the price of a few log-probabilities.

Carlini et al. 2024, section 4.2 (the last layer up to a rotation of the hidden space), and Finlayson et al. 2024 (what its
image is good for: whole outputs from h of their entries). Deviations: vectors are centred; the end of the rank is
noticed on the way, when new vectors bring nothing new, so that h need not be known; the rotation itself is never sought, since
no answer depends on it.

Left out: completing the matrix of the k largest log-probabilities alone, which needs k > h but no bias. In one trial (v = 400,
h = 16, 100 contexts, alternating least squares) 0.005 of the head stayed outside at k = 200, and 0.62 at k = 100.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.hidden_size import averaged_answers
from moatkeeper.redteam.base import Loot, TokenSurrogate, TokenVictim
from moatkeeper.redteam.knowledge import TokenKnowledge
from moatkeeper.redteam.token_copy import TokenTable, table_of
from moatkeeper.redteam.token_probe import Lifter, Purse
from moatkeeper.redteam.token_rank import NO_RANK, SPARE, centred, rank_of, span_of

NOTHING_NEW = 0.1
"""A vector is old news if its part outside the earlier ones is under this share of the least such part before. Larger: the
search ends sooner, at a rank that may be too small."""


class HeadSubspace:
    """Recovers whole vectors until they span the head, then completes further contexts from few tokens each."""

    name = "head-subspace"

    def __init__(self, knowledge: TokenKnowledge) -> None:
        self._knowledge = knowledge

    def run(self, victim: TokenVictim, budget: int, rng: np.random.Generator) -> Loot[TokenSurrogate]:
        """A table with the recovered span; findings as those of hidden-size, and how many contexts were ``completed``."""
        known = self._knowledge
        contexts = [known.contexts[index] for index in rng.permutation(len(known.contexts))]
        purse = Purse(victim, budget)
        if known.shown >= known.vocabulary:
            vectors = averaged_answers(purse, contexts, known.vocabulary)
            rank = rank_of(vectors)
            basis = span_of(vectors, rank.size) if rank.convincing else None
            copy = table_of(known.vocabulary, dict(zip(contexts, vectors, strict=False)), basis)
            return Loot(copy, rank.findings() | {"completed": 0.0})
        lifter = Lifter(purse, known)
        order = rng.permutation(known.vocabulary)
        seen, full = self._whole_vectors(purse, lifter, contexts, order)
        rank = rank_of(np.array(full)) if full else NO_RANK
        if not rank.convincing:
            return Loot(table_of(known.vocabulary, seen), rank.findings() | {"completed": 0.0})
        basis = span_of(np.array(full), rank.size)
        done = self._complete(purse, lifter, [context for context in contexts if context not in seen], order, basis)
        table = TokenTable(known.vocabulary, {**table_of(known.vocabulary, seen).known, **done}, basis)
        return Loot(table, rank.findings() | {"completed": float(len(done))})

    def _whole_vectors(
        self, purse: Purse, lifter: Lifter, contexts: Sequence[tuple[int, ...]], order: np.ndarray
    ) -> tuple[dict[tuple[int, ...], FloatArray], list[FloatArray]]:
        """Vectors by context, and the whole ones among them, until the last few bring nothing new."""
        seen: dict[tuple[int, ...], FloatArray] = {}
        full: list[FloatArray] = []
        news = _News(self._knowledge.vocabulary)
        for context in contexts:
            first = lifter.first([context])
            if not first:
                break
            seen[context] = lifter.lift(context, first[0], order.tolist())
            if np.isfinite(seen[context]).all():
                full.append(seen[context])
                if news.exhausted_by(seen[context]):
                    break
        return seen, full

    def _complete(
        self, purse: Purse, lifter: Lifter, contexts: Sequence[tuple[int, ...]], order: np.ndarray, basis: FloatArray
    ) -> Mapping[tuple[int, ...], FloatArray]:
        done: dict[tuple[int, ...], FloatArray] = {}
        needed = basis.shape[1] + 1 + SPARE
        for context in contexts:
            first = lifter.first([context])
            if not first:
                break
            vector = lifter.lift(context, first[0], order[:needed].tolist())
            if np.isfinite(vector).sum() >= needed:
                done[context] = completed_in(basis, vector)
        return done


def completed_in(basis: FloatArray, vector: FloatArray) -> FloatArray:
    """A whole distribution (v,) in the span of ``basis`` (v, h), from at least h + 1 known log-probabilities, NaN elsewhere."""
    known = np.isfinite(vector)
    design = np.column_stack([basis[known], np.ones(int(known.sum()))])
    parts = np.linalg.lstsq(design, vector[known], rcond=None)[0]
    logits = basis @ parts[:-1]
    peak = float(logits.max())
    whole: FloatArray = logits - peak - np.log(np.exp(logits - peak).sum())
    return whole


class _News:
    """Tells how much of each new vector lies outside all earlier ones."""

    def __init__(self, vocabulary: int) -> None:
        self._basis = np.zeros((vocabulary, 0))
        self._parts: list[float] = []

    def exhausted_by(self, vector: FloatArray) -> bool:
        """Whether this vector and the few before it brought nothing new."""
        row = centred(vector[None])[0]
        rest = row - self._basis @ (self._basis.T @ row)
        rest = rest - self._basis @ (self._basis.T @ rest)
        self._parts.append(float(np.linalg.norm(rest) / max(float(np.linalg.norm(row)), 1e-300)))
        if self._parts[-1] > np.finfo(np.float64).eps:
            self._basis = np.column_stack([self._basis, rest / np.linalg.norm(rest)])
        before, latest = self._parts[:-SPARE], self._parts[-SPARE:]
        return bool(before) and max(latest) < NOTHING_NEW * min(before)
