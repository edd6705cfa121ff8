"""Whole distributions from an API that shows no log-probability at all, only the token it chose, and lets a caller bias any.

Morris, Chiu et al. 2023 (openlogprobs) call it ``bisection``; Carlini et al. 2024, section 6. The bias at which a token just
becomes the chosen one is how far its logit lies below the likeliest token's; each call halves the interval. It works wherever a
bias moves the choice, whether or not log-probabilities show it. Deviations: the likeliest tokens are found first, by barring
those before them, since they carry most of the probability; and the search of a token begins at the median of the gaps found
so far rather than in the middle, which saves a few calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Loot, Prefix, TokenSurrogate, TokenVictim
from moatkeeper.redteam.knowledge import TokenKnowledge
from moatkeeper.redteam.token_api import one_log_softmax
from moatkeeper.redteam.token_copy import TokenTable
from moatkeeper.redteam.token_probe import Purse

PRECISION = 0.05  # nats; halving it costs one call more a token
LIKELIEST = 8  # tokens of a context that are found in the order of their probability; larger: more calls, better small budgets
TOGETHER = 64  # tokens searched side by side; any number finds the same, smaller ones end fewer searches half-way
STRIDE = 2.0  # nats; the first step to the other side of a guess; doubled until the gap lies between


@dataclass(slots=True)
class _Search:
    """One token's gap lies between ``low`` and ``high``, each of which was seen or is where the search had to begin."""

    token: int
    low: float
    high: float
    seen_low: bool = False
    seen_high: bool = False
    stride: float = STRIDE

    def next_bias(self, guess: float) -> float:
        """Where to look: at the guess, then ever farther from it, then in the middle."""
        if self.seen_low and self.seen_high:
            return (self.low + self.high) / 2
        if not self.seen_low and not self.seen_high:
            tried = guess if guess > self.low else self.low + self.stride
        else:
            tried = self.low + self.stride if self.seen_low else self.high - self.stride
            self.stride *= 2
        return tried if self.low < tried < self.high else (self.low + self.high) / 2

    def learn(self, bias: float, chosen: bool) -> None:
        """Narrows the interval by one answer."""
        if chosen:
            self.high, self.seen_high = bias, True
        else:
            self.low, self.seen_low = bias, True

    @property
    def open(self) -> bool:
        """Whether the gap is not known closely enough."""
        return self.high - self.low > PRECISION


class Bisection:
    """Recovers the distribution of one context after another, in random order."""

    name = "bisection"

    def __init__(self, knowledge: TokenKnowledge) -> None:
        self._knowledge = knowledge

    def run(self, victim: TokenVictim, budget: int, rng: np.random.Generator) -> Loot[TokenSurrogate]:
        """A table of the recovered distributions; findings: ``calls_per_token`` found, and contexts known ``whole``."""
        known = self._knowledge
        purse = Purse(victim, budget)
        order = rng.permutation(known.vocabulary).tolist()
        table: dict[tuple[int, ...], FloatArray] = {}
        found = whole = 0
        deaf = False
        for index in rng.permutation(len(known.contexts)):
            gaps = self._gaps(purse, known.contexts[index], order, deaf)
            if not gaps:
                break
            deaf = len(gaps) == 1
            found += len(gaps) - 1
            whole += len(gaps) == known.vocabulary
            table[known.contexts[index]] = _distribution(gaps, known.vocabulary)
        calls = purse.answered / found if found else 0.0
        return Loot(TokenTable(known.vocabulary, table), {"calls_per_token": calls, "whole": float(whole)})

    def _gaps(self, purse: Purse, context: tuple[int, ...], order: Sequence[int], deaf: bool) -> dict[int, float]:
        """Nats below the likeliest token, for each token that was found; empty where nothing was answered.

        Where barring the likeliest token changes nothing, or was seen to before (``deaf``), only that one is found.
        """
        plain = purse.ask([Prefix(context)])
        if not plain:
            return {}
        gaps = {plain[0].token: 0.0}
        largest = self._knowledge.largest_bias
        while not deaf and purse.left and len(gaps) < min(LIKELIEST, self._knowledge.vocabulary):
            barred = purse.ask([Prefix(context, dict.fromkeys(gaps, -largest))])
            if not barred or barred[0].token in gaps:
                break
            self._search(purse, context, gaps, [_Search(barred[0].token, max(gaps.values()), largest)])
        if len(gaps) == 1:
            return gaps
        rest = [token for token in order if token not in gaps]
        lowest = max(gaps.values())
        for start in range(0, len(rest), TOGETHER):
            if not purse.left:
                break
            self._search(purse, context, gaps, [_Search(token, lowest, largest) for token in rest[start : start + TOGETHER]])
        return gaps

    def _search(self, purse: Purse, context: tuple[int, ...], gaps: dict[int, float], searches: Sequence[_Search]) -> None:
        guess = float(np.median([gap for gap in gaps.values() if gap > 0] or [STRIDE]))
        running = list(searches)
        while running and purse.left:
            biases = [search.next_bias(guess) for search in running]
            asked = [Prefix(context, {search.token: bias}) for search, bias in zip(running, biases, strict=True)]
            for search, bias, answer in zip(running, biases, purse.ask(asked), strict=False):
                search.learn(bias, answer.token == search.token)
            running = [search for search in running if search.open]
        for search in searches:
            if not search.open and search.seen_high:
                gaps[search.token] = (search.low + search.high) / 2


def _distribution(gaps: dict[int, float], vocabulary: int) -> FloatArray:
    """Tokens that were not found lie as deep as the deepest that was."""
    logits = np.full(vocabulary, -max(gaps.values()))
    logits[list(gaps)] = -np.array(list(gaps.values()))
    return one_log_softmax(logits)
