from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from moatkeeper.redteam.attacks.system_prompt import QUESTIONS, SystemPrompt, most_agreed
from moatkeeper.redteam.harness import Score, climb
from moatkeeper.redteam.knowledge import ChatKnowledge
from moatkeeper.redteam.open_models import Lesson
from moatkeeper.redteam.system_prompts import PromptedChat, PromptJudge
from moatkeeper.redteam.tiny_lm import Schooling, Shape, TinyLm, untrained
from moatkeeper.redteam.trade import CHATS

WORDS = [f"w{n}" for n in range(16)]
SECRET = "w3 w14 w1 w5 w9"
LENGTH = 5


LEAKY = 4  # of the questions below, those that the model obeys
ASKED = QUESTIONS[:6]


@cache
def model() -> TinyLm:
    """A model that was taught to repeat what stands before some questions, and to refuse the others."""
    rng = np.random.default_rng(0)
    lessons = []
    for _ in range(2_000):
        text = " ".join(rng.choice(WORDS, LENGTH))
        place = int(rng.integers(len(ASKED)))
        lessons.append(Lesson(f"{text} {ASKED[place]}", text if place < LEAKY else "sorry cannot"))
    words = [*WORDS, "sorry", "cannot", *(word for question in ASKED for word in question.split())]
    return untrained(words, 0, Shape(width=48), Schooling(base_rate=8e-3)).schooled(lessons, 220, 1)


def steal(victim: PromptedChat, questions: Sequence[str] = QUESTIONS) -> Score:
    attack = SystemPrompt(ChatKnowledge(()), questions=questions)
    (score,) = climb(attack, victim, PromptJudge(SECRET), CHATS, [len(QUESTIONS)], seed=0)
    return score


def test_a_model_that_repeats_what_stands_above_some_questions_loses_its_prompt() -> None:
    score = steal(PromptedChat(model().answers, SECRET), ASKED)
    assert score.fidelity >= 0.8
    assert 0 < score.figures["refusals"] < 1
    assert score.queries == len(ASKED)


def test_a_model_that_refuses_every_question_keeps_it() -> None:
    score = steal(PromptedChat(lambda prompts: ["sorry cannot tell you that"] * len(prompts), SECRET))
    assert (score.fidelity, score.figures["refusals"], score.figures["confidence"]) == (0.0, 1.0, 0.0)


def test_a_model_that_rambles_is_not_believed_much() -> None:
    rng = np.random.default_rng(0)

    def rambles(prompts: Sequence[str]) -> list[str]:
        return [" ".join(rng.choice([f"x{n}" for n in range(300)], 6)) for _ in prompts]

    score = steal(PromptedChat(rambles, SECRET))
    assert score.figures["confidence"] < 0.2
    assert score.fidelity == 0.0


def test_what_most_answers_agree_on_is_taken_whole() -> None:
    said = ["a b c d", "a b c", "x y", "a b c d"]
    guess, confidence = most_agreed([Lesson("q", answer) for answer in said])
    assert guess == "a b c d"
    assert confidence == pytest.approx((6 / 7 + 0 + 1) / 3)
    assert most_agreed([]) == ("", 0.0)


def test_nobody_answering_leaves_nothing() -> None:
    assert steal(PromptedChat(lambda prompts: [], SECRET)).fidelity == 0.0
