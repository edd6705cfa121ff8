"""Victims for thieves of texts: a real classifier, an encoder with secrets, and one that answers at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import TextAttack
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.harness import Score, climb
from moatkeeper.redteam.judges import ClassJudge, EmbeddingJudge
from moatkeeper.redteam.knowledge import Encoder, TextKnowledge
from moatkeeper.redteam.text_features import hashed_encoder, unit
from moatkeeper.redteam.text_regression import softmax
from moatkeeper.redteam.trade import TEXTS
from tests.support.texts import INTENTS, foreign_texts, intent_texts, labelled_texts, words_in

CLASSES = len(INTENTS)
POOL = intent_texts(900, seed=11)
"""What the thief has: questions of the same bank, without any answer."""
HELD_OUT = [text for text in intent_texts(500, seed=12) if text not in set(POOL)]
FOREIGN = foreign_texts()
PUBLIC = hashed_encoder(32)
"""The public encoder that victims may rest on."""
DIMENSIONS = 24

Release = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Api:
    """A model behind an API, which releases its answers exactly, rounded, or as decisions."""

    model: Encoder
    release: Release = field(default=lambda answers: answers)
    spent: Expenses = field(default_factory=Expenses)

    def ask(self, texts: Sequence[str]) -> FloatArray:
        return self.release(self.model(texts))


def rounded(answers: FloatArray) -> FloatArray:
    return np.round(answers, 2)


def decisions(answers: FloatArray) -> FloatArray:
    return cast(FloatArray, np.eye(answers.shape[1])[answers.argmax(axis=1)])


def by_chance(answers: FloatArray) -> FloatArray:
    """Class scores that have nothing to do with the text."""
    return np.random.default_rng(5).dirichlet(np.ones(answers.shape[1]), len(answers))


@cache
def classifier() -> Encoder:
    """TF-IDF and logistic regression, trained on questions that the thief does not have."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    known = [(text, intent) for text, intent in labelled_texts(1_200, seed=13) if text not in set(POOL)]
    words = TfidfVectorizer()
    model = LogisticRegression(C=10.0, max_iter=500)
    model.fit(words.fit_transform([text for text, _ in known]), [intent for _, intent in known])
    return lambda texts: cast(FloatArray, model.predict_proba(words.transform(texts)))


def head(encoder: Encoder = PUBLIC, *, at_unit_length: bool = False) -> Encoder:
    """A linear head on an encoder."""
    weights = np.random.default_rng(6).normal(size=(encoder(["x"]).shape[1], CLASSES)) * 6

    def answer(texts: Sequence[str]) -> FloatArray:
        vectors = encoder(texts)
        return softmax((unit(vectors) if at_unit_length else vectors) @ weights + 0.1)

    return answer


def embedder(bend: float = 0.0, encoder: Encoder = PUBLIC) -> Encoder:
    """An embedding API: a secret linear map of an encoder, bent by ``bend`` (0 keeps it linear), and length 1 if bent."""
    weights = np.random.default_rng(7).normal(size=(encoder(["x"]).shape[1], DIMENSIONS))

    def answer(texts: Sequence[str]) -> FloatArray:
        mapped = encoder(texts) @ weights
        return unit(np.tanh(bend * mapped)) if bend else mapped

    return answer


def knowledge(outputs: int = CLASSES, **changes: object) -> TextKnowledge:
    """All that a thief may bring along; ``changes`` replace parts of it."""
    given: dict[str, object] = {"pool": POOL, "foreign": FOREIGN, "words": words_in([*POOL, *FOREIGN]), "encoder": PUBLIC}
    return TextKnowledge(outputs, **(given | changes))  # type: ignore[arg-type]


def campaign(attack: TextAttack, model: Encoder, rungs: list[int], release: Release | None = None) -> list[float]:
    """The fidelity of copies of a classifier at growing budgets."""
    judge = ClassJudge(TEXTS, HELD_OUT, model(HELD_OUT))
    api = Api(model) if release is None else Api(model, release)
    return [score.fidelity for score in climb(attack, api, judge, TEXTS, rungs, seed=0)]


def guess(model: Encoder) -> float:
    """The fidelity of the best constant answer: what a copy is worth that asked nothing."""
    return ClassJudge(TEXTS, HELD_OUT, model(HELD_OUT)).constant_fidelity()


def encoder_judge(model: Encoder) -> EmbeddingJudge[Sequence[str]]:
    return EmbeddingJudge(TEXTS, HELD_OUT[:300], model(HELD_OUT[:300]))


def encoder_campaign(attack: TextAttack, model: Encoder, rungs: list[int], release: Release | None = None) -> tuple[Score, ...]:
    """The scores of copies of an encoder at growing budgets."""
    api = Api(model) if release is None else Api(model, release)
    return climb(attack, api, encoder_judge(model), TEXTS, rungs, seed=0)
