"""Triton's classification strings: scores written as text, ``value:index[:label]``, best first."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.wire.tensors import TensorFault


def read_scores(texts: Sequence[str]) -> list[float]:
    """The scores in classification strings; raises TensorFault for strings of another form."""
    scores: list[float] = []
    for text in texts:
        value, separator, rest = text.partition(":")
        index = rest.partition(":")[0]
        try:
            score = float(value)
        except ValueError:
            score = float("nan")
        if not separator or not (index.isascii() and index.isdigit()) or not isfinite(score):
            raise TensorFault("a classification is not of the form value:index:label")
        scores.append(score)
    return scores


def write_scores(texts: Sequence[str], released: FloatArray) -> list[str]:
    """The same strings with the released scores in the place of their own."""
    scores = np.ravel(released).tolist()
    return [f"{score!r}:{text.partition(':')[2]}" for score, text in zip(scores, texts, strict=True)]
