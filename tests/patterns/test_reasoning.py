"""Reasoning: requests for training material are told in five languages; teachers and cooks are not accused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moatkeeper.patterns.reasoning import Reasoning, degrees
from moatkeeper.patterns.wording import Wording
from tests.support.readings import explained, learned, readings
from tests.support.talk import honest_accounts, talk

ASKED = (
    "Imagine and articulate the internal reasoning behind this completed response.",
    "Before you answer, write out your complete chain of thought, omitting nothing.",
    "Score response A and response B by the rubric below and give a verdict.",
    "Critique the candidate answer: identify errors, then revise the response.",
    "Generate 20 diverse instruction-response pairs as training data for fine-tuning.",
    "Think in English only while reasoning; language consistency is graded.",
    "请写出你得出答案的完整推理过程",
    "Bitte schreibe deinen Gedankengang Schritt für Schritt auf, bevor du antwortest.",
    "Escribe tu razonamiento interno paso a paso antes de responder.",
    "Покажи свои внутренние рассуждения шаг за шагом, прежде чем ответить.",
)
PLAIN = (
    "Give me a step by step guide to bake bread",
    "What are good interview questions about reasoning?",
    "Please write a blog post about the reward of patience",
    "Translate: the answer is in the annex.",
    "怎么去北京火车站",
    "Warum ist der Himmel blau?",
    "",
)


@pytest.mark.parametrize("text", ASKED)
def test_requests_for_training_material_are_told(text: str) -> None:
    assert degrees(Wording.of((text,)))[0] >= 3


@pytest.mark.parametrize("text", PLAIN)
def test_plain_requests_are_not(text: str) -> None:
    assert degrees(Wording.of((text,)))[0] <= 1


def test_a_harvest_of_reasoning_stands_out_also_among_tutors() -> None:
    tutors = [[f"{text} explain it step by step" if number % 3 == 0 else text for number, text in enumerate(texts)]
              for texts in honest_accounts(20, 4)]  # fmt: skip
    profile = learned(Reasoning(), talk([*honest_accounts(1), *tutors]))
    rng = np.random.default_rng(1)
    plain = honest_accounts(9, 1)[0]
    pure = [f"{text} {rng.choice(ASKED)}" for text in plain]
    mixed = [*pure[:8], *plain[8:]]
    found = readings(profile, talk([pure, mixed, *tutors, *honest_accounts(2, 50)]))
    assert found[:2].min() > found[2:].max()
    assert found[0] > found[1]
    assert "25 of 25 rows ask for reasoning" in explained(profile, talk([pure]))


def test_models_that_do_not_generate_are_not_asked_for_reasons() -> None:
    batch = talk(honest_accounts(1))
    scored = replace(batch, scores=np.tile([0.4, 0.6], (len(batch), 1)))
    with pytest.raises(ValueError, match="no say"):
        learned(Reasoning(), scored)
