"""A next-token API as providers sell it: how much of a distribution it shows, and what a logit bias may do to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import NextToken, Prefix
from moatkeeper.redteam.expenses import Expenses

Logits = Callable[[Sequence[tuple[int, ...]]], FloatArray]
"""A next-token model: n contexts of token ids to logits of shape (n, v)."""

LARGEST_BIAS = 100.0  # nats; what OpenAI's documentation of ``logit_bias`` allows either way
TOY_VOCABULARY = 4_000
TOY_HIDDEN = 128
TOY_SPREAD = 2.0  # nats; the standard deviation of a toy model's logits; larger: noise and rounding hide less
TOY_MEMORY = 0.6  # how much less each earlier token of a context counts; larger: longer memory


class BiasRule(StrEnum):
    """What a logit bias does."""

    SHOWN = "shown"  # it moves the chosen token and the log-probabilities shown: every provider before March 2024
    SAMPLED = "sampled"  # it moves the chosen token only: the mend of March 2024 (Carlini et al. 2024, section 8)
    IGNORED = "ignored"  # it is stripped from the request


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What an API lets out."""

    shown: int | None = None  # log-probabilities an answer shows, the largest first; None: all; 0: the chosen token only
    bias: BiasRule = BiasRule.SHOWN
    decimals: int | None = None  # of each log-probability; None: exact
    noise: float = 0.0  # nats; standard deviation of Gaussian noise on each logit; larger: blunter answers
    sticky: bool = False  # whether the same context has the same noise whenever it is asked


class TokenApi:
    """Answers at temperature 0: the chosen token is the likeliest after the bias. ``seed`` draws the noise."""

    def __init__(self, model: Logits, rules: TokenRules, *, seed: int = 0) -> None:
        self._model = model
        self._rules = rules
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._requests = 0
        self._tokens = 0

    @property
    def spent(self) -> Expenses:
        """One request a question; tokens are those of the contexts and one for each answer."""
        return Expenses(requests=self._requests, tokens=self._tokens)

    def ask(self, questions: Sequence[Prefix]) -> Sequence[NextToken]:
        """One answer for each question."""
        if not questions:
            return []
        contexts = list(dict.fromkeys(question.context for question in questions))
        logits = dict(zip(contexts, self._model(contexts), strict=True))
        self._requests += len(questions)
        self._tokens += sum(len(question.context) + 1 for question in questions)
        return [self._answer(question, logits[question.context]) for question in questions]

    def _answer(self, question: Prefix, logits: FloatArray) -> NextToken:
        logits = self._blurred(question.context, logits)
        biased = logits
        if question.bias and self._rules.bias is not BiasRule.IGNORED:
            biased = logits.copy()
            amounts = np.fromiter(question.bias.values(), dtype=np.float64)
            biased[list(question.bias)] += np.clip(amounts, -LARGEST_BIAS, LARGEST_BIAS)
        token = int(biased.argmax())
        return NextToken(token, self._shown(biased if self._rules.bias is BiasRule.SHOWN else logits))

    def _blurred(self, context: tuple[int, ...], logits: FloatArray) -> FloatArray:
        if self._rules.noise <= 0:
            return logits
        rng = np.random.default_rng(_digest(self._seed, context)) if self._rules.sticky else self._rng
        noisy: FloatArray = logits + rng.normal(0.0, self._rules.noise, logits.shape)
        return noisy

    def _shown(self, logits: FloatArray) -> dict[int, float]:
        count = len(logits) if self._rules.shown is None else min(self._rules.shown, len(logits))
        if count == 0:
            return {}
        values = one_log_softmax(logits)
        if self._rules.decimals is not None:
            values = np.minimum(np.round(values, self._rules.decimals), 0.0)
        if count == len(logits):
            return dict(enumerate(values.tolist()))
        best = np.argpartition(-logits, count - 1)[:count]
        best = best[np.argsort(-logits[best], kind="stable")]
        return dict(zip(best.tolist(), values[best].tolist(), strict=True))


class ToyModel:
    """``W h(context)``: random weights on a hidden state that forgets earlier tokens of the context step by step.

    The toy layer on which rank recovery is measured: no training, any number of contexts, a head that the harness knows.
    """

    def __init__(self, seed: int, *, vocabulary: int = TOY_VOCABULARY, hidden: int = TOY_HIDDEN) -> None:
        rng = np.random.default_rng(seed)
        self.head: FloatArray = rng.normal(size=(vocabulary, hidden)) * (TOY_SPREAD / hidden**0.5)
        self._embeddings = rng.normal(size=(vocabulary, hidden))

    def hidden(self, contexts: Sequence[tuple[int, ...]]) -> FloatArray:
        """Shape (n, h), each number about standard normal."""
        return np.array([self._state(context) for context in contexts])

    def logits(self, contexts: Sequence[tuple[int, ...]]) -> FloatArray:
        """Shape (n, v)."""
        logits: FloatArray = self.hidden(contexts) @ self.head.T
        return logits

    def _state(self, context: tuple[int, ...]) -> FloatArray:
        weights = TOY_MEMORY ** np.arange(len(context))[::-1]
        state: FloatArray = weights @ self._embeddings[list(context)] / np.linalg.norm(weights)
        return state


def log_softmax(logits: FloatArray) -> FloatArray:
    """Log-probabilities, shape (n, v), for logits of that shape."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    normalised: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised


def one_log_softmax(logits: FloatArray) -> FloatArray:
    """Log-probabilities, shape (v,), for logits of that shape."""
    row: FloatArray = log_softmax(logits[None])[0]
    return row


def random_contexts(count: int, vocabulary: int, rng: np.random.Generator, length: int = 4) -> list[tuple[int, ...]]:
    """Contexts of ``length`` token ids, drawn uniformly."""
    return [tuple(row) for row in rng.integers(vocabulary, size=(count, length)).tolist()]


def _digest(seed: int, context: tuple[int, ...]) -> int:
    return int.from_bytes(hashlib.blake2b(repr((seed, context)).encode(), digest_size=8).digest(), "big")
