from __future__ import annotations

import pytest

from moatkeeper.redteam.chat_copy import Parrot, bought, kin, shared
from moatkeeper.redteam.open_models import Lesson
from tests.support.chats import Chat, open_base, scratch, world


def test_a_parrot_repeats_the_answer_to_the_most_similar_prompt() -> None:
    parrot = Parrot([Lesson("how old are you", "ten"), Lesson("where do you live", "here")])
    assert parrot.answers(["where will you live", "how old is she"]) == ["here", "ten"]
    assert Parrot().answers(["anything"]) == [""]


def test_no_more_is_bought_than_the_budget_and_the_victim_allow() -> None:
    prompts = world().prompts[:6]
    assert [lesson.prompt for lesson in bought(Chat(open_base()), prompts, 4)] == prompts[:4]
    assert len(bought(Chat(open_base(), allowance=2), prompts, 4)) == 2
    silent = Chat(open_base())
    assert bought(silent, prompts, 0) == []
    assert silent.asked == []


def test_the_base_of_a_victim_is_the_one_under_which_its_answers_are_likeliest() -> None:
    answers = [
        Lesson(prompt, answer) for prompt, answer in zip(world().foreign, world().victim.answers(world().foreign), strict=True)
    ]
    for models in ({"a": open_base(), "b": scratch()}, {"b": scratch(), "a": open_base()}):
        found = kin(models, answers)
        assert found is not None
        assert found.base is models["a"]
        assert found.margin > 1.0


def test_without_models_or_answers_there_is_little_to_choose() -> None:
    assert kin({}, []) is None
    first = kin({"a": open_base(), "b": scratch()}, [])
    assert first is not None
    assert (first.base, first.margin) == (open_base(), 0.0)


def test_shared_words_are_counted_over_lessons() -> None:
    parrot = Parrot([Lesson("p", "a b")])

    class Says:
        answers = parrot.answers

    model = open_base()
    (answer,) = model.answers([world().foreign[0]])
    assert shared(model, [Lesson(world().foreign[0], answer)]) == pytest.approx(1.0)
    assert shared(model, []) == 0.0
