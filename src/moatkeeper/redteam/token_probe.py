"""How a thief of next tokens asks: within his means, and with biases that lift unlikely tokens into sight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import NextToken, Prefix, TokenVictim
from moatkeeper.redteam.knowledge import TokenKnowledge

_FIRST_LIFT = 4.0
"""Nats; where only one log-probability is shown: doubled until the lifted token is on top. Smaller: more calls, and answers
less close to 1, where rounding hides all."""


class Purse:
    """Passes questions on while there is money; nothing after the first refusal, since that is for good."""

    def __init__(self, victim: TokenVictim, budget: int) -> None:
        self._victim = victim
        self.left = budget
        self.answered = 0

    def ask(self, questions: Sequence[Prefix]) -> Sequence[NextToken]:
        """The answers of the first m questions; m < n where the money ended or the rest was refused."""
        afforded = list(questions[: max(0, self.left)])
        if not afforded:
            return []
        answers = self._victim.ask(afforded)
        self.answered += len(answers)
        self.left = self.left - len(answers) if len(answers) == len(afforded) else 0
        return answers


def vector_of(answer: NextToken, vocabulary: int) -> FloatArray:
    """The log-probabilities that an answer shows, shape (v,), NaN for the others."""
    vector = np.full(vocabulary, np.nan)
    shown = answer.log_probabilities
    vector[np.fromiter(shown.keys(), dtype=np.intp, count=len(shown))] = list(shown.values())
    return vector


class Lifter:
    """Reads tokens that an answer does not show, by lifting them above all others together with a reference.

    Carlini et al. 2024, section 5: with equal biases on k - 1 tokens and on the likeliest one, the k
    log-probabilities shown differ by exactly as much as the unbiased ones. Where k = 1, a token's own odds
    grow by the bias alone. ``blind`` tells that the API does not show what a bias does.
    """

    def __init__(self, purse: Purse, knowledge: TokenKnowledge) -> None:
        self._purse = purse
        self._vocabulary = knowledge.vocabulary
        self._bias = knowledge.largest_bias
        self._shown = knowledge.shown
        self._block = max(1, knowledge.shown - 1)
        self.blind = False

    def first(self, contexts: Sequence[tuple[int, ...]]) -> list[FloatArray]:
        """What plain answers show, one vector (v,) for each context that was answered."""
        answers = self._purse.ask([Prefix(context) for context in contexts])
        return [vector_of(answer, self._vocabulary) for answer in answers]

    def lift(self, context: tuple[int, ...], vector: FloatArray, tokens: Sequence[int]) -> FloatArray:
        """The vector with as many of the tokens filled in as the purse paid for."""
        if self.blind or not np.isfinite(vector).any():
            return vector
        missing = [token for token in tokens if np.isnan(vector[token])]
        blocks = [missing[start : start + self._block] for start in range(0, len(missing), self._block)]
        if not blocks:
            return vector
        filled = vector.copy()
        reference = int(np.nanargmax(vector))
        # One block first: if it does not show, the rest is not paid for.
        self._lift_blocks(context, filled, reference, blocks[:1])
        self._lift_blocks(context, filled, reference, blocks[1:])
        return filled

    def _lift_blocks(
        self, context: tuple[int, ...], filled: FloatArray, reference: int, blocks: Sequence[Sequence[int]]
    ) -> None:
        if self.blind or not blocks:
            return
        if self._shown == 1:
            self._lift_singly(context, filled, [token for block in blocks for token in block])
        else:
            self._lift_together(context, filled, reference, blocks)

    def _lift_together(
        self, context: tuple[int, ...], filled: FloatArray, reference: int, blocks: Sequence[Sequence[int]]
    ) -> None:
        questions = [Prefix(context, dict.fromkeys((reference, *block), self._bias)) for block in blocks]
        for block, answer in zip(blocks, self._purse.ask(questions), strict=False):
            shown = answer.log_probabilities
            if reference not in shown or not any(token in shown for token in block):
                self.blind = True
                return
            for token in block:
                if token in shown:
                    filled[token] = filled[reference] + shown[token] - shown[reference]

    def _lift_singly(self, context: tuple[int, ...], filled: FloatArray, tokens: Sequence[int]) -> None:
        lift = min(_FIRST_LIFT, self._bias)
        while tokens and lift <= self._bias:
            answers = self._purse.ask([Prefix(context, {token: lift}) for token in tokens])
            left = []
            for token, answer in zip(tokens, answers, strict=False):
                seen = answer.log_probabilities.get(token)
                if seen is None:
                    left.append(token)
                elif seen < 0:
                    filled[token] = _unlifted(seen, lift)
            if self._purse.left == 0:
                return
            tokens = left
            if lift == self._bias:
                break
            lift = min(2 * lift, self._bias)
        self.blind = bool(tokens)


def _unlifted(seen: float, lift: float) -> float:
    """The log-probability before its logit was lifted, from that after: the log-odds lose the bias."""
    rest = -np.expm1(min(seen, -np.finfo(np.float64).tiny))
    log_odds = seen - np.log(max(rest, float(np.finfo(np.float64).tiny))) - lift
    return float(-np.logaddexp(0.0, -log_odds))
