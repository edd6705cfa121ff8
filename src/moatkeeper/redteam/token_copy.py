"""What a thief of next tokens takes home: distributions of the contexts that he asked, and a guess for all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Prefix, TokenSurrogate
from moatkeeper.redteam.judges import TokenJudge
from moatkeeper.redteam.token_api import Logits, log_softmax, one_log_softmax
from moatkeeper.redteam.token_rank import outside

SMALLEST_SHARE = 1e-9  # of the probability, for all tokens together of which nothing is known
_LONGEST_SUFFIX = 3  # tokens; contexts that end alike for longer are hardly met twice
_DOUBT = 2.0  # contexts; how many that end alike weigh as much as all that end alike for one token less


def completed(vector: FloatArray) -> FloatArray:
    """A whole distribution from log-probabilities (v,) with NaN for unknown tokens, which share the rest evenly.

    No unknown token gets more than the least of the known ones, since APIs show the largest.
    """
    known = np.isfinite(vector)
    if known.all():
        return one_log_softmax(vector)
    if not known.any():
        return np.full(len(vector), np.nan)
    rest = max(SMALLEST_SHARE, 1.0 - float(np.exp(vector[known]).sum())) / int((~known).sum())
    filled = np.where(known, vector, min(np.log(rest), float(vector[known].min())))
    return one_log_softmax(filled)


@dataclass(frozen=True, slots=True)
class TokenTable:
    """A table of whole distributions (v,) by context, and ``basis`` (v, r), the span of the victim's head, if it was found.

    Another context gets the mean of those that end like it for three tokens, mixed with those that do for two, one and none,
    the more of the latter the fewer there are; NaN where the table is empty.
    """

    vocabulary: int
    known: Mapping[tuple[int, ...], FloatArray]
    basis: FloatArray | None = None
    _by_suffix: dict[tuple[int, ...], list[FloatArray]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for context, vector in self.known.items():
            for length in range(min(_LONGEST_SUFFIX, len(context)) + 1):
                self._by_suffix.setdefault(context[len(context) - length :], []).append(vector)

    def log_probabilities(self, prefixes: Sequence[Prefix]) -> FloatArray:
        """Shape (n, v), each row's exponentials summing to 1, or NaN."""
        rows = [_biased(self._row(prefix.context), prefix.bias) for prefix in prefixes]
        return np.array(rows).reshape(len(prefixes), self.vocabulary)

    def _row(self, context: tuple[int, ...]) -> FloatArray:
        if context in self.known:
            return self.known[context]
        if not self.known:
            return np.full(self.vocabulary, np.nan)
        mixed: FloatArray = np.exp(self._by_suffix[()]).mean(axis=0)
        for length in range(1, min(_LONGEST_SUFFIX, len(context)) + 1):
            near = self._by_suffix.get(context[len(context) - length :], [])
            if near:
                mixed = (np.exp(near).sum(axis=0) + _DOUBT * mixed) / (len(near) + _DOUBT)
        logarithms: FloatArray = np.log(np.maximum(mixed, float(np.finfo(np.float64).tiny)))
        return logarithms


def table_of(vocabulary: int, seen: Mapping[tuple[int, ...], FloatArray], basis: FloatArray | None = None) -> TokenTable:
    """The table of vectors with NaN for unknown tokens; contexts of which nothing is known are left out."""
    whole = {context: completed(vector) for context, vector in seen.items() if np.isfinite(vector).any()}
    return TokenTable(vocabulary, whole, basis)


def _biased(row: FloatArray, bias: Mapping[int, float]) -> FloatArray:
    if not bias:
        return row
    moved = row.copy()
    moved[list(bias)] += np.fromiter(bias.values(), dtype=np.float64)
    return one_log_softmax(moved)


@dataclass(frozen=True, slots=True)
class RecoveryJudge:
    """Judges what was recovered beyond what answers show; only an owner with the whole model can.

    Beside TokenJudge's figures on held-out contexts: ``recovered`` is the number of contexts in the copy's table,
    ``recovered_error`` the mean distance in nats of their log-probabilities from the victim's (over all tokens), and
    ``outside`` the share of the victim's ``head`` (v, h) outside the recovered span, 1 where none was recovered.
    """

    held_out: TokenJudge
    model: Logits
    head: FloatArray | None = None

    def figures(self, surrogate: TokenSurrogate, asked: frozenset[bytes], *, thorough: bool) -> Mapping[str, float]:
        """Figures of one copy; raises MoatkeeperError where its answers have another shape."""
        figures = dict(self.held_out.figures(surrogate, asked, thorough=thorough))
        if not isinstance(surrogate, TokenTable):
            return figures
        figures["recovered"] = float(len(surrogate.known))
        if surrogate.known:
            truth = log_softmax(self.model(list(surrogate.known)))
            figures["recovered_error"] = float(np.abs(np.array(list(surrogate.known.values())) - truth).mean())
        if self.head is not None:
            figures["outside"] = 1.0 if surrogate.basis is None else outside(self.head, surrogate.basis)
        return figures
