"""Judges: how well a copy does on questions that no attack asked, one for each kind of model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError
from moatkeeper.redteam.base import ChatSurrogate, Prefix, Q, Q_contra, Surrogate, TokenSurrogate
from moatkeeper.redteam.harness import FIDELITY
from moatkeeper.redteam.trade import ROWS, TOKENS, Trade, context_key
from moatkeeper.redteam.transfer import transfer

NEAREST_SHARE = 0.1
"""Of the held-out questions, those whose two best scores are closest count as near the boundary; smaller: harder."""


class _Scores(Protocol[Q_contra]):
    def scores(self, questions: Q_contra, /) -> FloatArray: ...


def unseen(keys: Sequence[bytes], asked: frozenset[bytes]) -> list[int]:
    """The indexes of held-out questions that the attack did not ask; raises MoatkeeperError where there are none."""
    indexes = [index for index, key in enumerate(keys) if key not in asked]
    if not indexes:
        raise MoatkeeperError("the attack asked every held-out question: nothing is left to measure it on")
    return indexes


def agreement(copied: FloatArray, truth: FloatArray) -> float:
    """The share of rows with the same top class; both of shape (n, k)."""
    return float(np.mean(copied.argmax(axis=1) == truth.argmax(axis=1)))


def checked(scores: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """The copy's scores; raises MoatkeeperError where they are not finite or not of the victim's shape."""
    if scores.shape != shape or not np.isfinite(scores).all():
        raise MoatkeeperError(f"a copy must give finite scores of shape {shape}; found shape {scores.shape}")
    return scores


@dataclass(frozen=True, slots=True)
class ClassJudge(Generic[Q]):
    """Judges copies of classifiers. ``truth`` (n, k) are the victim's exact scores on the held-out ``questions``.

    Its figures: ``fidelity`` is the share of held-out questions with the victim's decision (1 - R_test of Tramèr et al. 2016,
    section 2), ``fidelity_near`` the same on the tenth nearest the victim's boundary, ``total_variation`` the mean distance
    of the score vectors, in [0, 1], ``accuracy`` the agreement with ``outcomes`` where those are known.
    """

    trade: Trade[Q, FloatArray]
    questions: Q
    truth: FloatArray
    outcomes: npt.NDArray[np.int64] | None = None

    def figures(self, surrogate: _Scores[Q], asked: frozenset[bytes], *, thorough: bool) -> Mapping[str, float]:
        """Figures of one copy; raises MoatkeeperError where its scores are not finite or of another shape."""
        indexes = unseen(self.trade.keys(self.questions), asked)
        truth = self.truth[indexes]
        copied = checked(surrogate.scores(self.trade.take(self.questions, indexes)), truth.shape)
        best = np.sort(truth, axis=1)
        near = np.argsort(best[:, -1] - best[:, -2], kind="stable")[: max(1, round(NEAREST_SHARE * len(truth)))]
        figures = {
            FIDELITY: agreement(copied, truth),
            "fidelity_near": agreement(copied[near], truth[near]),
            "total_variation": float(np.abs(copied - truth).sum(axis=1).mean() / 2),
        }
        if self.outcomes is not None:
            figures["accuracy"] = float(np.mean(copied.argmax(axis=1) == self.outcomes[indexes]))
        return figures

    def constant_fidelity(self) -> float:
        """The fidelity of the best constant answer: what a copy is worth that knows nothing of its input."""
        counts = np.bincount(self.truth.argmax(axis=1))
        return float(counts.max() / counts.sum())


@dataclass(frozen=True, slots=True)
class RowJudge:
    """Judges copies of classifiers of rows: ClassJudge's figures, and two that need inputs of our own making.

    ``fidelity_uniform`` is the agreement on inputs drawn uniformly between each column's extremes (1 - R_unif). Where
    ``owner``, the victim itself, is given, a thorough judgement adds how often adversarial examples fool it: see transfer.
    """

    held_out: ClassJudge[FloatArray]
    uniform_rows: FloatArray
    uniform_truth: FloatArray
    owner: Callable[[FloatArray], FloatArray] | None = None

    def figures(self, surrogate: Surrogate, asked: frozenset[bytes], *, thorough: bool) -> Mapping[str, float]:
        """Figures of one copy; raises MoatkeeperError where its scores are not finite or of another shape."""
        figures = dict(self.held_out.figures(surrogate, asked, thorough=thorough))
        uniform = checked(surrogate.scores(self.uniform_rows), self.uniform_truth.shape)
        figures["fidelity_uniform"] = agreement(uniform, self.uniform_truth)
        if thorough and self.owner is not None:
            figures |= transfer(surrogate, self.owner, self.held_out.questions)
        return figures

    def constant_fidelity(self) -> float:
        """The fidelity of the best constant answer."""
        return self.held_out.constant_fidelity()


def row_judge(
    owner: Callable[[FloatArray], FloatArray],
    held_out: FloatArray,
    rng: np.random.Generator,
    *,
    outcomes: npt.NDArray[np.int64] | None = None,
    uniform: int = 2_000,
    transfers: bool = True,
) -> RowJudge:
    """The judge of a model that its owner can ask freely; ``uniform`` inputs lie between the held-out rows' extremes."""
    lowest, highest = held_out.min(axis=0), held_out.max(axis=0)
    rows = rng.uniform(lowest, highest, (uniform, held_out.shape[1]))
    judge = ClassJudge(ROWS, held_out, owner(held_out), outcomes)
    return RowJudge(judge, rows, owner(rows), owner if transfers else None)


