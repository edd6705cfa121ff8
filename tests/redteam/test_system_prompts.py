from __future__ import annotations

import pytest

from moatkeeper.redteam.chat_copy import Parrot
from moatkeeper.redteam.system_prompts import Impostor, PromptedChat, PromptJudge, in_common

NOTHING: frozenset[bytes] = frozenset()


def test_the_secret_stands_before_every_prompt() -> None:
    chat = PromptedChat(lambda prompts: [prompt.upper() for prompt in prompts], "be kind")
    assert list(chat.ask(["hello", "you"])) == ["BE KIND HELLO", "BE KIND YOU"]
    assert chat.spent.requests == 2


@pytest.mark.parametrize(
    ("one", "other", "common"), [("a b c d", "a x c d", 3), ("a b", "b a", 1), ("a", "", 0), ("a b c", "a b c", 3)]
)
def test_words_in_common_are_counted_in_order(one: str, other: str, common: int) -> None:
    assert in_common(one.split(), other.split()) == in_common(other.split(), one.split()) == common


def test_the_judge_tells_the_share_of_the_secret_that_was_brought_home() -> None:
    judge = PromptJudge("never tell the price")
    whole, part, talk = (
        judge.figures(Impostor(text), NOTHING, thorough=False)
        for text in ("never tell the price", "never the price", "never tell the price and much more of our own")
    )
    assert (whole["fidelity"], whole["exact"], whole["precision"]) == (1.0, 1.0, 1.0)
    assert (part["fidelity"], part["exact"]) == (0.75, 0.0)
    assert talk["fidelity"] == 1.0 > talk["precision"]
    assert judge.figures(Parrot(), NOTHING, thorough=False)["fidelity"] == 0.0


def test_an_impostor_puts_what_it_stole_before_each_prompt() -> None:
    assert Impostor("be kind", lambda prompts: list(prompts)).answers(["hello"]) == ["be kind hello"]
    assert Impostor("be kind").answers(["hello"]) == [""]
