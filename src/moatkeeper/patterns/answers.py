"""Answers as classes and margins, whatever form the model's answers have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch, IntArray
from moatkeeper.patterns.packing import packable

VALUE_BINS = 8
"""Classes that the values of a regressor are taken for, by quantiles."""
LEAST_EMBEDDING = 32
"""Numbers that an embedding has at least; the smallest that are served have 64."""
EVEN_LENGTHS = 0.05
"""Spread of the lengths of embeddings, as a share of their mean: encoders normalise them, logits differ far more."""
MOST_CLASSES = 256
"""Labels past this count as one."""


@packable
class AnswerForm(StrEnum):
    """What the model answers with."""

    CLASSES = "classes"  # (n, k) scores with k from 2 up
    CHANCE = "chance"  # (n, 1): the probability of the second of two classes
    VALUES = "values"  # (n, m) numbers of a regressor
    LABELS = "labels"  # decisions without scores
    NONE = "none"  # embeddings, generated text, or nothing in the log


@packable
@dataclass(frozen=True, slots=True)
class Answers:
    """How the answers of one model are read. ``edges`` are the bins of a regressor's first value, or the known labels."""

    form: AnswerForm
    width: int  # k or m; 0 without scores
    edges: FloatArray

    @classmethod
    def fit(cls, batch: Batch) -> Self:
        """From honest rows."""
        scores, labels = batch.scores, batch.labels
        if scores is not None and scores.ndim == 2 and scores.shape[1] and np.isfinite(scores).all(axis=1).any():
            known = scores[np.isfinite(scores).all(axis=1)]
            if _embeddings(known):
                return cls(AnswerForm.NONE, 0, np.empty(0))
            if known.shape[1] > 1 and bool(np.all(np.abs(known.sum(axis=1) - 1) < 0.1) and known.min() >= 0):
                return cls(AnswerForm.CLASSES, known.shape[1], np.empty(0))
            if known.shape[1] == 1 and known.min() >= 0 and known.max() <= 1:
                return cls(AnswerForm.CHANCE, 1, np.empty(0))
            if known.shape[1] > 1 and labels is None:
                return cls(AnswerForm.CLASSES, known.shape[1], np.empty(0))  # logits or margins: the largest decides
            return cls(AnswerForm.VALUES, known.shape[1], np.unique(np.quantile(known[:, 0], _inner(VALUE_BINS))))
        if labels is not None and (labels >= 0).any():
            return cls(AnswerForm.LABELS, 0, np.unique(labels[labels >= 0])[: MOST_CLASSES - 1].astype(np.float64))
        return cls(AnswerForm.NONE, 0, np.empty(0))

    @property
    def classes(self) -> int:
        """How many classes labels may name; 1 where there are none."""
        if self.form is AnswerForm.CLASSES:
            return min(self.width, MOST_CLASSES)
        if self.form is AnswerForm.CHANCE:
            return 2
        return 1 if self.form is AnswerForm.NONE else len(self.edges) + 1

    def read(self, batch: Batch) -> tuple[IntArray, FloatArray]:
        """Labels and margins, shape (n,) each; -1 and NaN where an answer is missing or has another shape than it had."""
        n = len(batch)
        labels, margins = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
        if self.form is AnswerForm.LABELS and batch.labels is not None:
            place = np.searchsorted(self.edges, batch.labels)
            known = place < len(self.edges)
            known[known] = self.edges[place[known]] == batch.labels[known]
            return np.where(batch.labels < 0, -1, np.where(known, place, len(self.edges))), margins
        scores = batch.scores
        if self.width == 0 or scores is None or scores.ndim != 2 or scores.shape[1] != self.width:
            return labels, margins
        good = np.isfinite(scores).all(axis=1)
        plain = scores[good]
        if not len(plain):
            return labels, margins
        if self.form is AnswerForm.CHANCE:
            labels[good], margins[good] = plain[:, 0] > 0.5, np.abs(2 * plain[:, 0] - 1)
        elif self.form is AnswerForm.CLASSES:
            best = np.partition(plain, -2, axis=1)
            labels[good] = np.minimum(np.argmax(plain, axis=1), MOST_CLASSES - 1)
            margins[good] = best[:, -1] - best[:, -2]
        else:
            labels[good] = np.searchsorted(self.edges, plain[:, 0])
        return labels, margins


def _embeddings(values: FloatArray) -> bool:
    """Whether answers are embeddings, which decide nothing: many numbers, some negative, rows of nearly the same length."""
    if values.shape[1] < LEAST_EMBEDDING or values.min() >= 0:
        return False
    lengths = np.linalg.norm(values, axis=1)
    return float(lengths.std()) < EVEN_LENGTHS * float(lengths.mean())


def _inner(bins: int) -> FloatArray:
    return np.linspace(0, 1, bins + 1)[1:-1]
