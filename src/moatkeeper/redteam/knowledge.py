"""What a thief brings along: rows, texts and public models that are his own. None of it comes from the victim."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray

Encoder = Callable[[Sequence[str]], FloatArray]
"""A public encoder: n texts to shape (n, e)."""


def _no_rows() -> FloatArray:
    return np.empty((0, 0))


def _no_labels() -> npt.NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class RowKnowledge:
    """A thief of a model of rows with d columns.

    ``outputs`` is what the API's documentation says of an answer: the number of classes, or 1. ``pool`` (m, d) are unlabelled
    rows of the right population, ``foreign`` (m', d) of another; either may have no rows. ``lowest`` and ``highest`` (d,)
    are the documented ranges. ``whole`` (d,) says which columns take whole numbers only. ``shape`` is (channels, height,
    width) where a row is an image. ``own_rows`` and ``own_labels`` are outcomes that the thief knows from his own trade.
    """

    outputs: int
    pool: FloatArray
    lowest: FloatArray
    highest: FloatArray
    whole: npt.NDArray[np.bool_]
    foreign: FloatArray = field(default_factory=_no_rows)
    shape: tuple[int, ...] = ()
    own_rows: FloatArray = field(default_factory=_no_rows)
    own_labels: npt.NDArray[np.int64] = field(default_factory=_no_labels)
    regression: bool = False

    @property
    def columns(self) -> int:
        """d."""
        return len(self.lowest)


def knowledge_of(
    pool: FloatArray, outputs: int, *, foreign: FloatArray | None = None, regression: bool = False
) -> RowKnowledge:
    """What rows of the right population tell: ranges from their extremes, whole columns from their values."""
    whole = np.all(pool == np.round(pool), axis=0)
    return RowKnowledge(
        outputs,
        pool,
        pool.min(axis=0),
        pool.max(axis=0),
        whole,
        foreign if foreign is not None else np.empty((0, pool.shape[1])),
        regression=regression,
    )


@dataclass(frozen=True, slots=True)
class TextKnowledge:
    """A thief of a model of texts: ``pool`` is of its domain, ``foreign`` of another, ``words`` a vocabulary to draw from.

    ``encoder`` is a public model on which the victim may rest. ``outputs`` as for rows: classes, or embedding dimensions.
    """

    outputs: int
    pool: Sequence[str] = ()
    foreign: Sequence[str] = ()
    words: Sequence[str] = ()
    encoder: Encoder | None = None
    own_texts: Sequence[str] = ()
    own_labels: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class TokenKnowledge:
    """A thief of a next-token model: the size of its vocabulary, contexts to ask, and how many log-probabilities it shows."""

    vocabulary: int
    contexts: Sequence[tuple[int, ...]]
    shown: int = 0  # log-probabilities an answer shows; 0: the chosen token only
    largest_bias: float = 100.0  # what the API takes as a bias at most


@dataclass(frozen=True, slots=True)
class ChatKnowledge:
    """A thief of a model that writes: prompts of the task, others, and open models that may be its base, by name."""

    prompts: Sequence[str]
    foreign: Sequence[str] = ()
    bases: Mapping[str, object] = field(default_factory=dict)
