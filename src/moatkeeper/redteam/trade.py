"""How questions and answers of each kind are handled one by one: told apart, picked out, put together, checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import A, NextToken, Prefix, Q


@dataclass(frozen=True, slots=True)
class Trade(Generic[Q, A]):
    """One kind of question and answer.

    ``keys`` are equal for equal questions only. ``take`` picks questions by index. ``split`` gives single answers, ``join``
    puts them together again. ``fault`` names what is wrong with a batch of answers, given the first answer of the campaign
    (None at its beginning); empty where nothing is.
    """

    keys: Callable[[Q], list[bytes]]
    take: Callable[[Q, Sequence[int]], Q]
    split: Callable[[A], list[object]]
    join: Callable[[Iterable[object]], A]
    fault: Callable[[A, object], str]


def _array_fault(answers: FloatArray, first: object) -> str:
    if answers.ndim != 2:
        return f"an answer of shape {answers.shape}, expected (n, k)"
    if not np.isfinite(answers).all():
        return "an answer that holds NaN or an infinity"
    if isinstance(first, np.ndarray) and len(answers) and answers.shape[1] != len(first):
        return f"{answers.shape[1]} numbers an answer where there were {len(first)} before: its classes have changed"
    return ""


def _join_arrays(answers: Iterable[object]) -> FloatArray:
    rows = list(answers)
    return cast(FloatArray, np.array(rows, dtype=np.float64)) if rows else np.empty((0, 0))


def _take_texts(texts: Sequence[str], indexes: Sequence[int]) -> Sequence[str]:
    return [texts[index] for index in indexes]


def _take_prefixes(prefixes: Sequence[Prefix], indexes: Sequence[int]) -> Sequence[Prefix]:
    return [prefixes[index] for index in indexes]


def _prefix_key(prefix: Prefix) -> bytes:
    return f"{json.dumps(prefix.context)}\n{json.dumps(sorted(prefix.bias.items()))}".encode()


def context_key(key: bytes) -> bytes:
    """What the keys of all questions about one context have in common, whatever their bias."""
    return key.partition(b"\n")[0]


def _text_fault(answers: Sequence[str], first: object) -> str:
    return "" if all(isinstance(answer, str) for answer in answers) else "an answer that is no text"


def _token_fault(answers: Sequence[NextToken], first: object) -> str:
    bad = [value for answer in answers for value in answer.log_probabilities.values() if not value <= 0]
    return f"a log-probability of {bad[0]}, expected at most 0" if bad else ""


ROWS: Trade[FloatArray, FloatArray] = Trade(
    keys=lambda rows: [row.tobytes() for row in rows],
    take=lambda rows, indexes: rows[np.asarray(indexes, dtype=np.intp)],
    split=lambda answers: list(answers),
    join=_join_arrays,
    fault=_array_fault,
)
TEXTS: Trade[Sequence[str], FloatArray] = Trade(
    keys=lambda texts: [text.encode() for text in texts],
    take=_take_texts,
    split=lambda answers: list(answers),
    join=_join_arrays,
    fault=_array_fault,
)
TOKENS: Trade[Sequence[Prefix], Sequence[NextToken]] = Trade(
    keys=lambda prefixes: [_prefix_key(prefix) for prefix in prefixes],
    take=_take_prefixes,
    split=lambda answers: list(answers),
    join=lambda answers: cast(Sequence[NextToken], list(answers)),
    fault=_token_fault,
)
CHATS: Trade[Sequence[str], Sequence[str]] = Trade(
    keys=lambda prompts: [prompt.encode() for prompt in prompts],
    take=_take_texts,
    split=lambda answers: list(answers),
    join=lambda answers: cast(Sequence[str], list(answers)),
    fault=_text_fault,
)
