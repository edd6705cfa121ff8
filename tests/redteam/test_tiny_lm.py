from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from moatkeeper.redteam.open_models import Lesson, OpenModel, Part
from moatkeeper.redteam.tiny_lm import END, Schooling, Shape, TinyLm, untrained
from moatkeeper.redteam.token_api import log_softmax
from moatkeeper.redteam.toy_language import summarising
from tests.support.chats import language, open_base

LESSONS = [Lesson("red", "stop"), Lesson("green", "go now"), Lesson("amber", "wait")]
WORDS = ["red", "green", "amber", "stop", "go", "now", "wait"]


def small(steps: int = 60) -> TinyLm:
    return untrained(WORDS, 0, Shape(width=16, layers=1, heads=2, context=8, rank=4), Schooling(steps=steps))


def weights(model: TinyLm) -> dict[str, list[float]]:
    return {name: value.flatten().tolist() for name, value in model._network.state_dict().items()}


def test_a_model_learns_its_lessons_and_the_one_before_it_stays_what_it_was() -> None:
    model = small()
    before = weights(model)
    taught = model.tuned(LESSONS, Part.WHOLE, 0)
    assert taught.answers([lesson.prompt for lesson in LESSONS]) == ["stop", "go now", "wait"]
    assert weights(model) == before
    assert isinstance(model, OpenModel)


def test_an_open_base_generalises_to_messages_that_it_never_saw() -> None:
    fresh = language().messages(100, np.random.default_rng(99))
    right = [language().summary(message) for message in fresh]
    assert np.mean([a == b for a, b in zip(open_base().answers(summarising(fresh)), right, strict=True)]) > 0.95


@pytest.mark.parametrize(
    ("part", "named"),
    [(Part.HEAD, ("head.",)), (Part.ADAPTER, ("adapter",)), (Part.WHOLE, ("tokens", "places", "blocks", "last", "head"))],
)
def test_only_the_part_that_is_named_is_trained(part: Part, named: tuple[str, ...]) -> None:
    before, after = weights(small()), weights(small(steps=3).tuned(LESSONS, part, 0))
    changed = {name for name in before if before[name] != after[name]}
    assert changed
    assert all(any(word in name for word in named) for name in changed)
    assert part is not Part.WHOLE or not any("adapter" in name for name in changed)


def test_the_same_lessons_and_seed_give_the_same_weights() -> None:
    one, two = (weights(small(steps=5).tuned(LESSONS, Part.WHOLE, 7)) for _ in range(2))
    assert one == two


def test_what_is_to_be_avoided_becomes_less_likely_than_without_that() -> None:
    plain, contrast = (
        small(steps=15).tuned([Lesson("red", "stop", avoided)], Part.WHOLE, 0).likelihoods([Lesson("red", "go now")])[0]
        for avoided in ("", "go now")
    )
    assert contrast < plain


def test_likelihoods_are_mean_log_probabilities_of_the_answers_tokens() -> None:
    model = small()
    (likelihood,) = model.likelihoods([Lesson("red", "stop")])
    context = (*model.tokens("red"), 2)
    word = model.tokens("stop")[0]
    first = log_softmax(model.logits([context]))[0, word]
    second = log_softmax(model.logits([(*context, word)]))[0, END]
    assert likelihood == pytest.approx((first + second) / 2, abs=1e-5)


def test_drawn_answers_differ_by_seed_and_follow_the_model() -> None:
    model = small()
    assert model.sampled(["red"] * 20, 1) == model.sampled(["red"] * 20, 1) != model.sampled(["red"] * 20, 2)
    assert model.tuned(LESSONS, Part.WHOLE, 0).sampled(["red"] * 20, 1).count("stop") >= 8


def test_logits_of_its_head_lie_in_a_space_as_wide_as_the_model() -> None:
    """Less one before training: a fresh layer norm centres what the head sees."""
    model = untrained([str(n) for n in range(80)], 0, Shape(width=16, layers=1, heads=2))
    contexts = [(n, n + 1) for n in range(5, 60)]
    assert np.linalg.matrix_rank(model.logits(contexts), tol=1e-3) == 15
    assert model.head.shape == (model.vocabulary, 16)


def test_words_that_it_does_not_know_and_texts_that_are_too_long_do_no_harm() -> None:
    model = small()
    assert len(model.answers(["purple", "", "red " * 50])) == 3
    assert np.isfinite(model.likelihoods([Lesson("red " * 50, "stop " * 50)])).all()
    assert np.isfinite(model.logits([(), (4,) * 30])).all()
    assert model.tuned([], Part.WHOLE, 0).answers(["red"]) == model.answers(["red"])


def test_without_pytorch_attacks_are_listed_all_the_same_and_the_model_names_the_extra() -> None:
    script = """
import sys
sys.modules["torch"] = None
from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.registry import CHAT_ATTACKS, TOKEN_ATTACKS
assert CHAT_ATTACKS and TOKEN_ATTACKS
try:
    import moatkeeper.redteam.tiny_lm
except MissingExtra as error:
    print(error.hint)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "moatkeeper[redteam]" in ran.stdout
