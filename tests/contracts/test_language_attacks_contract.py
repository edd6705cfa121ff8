"""Laws that every registered attack on a language model keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import NextToken, Prefix
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import ChatKnowledge, TokenKnowledge
from moatkeeper.redteam.open_models import Lesson, Part
from moatkeeper.redteam.registry import CHAT_ATTACKS, TOKEN_ATTACKS
from moatkeeper.redteam.token_api import BiasRule, TokenApi, TokenRules, ToyModel, random_contexts

VOCABULARY = 30
CONTEXTS = random_contexts(20, VOCABULARY, np.random.default_rng(3))
TOY = ToyModel(1, vocabulary=VOCABULARY, hidden=6)
SHOWN = (0, 1, 5, VOCABULARY)


class Rationed:
    """A next-token API that notes what it is asked, and answers at most ``allowance`` questions."""

    def __init__(self, shown: int, allowance: int = 10**9, rule: BiasRule = BiasRule.SHOWN) -> None:
        self.asked: list[Prefix] = []
        self._api = TokenApi(TOY.logits, TokenRules(shown=shown, bias=rule))
        self._allowance = allowance

    @property
    def spent(self) -> Expenses:
        return self._api.spent

    def ask(self, questions: Sequence[Prefix]) -> Sequence[NextToken]:
        answered = questions[: self._allowance]
        self._allowance -= len(answered)
        self.asked.extend(answered)
        return self._api.ask(answered)


def steal_tokens(name: str, victim: Rationed, shown: int, budget: int) -> FloatArray:
    attack = TOKEN_ATTACKS[name].make(TokenKnowledge(VOCABULARY, CONTEXTS, shown))
    loot = attack.run(victim, budget, np.random.default_rng(1))
    held_out = random_contexts(15, VOCABULARY, np.random.default_rng(9))
    rows = loot.surrogate.log_probabilities([Prefix(context) for context in (*CONTEXTS, *held_out)])
    assert rows.shape == (35, VOCABULARY)
    assert all(np.isfinite(list(loot.findings.values())))
    known = np.isfinite(rows).all(axis=1)
    assert np.isnan(rows[~known]).all()
    np.testing.assert_allclose(np.exp(rows[known]).sum(axis=1), 1.0)
    return rows


@pytest.mark.parametrize("name", TOKEN_ATTACKS)
def test_an_attack_on_tokens_is_registered_under_its_own_name(name: str) -> None:
    assert TOKEN_ATTACKS[name].make(TokenKnowledge(VOCABULARY, CONTEXTS)).name == name


@pytest.mark.parametrize("name", TOKEN_ATTACKS)
@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("budget", [0, 1, 5, 40, 700])
def test_an_attack_on_tokens_stays_within_its_budget_and_gives_whole_distributions(name: str, shown: int, budget: int) -> None:
    victim = Rationed(shown)
    steal_tokens(name, victim, shown, budget)
    assert len(victim.asked) <= budget


@pytest.mark.parametrize("name", TOKEN_ATTACKS)
@pytest.mark.parametrize("rule", BiasRule)
def test_an_attack_on_tokens_works_whatever_a_bias_does(name: str, rule: BiasRule) -> None:
    for shown in SHOWN:
        steal_tokens(name, Rationed(shown, rule=rule), shown, 300)


@pytest.mark.parametrize("name", TOKEN_ATTACKS)
@pytest.mark.parametrize("shown", SHOWN)
def test_an_attack_on_tokens_with_the_same_seed_asks_and_brings_home_the_same(name: str, shown: int) -> None:
    victims = [Rationed(shown), Rationed(shown)]
    first, second = (steal_tokens(name, victim, shown, 60) for victim in victims)
    assert victims[0].asked == victims[1].asked
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", TOKEN_ATTACKS)
@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("allowance", [0, 1, 7, 33])
def test_an_attack_on_tokens_survives_refusals_with_a_copy_of_what_it_got(name: str, shown: int, allowance: int) -> None:
    victim = Rationed(shown, allowance)
    steal_tokens(name, victim, shown, 200)
    assert len(victim.asked) <= allowance


@pytest.mark.parametrize("name", TOKEN_ATTACKS)
@pytest.mark.parametrize("shown", SHOWN)
def test_the_questions_of_a_smaller_budget_on_tokens_begin_those_of_a_larger(name: str, shown: int) -> None:
    large = Rationed(shown)
    steal_tokens(name, large, shown, 150)
    for budget in (1, 9, 40):
        small = Rationed(shown)
        steal_tokens(name, small, shown, budget)
        assert large.asked[: len(small.asked)] == small.asked


PROMPTS = [f"say {word} twice" for word in ("red", "blue", "green", "ten", "one", "two", "up", "down", "left", "right")]
FOREIGN = [f"spell {word}" for word in ("cat", "dog", "cow")]


@dataclass(frozen=True)
class ByHeart:
    """An open model that knows its lessons by heart, and guesses by its seed and part elsewhere."""

    known: tuple[Lesson, ...] = ()
    mark: str = "new"

    def answers(self, prompts: Sequence[str]) -> list[str]:
        book = {lesson.prompt: lesson.answer for lesson in self.known}
        return [book.get(prompt, f"{self.mark} {prompt}") for prompt in prompts]

    def sampled(self, prompts: Sequence[str], seed: int) -> list[str]:
        return [f"{answer} {seed % 3}" for answer in self.answers(prompts)]

    def likelihoods(self, lessons: Sequence[Lesson]) -> FloatArray:
        return -1.0 - 0.1 * np.array([len(lesson.answer) for lesson in lessons])

    def tuned(self, lessons: Sequence[Lesson], part: Part, seed: int) -> ByHeart:
        return ByHeart((*self.known, *lessons), f"{part} {seed % 7}")


class Echo:
    """A chat victim that notes what it is asked, and answers at most ``allowance`` prompts."""

    def __init__(self, allowance: int = 10**9) -> None:
        self.asked: list[str] = []
        self._allowance = allowance

    @property
    def spent(self) -> Expenses:
        return Expenses(requests=len(self.asked))

    def ask(self, questions: Sequence[str]) -> Sequence[str]:
        answered = list(questions[: self._allowance])
        self._allowance -= len(answered)
        self.asked.extend(answered)
        return [question.upper() for question in answered]


def bases(count: int) -> dict[str, object]:
    return {f"base-{index}": ByHeart(mark=str(index)) for index in range(count)}


def steal_chat(name: str, victim: Echo, budget: int, models: int) -> list[str]:
    loot = CHAT_ATTACKS[name].make(ChatKnowledge(PROMPTS, FOREIGN, bases(models))).run(victim, budget, np.random.default_rng(1))
    answers = loot.surrogate.answers([*PROMPTS, "something else"])
    assert len(answers) == len(PROMPTS) + 1
    assert all(isinstance(answer, str) for answer in answers)
    assert all(np.isfinite(list(loot.findings.values())))
    return answers


@pytest.mark.parametrize("name", CHAT_ATTACKS)
def test_an_attack_on_chats_is_registered_under_its_own_name(name: str) -> None:
    assert CHAT_ATTACKS[name].make(ChatKnowledge(PROMPTS)).name == name


@pytest.mark.parametrize("name", CHAT_ATTACKS)
@pytest.mark.parametrize("models", [0, 1, 2])
@pytest.mark.parametrize("budget", [0, 1, 5, 40])
def test_an_attack_on_chats_stays_within_its_budget_and_gives_texts(name: str, models: int, budget: int) -> None:
    victim = Echo()
    steal_chat(name, victim, budget, models)
    assert len(victim.asked) <= budget


@pytest.mark.parametrize("name", CHAT_ATTACKS)
@pytest.mark.parametrize("models", [0, 1, 2])
def test_an_attack_on_chats_with_the_same_seed_asks_and_brings_home_the_same(name: str, models: int) -> None:
    victims = [Echo(), Echo()]
    first, second = (steal_chat(name, victim, 8, models) for victim in victims)
    assert victims[0].asked == victims[1].asked
    assert first == second


@pytest.mark.parametrize("name", CHAT_ATTACKS)
@pytest.mark.parametrize("models", [0, 1, 2])
@pytest.mark.parametrize("allowance", [0, 1, 2, 7])
def test_an_attack_on_chats_survives_refusals_with_a_copy_of_what_it_got(name: str, models: int, allowance: int) -> None:
    victim = Echo(allowance)
    steal_chat(name, victim, 12, models)
    assert len(victim.asked) <= allowance


@pytest.mark.parametrize("name", CHAT_ATTACKS)
@pytest.mark.parametrize("models", [0, 1, 2])
def test_the_prompts_of_a_smaller_budget_begin_those_of_a_larger(name: str, models: int) -> None:
    large = Echo()
    steal_chat(name, large, 12, models)
    for budget in (1, 4, 8):
        small = Echo()
        steal_chat(name, small, budget, models)
        assert large.asked[: len(small.asked)] == small.asked
