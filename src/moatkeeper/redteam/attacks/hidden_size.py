"""The hidden size of a language model, from the rank of its log-probabilities.

Carlini et al. 2024, "Stealing part of a production language model", section 4.1 (and Finlayson et al. 2024): the
vectors of more contexts than the model has hidden dimensions lie in a space of just as many. Deviations: vectors are centred
rather than taken relative to a reference token; where answers show all log-probabilities, contexts are asked again and
averaged for as long as two answers to the same question differ; where they show the k largest, biases lift a random part of
the vocabulary only, which is doubled until it exceeds the rank, so that about h * h / (k - 1) calls do instead of
h * v / (k - 1); beside the widest gap the values beyond noise are counted (Gavish and Donoho 2014).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Loot, Prefix, TokenSurrogate, TokenVictim
from moatkeeper.redteam.knowledge import TokenKnowledge
from moatkeeper.redteam.token_copy import completed, table_of
from moatkeeper.redteam.token_probe import Lifter, Purse, vector_of
from moatkeeper.redteam.token_rank import NO_RANK, SPARE, Rank, rank_of, span_of

BATCH = 64  # contexts a batch
FIRST_TOKENS = 16  # lifted at first; doubled until the rank is exceeded


class HiddenSize:
    """Asks the thief's contexts in random order, and again where answers are noisy; lifts tokens where few are shown."""

    name = "hidden-size"

    def __init__(self, knowledge: TokenKnowledge) -> None:
        self._knowledge = knowledge

    def run(self, victim: TokenVictim, budget: int, rng: np.random.Generator) -> Loot[TokenSurrogate]:
        """A table of what was seen; findings as Rank has them."""
        known = self._knowledge
        contexts = [known.contexts[index] for index in rng.permutation(len(known.contexts))]
        purse = Purse(victim, budget)
        if known.shown >= known.vocabulary:
            vectors = averaged_answers(purse, contexts, known.vocabulary)
            rank = rank_of(vectors)
            seen = dict(zip(contexts, vectors, strict=False))
            basis = span_of(vectors, rank.size) if rank.convincing else None
            return Loot(table_of(known.vocabulary, seen, basis), rank.findings())
        seen, rank = self._by_lifting(purse, contexts, rng.permutation(known.vocabulary))
        return Loot(table_of(known.vocabulary, seen), rank.findings())

    def _by_lifting(
        self, purse: Purse, contexts: Sequence[tuple[int, ...]], order: np.ndarray
    ) -> tuple[dict[tuple[int, ...], FloatArray], Rank]:
        lifter = Lifter(purse, self._knowledge)
        seen: dict[tuple[int, ...], FloatArray] = {}
        rank, width = NO_RANK, FIRST_TOKENS
        while purse.left and not lifter.blind:
            tokens = order[:width]
            fresh = [context for context in contexts[: width + SPARE] if context not in seen]
            seen |= zip(fresh, lifter.first(fresh), strict=False)
            for context, vector in seen.items():
                seen[context] = lifter.lift(context, vector, tokens.tolist())
            rank = _rank_of_part(list(seen.values()), tokens)
            if (rank.convincing and rank.size < min(width, len(seen)) - SPARE) or width >= len(order):
                return seen, rank
            width *= 2
        if lifter.blind:
            fresh = [context for context in contexts if context not in seen]
            seen |= zip(fresh, lifter.first(fresh), strict=False)
            rank = _rank_of_shown(list(seen.values()))
        return seen, rank


def averaged_answers(purse: Purse, contexts: Sequence[tuple[int, ...]], vocabulary: int) -> FloatArray:
    """Whole vectors (n, v) of the first n contexts; asked over and over, and averaged, if the first answer changes."""
    sums = np.zeros((0, vocabulary))
    times = np.zeros(0)
    first: FloatArray | None = None
    while purse.left:
        for start in range(0, len(contexts), BATCH):
            answers = purse.ask([Prefix(context) for context in contexts[start : start + BATCH]])
            if not answers:
                break
            vectors = np.array([completed(vector_of(answer, vocabulary)) for answer in answers])
            sums, times = _added(sums, vectors, start), _added(times, np.ones(len(vectors)), start)
            if first is not None and start == 0 and np.array_equal(first, vectors[0]):
                return sums / times[:, None]
            first = vectors[0] if first is None else first
        if not len(contexts):
            break
    return sums / times[:, None]


def _added(total: FloatArray, more: FloatArray, start: int) -> FloatArray:
    length = max(len(total), start + len(more))
    grown = np.zeros((length, *total.shape[1:]))
    grown[: len(total)] = total
    grown[start : start + len(more)] += more
    return grown


def _rank_of_part(vectors: Sequence[FloatArray], tokens: np.ndarray) -> Rank:
    part = np.array(vectors).reshape(len(vectors), -1)[:, tokens] if vectors else np.zeros((0, 0))
    whole = part[np.isfinite(part).all(axis=1)]
    return rank_of(whole)


def _rank_of_shown(vectors: Sequence[FloatArray]) -> Rank:
    """The rank of vectors of which only the largest entries are known, the others filled in: a gap is then hardly seen.

    Fewer tokens shown than contexts asked would bound the rank by themselves, and say nothing about the model.
    """
    shown = np.isfinite(vectors).any(axis=0).sum() if vectors else 0
    if shown < len(vectors) + SPARE:
        return NO_RANK
    return rank_of(np.array([completed(vector) for vector in vectors]))
