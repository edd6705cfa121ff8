"""Whole distributions from an API that shows the k likeliest tokens and lets a caller bias any.

Carlini et al. 2024, section 5; Morris, Chiu et al. 2023 (openlogprobs) call it ``topk``. About
v / (k - 1) calls a context. Deviations: tokens are lifted in random order; an API that does not show what a bias does is
noticed at the first lifted block, and from then on contexts are only asked for what they show.
"""

from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Loot, TokenSurrogate, TokenVictim
from moatkeeper.redteam.knowledge import TokenKnowledge
from moatkeeper.redteam.token_copy import table_of
from moatkeeper.redteam.token_probe import Lifter, Purse


class LogitBias:
    """Recovers the distribution of one context after another, in random order."""

    name = "logit-bias"

    def __init__(self, knowledge: TokenKnowledge) -> None:
        self._knowledge = knowledge

    def run(self, victim: TokenVictim, budget: int, rng: np.random.Generator) -> Loot[TokenSurrogate]:
        """A table of the recovered distributions; findings: contexts known ``whole``, and the mean share ``seen`` of tokens
        over all contexts that were asked."""
        known = self._knowledge
        order = rng.permutation(known.vocabulary).tolist()
        lifter = Lifter(Purse(victim, budget), known)
        seen: dict[tuple[int, ...], FloatArray] = {}
        for index in rng.permutation(len(known.contexts)):
            context = known.contexts[index]
            first = lifter.first([context])
            if not first:
                break
            seen[context] = lifter.lift(context, first[0], order)
        shares = [float(np.isfinite(vector).mean()) for vector in seen.values()]
        findings = {"whole": float(sum(share == 1.0 for share in shares)), "seen": float(np.mean(shares)) if shares else 0.0}
        return Loot(table_of(known.vocabulary, seen), findings)
