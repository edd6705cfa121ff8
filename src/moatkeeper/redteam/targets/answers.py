"""What a model in this process answers, made into the arrays that attacks and judges expect, or refused as nonsense."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.redteam.base import NextToken, Prefix, Q
from moatkeeper.redteam.dialects import one_hot

_SHOWN = 200  # characters of an answer that an error quotes


class Task(StrEnum):
    """What a model's numbers are."""

    CLASSES = "classes"
    VALUES = "values"
    EMBEDDINGS = "embeddings"


def numbers(answer: Callable[[Q], object], task: Task, labels: tuple[str, ...] = ()) -> Callable[[Q], FloatArray]:
    """The model with answers of shape (n, k); raises UnexpectedAnswer for anything that is no such thing.

    A lone number of a classifier is its score for the second of two classes. Decisions are one-hot among ``labels``.
    """

    def ask(questions: Q) -> FloatArray:
        found = array(answer(questions), len(questions), labels)  # type: ignore[arg-type]
        return two_classes(found) if task is Task.CLASSES else found

    return ask


def array(found: object, rows: int, labels: tuple[str, ...] = ()) -> FloatArray:
    """An answer for ``rows`` questions as an array of shape (rows, k)."""
    hint = ""
    try:
        shaped = np.asarray(found)
        if labels and shaped.ndim == 1 and not np.issubdtype(shaped.dtype, np.floating):
            shaped = one_hot(shaped.tolist(), labels)
        hint = "; name the classes with --labels" if shaped.dtype.kind in "US" else ""
        values = np.asarray(shaped, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise UnexpectedAnswer(f"expected numbers for {rows} questions, found {str(found)[:_SHOWN]!r}{hint}") from error
    if values.ndim == 0 or len(values) != rows:
        raise UnexpectedAnswer(f"expected answers to {rows} questions, found an array of shape {values.shape}")
    return values.reshape(rows, -1) if values.size else np.empty((rows, 0))


def two_classes(scores: FloatArray) -> FloatArray:
    """Scores of at least two classes, of a lone score in [0, 1] as well; raises UnexpectedAnswer for another lone number."""
    if scores.shape[1] != 1:
        return scores
    if not ((scores >= 0) & (scores <= 1)).all():
        raise UnexpectedAnswer("found one number a question, outside of [0, 1], expected class scores; see --task and --labels")
    return np.column_stack([1 - scores, scores])


def next_tokens(answer: Callable[..., object]) -> Callable[[Sequence[Prefix]], Sequence[NextToken]]:
    """A next-token model with its answers checked."""

    def ask(prefixes: Sequence[Prefix]) -> Sequence[NextToken]:
        found = answer(prefixes)
        if not isinstance(found, Sequence) or len(found) != len(prefixes) or not all(isinstance(x, NextToken) for x in found):
            raise UnexpectedAnswer(f"expected a NextToken for each of {len(prefixes)} prefixes, found {str(found)[:_SHOWN]!r}")
        return found

    return ask


def texts(answer: Callable[..., object]) -> Callable[[Sequence[str]], Sequence[str]]:
    """A model that writes, with its answers checked."""

    def ask(prompts: Sequence[str]) -> Sequence[str]:
        found = answer(prompts)
        if isinstance(found, str) or not isinstance(found, Sequence) or len(found) != len(prompts):
            raise UnexpectedAnswer(f"expected a text for each of {len(prompts)} prompts, found {str(found)[:_SHOWN]!r}")
        return [str(text) for text in found]

    return ask