@dataclass(frozen=True, slots=True)
class ValueJudge:
    """Judges copies of regressors. ``fidelity`` is the R² against the victim's values (n, 1), not below 0.

    ``relative_error`` is the mean absolute error in standard deviations of the victim's values.
    """

    rows: FloatArray
    truth: FloatArray

    def figures(self, surrogate: Surrogate, asked: frozenset[bytes], *, thorough: bool) -> Mapping[str, float]:
        """Figures of one copy; raises MoatkeeperError where its values are not finite or of another shape."""
        indexes = unseen(ROWS.keys(self.rows), asked)
        truth = self.truth[indexes]
        copied = checked(surrogate.scores(self.rows[indexes]), truth.shape)
        spread = float(truth.std()) or 1.0
        r_squared = 1 - float(np.mean((copied - truth) ** 2)) / spread**2
        return {FIDELITY: max(0.0, r_squared), "relative_error": float(np.abs(copied - truth).mean()) / spread}


NEIGHBOURS = 10


@dataclass(frozen=True, slots=True)
class EmbeddingJudge(Generic[Q]):
    """Judges copies of encoders. ``fidelity`` is the mean share of each held-out question's ten nearest neighbours that it has
    in the victim's space as well, so that a rotated copy, as useful as the victim, scores as one; ``cosine`` is the mean
    cosine with the victim's own vectors, which a customer who mixes both spaces would need."""

    trade: Trade[Q, FloatArray]
    questions: Q
    truth: FloatArray

    def figures(self, surrogate: _Scores[Q], asked: frozenset[bytes], *, thorough: bool) -> Mapping[str, float]:
        """Figures of one copy; its vectors may have another number of dimensions, and ``cosine`` is then 0."""
        indexes = unseen(self.trade.keys(self.questions), asked)
        truth = _normalised(self.truth[indexes])
        scores = surrogate.scores(self.trade.take(self.questions, indexes))
        copied = _normalised(checked(scores, (len(indexes), scores.shape[-1])))
        cosine = float((copied * truth).sum(axis=1).mean()) if copied.shape == truth.shape else 0.0
        ours, theirs = _neighbours(copied), _neighbours(truth)
        shared = [len(set(a) & set(b)) / len(b) for a, b in zip(ours.tolist(), theirs.tolist(), strict=True)]
        return {FIDELITY: float(np.mean(shared)), "cosine": cosine}


