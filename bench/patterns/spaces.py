"""Coordinates for the baselines: standardised columns, pictures as they are, texts as weighted words on their main axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.hashing import number_hashes

AXES = 64  # of texts


class Space(Protocol):
    """Where rows become points."""

    def of(self, batch: Batch) -> FloatArray:
        """Shape (n, d)."""
        ...


class Standardised:
    """Columns with mean 0 and deviation 1 among honest rows."""

    def __init__(self, honest: Batch) -> None:
        inputs = _inputs(honest)
        self._centre, self._spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9

    def of(self, batch: Batch) -> FloatArray:
        """Shape (n, d)."""
        return np.asarray((_inputs(batch) - self._centre) / self._spread, dtype=np.float32)


class Words:
    """TF-IDF and its first AXES singular directions, unit vectors; learnt from honest texts."""

    def __init__(self, honest: Batch) -> None:
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
        matrix = self._words.fit_transform(honest.texts or ())
        self._axes = TruncatedSVD(min(AXES, matrix.shape[1] - 1), random_state=0).fit(matrix)
        self._known: dict[str, int] = {}  # texts come again and again; each is mapped once
        self._points = np.empty((0, self._axes.n_components), dtype=np.float32)

    def of(self, batch: Batch) -> FloatArray:
        """Shape (n, d)."""
        texts = batch.texts or ()
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        if fresh:
            points = self._axes.transform(self._words.transform(fresh))
            points = (points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)).astype(np.float32)
            self._known |= {text: len(self._known) + place for place, text in enumerate(fresh)}
            self._points = np.concatenate([self._points, points])
        return np.asarray(self._points[[self._known[text] for text in texts]])


class Scaled:
    """Pixels from 0 to 1."""

    def __init__(self, brightest: float) -> None:
        self._brightest = brightest

    def of(self, batch: Batch) -> FloatArray:
        """Shape (n, d)."""
        return np.asarray(_inputs(batch) / self._brightest, dtype=np.float32)


class Cached:
    """What a network makes of pictures; each is shown to it once."""

    def __init__(self, encode: Callable[[FloatArray], FloatArray]) -> None:
        self._encode = encode
        self._known: dict[int, int] = {}
        self._points: FloatArray | None = None

    def of(self, batch: Batch) -> FloatArray:
        """Shape (n, e)."""
        inputs = _inputs(batch)
        keys = number_hashes(inputs)
        fresh = [place for place, key in zip(*np.unique(keys, return_index=True)[::-1], strict=True) if key not in self._known]
        if fresh:
            points = self._encode(inputs[fresh])
            self._known |= {int(keys[place]): len(self._known) + number for number, place in enumerate(fresh)}
            self._points = points if self._points is None else np.concatenate([self._points, points])
        if self._points is None:
            return np.empty((0, 0))
        return np.asarray(self._points[[self._known[key] for key in keys.tolist()]])


def ordinary(honest: Batch) -> Space:
    """The space for such traffic, without an encoder."""
    return Standardised(honest) if honest.texts is None else Words(honest)


def _inputs(batch: Batch) -> FloatArray:
    if batch.inputs is None:
        raise TypeError("found texts, expected numbers")
    return batch.inputs
