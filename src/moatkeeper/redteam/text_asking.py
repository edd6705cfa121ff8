"""How a thief asks texts: a plan of questions that knows no budget, and the record of what was answered.

A plan is a generator: it gives texts and is sent their answers. Nobody tells it the budget, so a smaller budget asks a prefix
of what a larger one asks.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import TextVictim

TextPlan = Generator[Sequence[str], FloatArray, None]
"""Gives texts, at least one, and is sent all their answers (n, k); it is closed where some were not answered."""

BATCH = 256  # texts a plan gives at once; larger: fewer requests, and no other question


@dataclass(frozen=True, slots=True)
class TextRecord:
    """Answered texts and their answers (n, k), in order; n may be 0, and then k is what the documentation says."""

    texts: tuple[str, ...]
    answers: FloatArray


def carry_out(plan: TextPlan, victim: TextVictim, budget: int, outputs: int) -> TextRecord:
    """The record of a plan that ended by itself, by the budget, or because the victim no longer answered."""
    texts: list[str] = []
    answers: list[FloatArray] = []
    question = next(plan, None)
    while question is not None and len(texts) < budget:
        batch = question[: budget - len(texts)]
        answer = victim.ask(batch)
        if len(answer):
            texts.extend(batch[: len(answer)])
            answers.append(answer)
        if len(answer) < len(question) or len(texts) >= budget:
            break
        try:
            question = plan.send(answer)
        except StopIteration:
            break
    plan.close()
    return TextRecord(tuple(texts), np.concatenate(answers) if answers else np.empty((0, outputs)))


def in_random_order(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The different texts, each once, shuffled: a thief does not pay twice for an answer that does not change."""
    different = list(dict.fromkeys(texts))
    return [different[index] for index in rng.permutation(len(different))]


def corpus_plan(texts: Sequence[str], rng: np.random.Generator) -> TextPlan:
    """Texts in random order, and once they run out splices: the beginning of one and the end of another."""
    shuffled = in_random_order(texts, rng)
    for start in range(0, len(shuffled), BATCH):
        yield shuffled[start : start + BATCH]
    while shuffled:
        yield [_splice(shuffled, rng) for _ in range(BATCH)]


def _splice(texts: Sequence[str], rng: np.random.Generator) -> str:
    first, second = (texts[index].split() for index in rng.integers(len(texts), size=2))
    cut = rng.random()
    return " ".join([*first[: round(cut * len(first))], *second[round(cut * len(second)) :]])