def _normalised(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    normalised: FloatArray = vectors / np.where(lengths > 0, lengths, 1.0)
    return normalised


def _neighbours(vectors: FloatArray) -> npt.NDArray[np.intp]:
    near = vectors @ vectors.T
    np.fill_diagonal(near, -np.inf)
    return np.argsort(-near, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(vectors) - 1)]


@dataclass(frozen=True, slots=True)
class TokenJudge:
    """Judges copies of next-token models. ``truth`` (n, v) are the victim's log-probabilities on held-out prefixes.

    ``fidelity`` is the share of prefixes with the victim's best token, ``total_variation`` the mean distance of the
    distributions. A prefix of which the copy knows nothing counts as missed, at distance 1; one whose context the attack
    asked, with whatever bias, does not count at all.
    """

    prefixes: Sequence[Prefix]
    truth: FloatArray

    def figures(self, surrogate: TokenSurrogate, asked: frozenset[bytes], *, thorough: bool) -> Mapping[str, float]:
        """Figures of one copy; raises MoatkeeperError where its answers have another shape."""
        held_out = [context_key(key) for key in TOKENS.keys(self.prefixes)]
        indexes = unseen(held_out, frozenset(context_key(key) for key in asked))
        truth = self.truth[indexes]
        copied = surrogate.log_probabilities(TOKENS.take(self.prefixes, indexes))
        if copied.shape != truth.shape:
            raise MoatkeeperError(f"a copy must give log-probabilities of shape {truth.shape}; found {copied.shape}")
        known = np.isfinite(copied).any(axis=1)
        best = np.where(known, np.nan_to_num(copied, nan=-np.inf).argmax(axis=1), -1)
        distance = np.abs(np.exp(copied) - np.exp(truth)).sum(axis=1) / 2
        return {
            FIDELITY: float(np.mean(best == truth.argmax(axis=1))),
            "total_variation": float(np.where(known, np.nan_to_num(distance, nan=1.0), 1.0).mean()),
        }


@dataclass(frozen=True, slots=True)
class ChatJudge:
    """Judges copies of models that write. ``truth`` are the victim's answers on held-out prompts.

    ``fidelity`` is the mean share of words that both answers have in common (the F1 of their bags of words), ``exact`` the
    share of answers that are the same text. ``accuracy`` is the share that ``right`` accepts, where the owner can tell.
    """

    prompts: Sequence[str]
    truth: Sequence[str]
    right: Callable[[str, str], bool] | None = None

    def figures(self, surrogate: ChatSurrogate, asked: frozenset[bytes], *, thorough: bool) -> Mapping[str, float]:
        """Figures of one copy."""
        indexes = unseen([prompt.encode() for prompt in self.prompts], asked)
        prompts = [self.prompts[index] for index in indexes]
        truth = [self.truth[index] for index in indexes]
        copied = surrogate.answers(prompts)
        if len(copied) != len(prompts):
            raise MoatkeeperError(f"a copy must give {len(prompts)} answers; found {len(copied)}")
        figures = {
            FIDELITY: float(np.mean([word_f1(a, b) for a, b in zip(copied, truth, strict=True)])),
            "exact": float(np.mean([a.strip() == b.strip() for a, b in zip(copied, truth, strict=True)])),
        }
        if self.right is not None:
            figures["accuracy"] = float(np.mean([self.right(p, a) for p, a in zip(prompts, copied, strict=True)]))
        return figures


def word_f1(one: str, other: str) -> float:
    """The harmonic mean of both texts' shares of common words, counted with repeats; 1 where both have none."""
    first, second = one.split(), other.split()
    if not first or not second:
        return float(first == second)
    left = {word: first.count(word) for word in set(first)}
    common = sum(min(count, second.count(word)) for word, count in left.items())
    return 2 * common / (len(first) + len(second))
