"""Laws that every registered tactic keeps around any attack: those of an attack, counted in what the victim is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive.base import wrap
from moatkeeper.redteam.adaptive.registry import TACTICS, TEXT_TACTICS, from_words
from moatkeeper.redteam.attacks.equations import Equations
from moatkeeper.redteam.base import Loot, RowAttack, RowVictim, Surrogate, TextSurrogate, TextVictim
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import RowKnowledge, TextKnowledge, knowledge_of

DRAWS = {"invert-table": {"draws": 4}, "invert-learned": {"pairs": 50}}
"""Small figures for the tactics that compute: their laws do not depend on them."""


class Softmax:
    """A softmax of three classes that notes what it is asked, and answers at most ``allowance`` rows."""

    def __init__(self, allowance: int = 10**9) -> None:
        self.asked: list[list[float]] = []
        self._allowance = allowance

    @property
    def spent(self) -> Expenses:
        return Expenses(requests=len(self.asked))

    def ask(self, rows: FloatArray) -> FloatArray:
        answered = rows[: self._allowance]
        self._allowance -= len(answered)
        self.asked.extend(answered.tolist())
        powers = np.exp(answered @ np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0], [0.5, 0.5, 0.5]]))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


class Wary:
    """An attack that asks in small batches, each chosen by the answers to the one before, and copies the last answer."""

    name = "wary"

    def __init__(self, knowledge: RowKnowledge) -> None:
        self._pool = knowledge.pool

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        left, last = budget, np.full(3, 1 / 3)
        while left > 0:
            start = int(last.argmax()) + int(rng.integers(10))
            answers = victim.ask(self._pool[start : start + min(3, left)])
            if not len(answers):
                break
            left, last = left - 3, answers[-1]
        return Loot(Same(last))


class Same:
    def __init__(self, row: FloatArray) -> None:
        self._row = row

    def scores(self, rows: FloatArray) -> FloatArray:
        return np.tile(self._row, (len(rows), 1))


def pool() -> FloatArray:
    return np.random.default_rng(0).normal(size=(60, 3)).round(3)


def knowledge() -> RowKnowledge:
    return knowledge_of(pool(), 3)


ATTACKS: dict[str, Callable[[RowKnowledge], RowAttack]] = {"equations": Equations, "wary": Wary}
EVERY = [(tactic, attack) for tactic in TACTICS for attack in ATTACKS]
every = pytest.mark.parametrize(("tactic", "attack"), EVERY)


def around(tactics: Sequence[str], attack: str) -> RowAttack:
    made = [TACTICS[name].make(knowledge(), **DRAWS.get(name, {})) for name in tactics]
    return wrap(ATTACKS[attack](knowledge()), made)


def run(victim: Softmax, tactics: Sequence[str], attack: str, budget: int) -> FloatArray:
    loot = around(tactics, attack).run(victim, budget, np.random.default_rng(1))
    return loot.surrogate.scores(pool())


@every
def test_a_tactic_names_itself_behind_the_attack(tactic: str, attack: str) -> None:
    assert around([tactic], attack).name == f"{attack}+{tactic}"


@every
@pytest.mark.parametrize("budget", [1, 5, 17, 40])
def test_a_tactic_passes_on_no_question_beyond_the_budget(tactic: str, attack: str, budget: int) -> None:
    victim = Softmax()
    scores = run(victim, [tactic], attack, budget)
    assert 1 <= len(victim.asked) <= budget
    assert scores.shape == (60, 3)
    assert np.isfinite(scores).all()


@every
def test_a_tactic_with_the_same_seed_asks_the_same_and_brings_home_the_same(tactic: str, attack: str) -> None:
    first, second = Softmax(), Softmax()
    assert run(first, [tactic], attack, 30).tolist() == run(second, [tactic], attack, 30).tolist()
    assert first.asked == second.asked


@every
@pytest.mark.parametrize("allowance", [0, 1, 2, 7, 12])
def test_a_tactic_survives_refusals_at_any_point(tactic: str, attack: str, allowance: int) -> None:
    assert np.isfinite(run(Softmax(allowance), [tactic], attack, 30)).all()


@every
def test_the_questions_of_a_smaller_budget_begin_those_of_a_larger(tactic: str, attack: str) -> None:
    large = Softmax()
    run(large, [tactic], attack, 50)
    for budget in (1, 4, 9, 10, 17, 33):
        small = Softmax()
        run(small, [tactic], attack, budget)
        assert large.asked[: len(small.asked)] == small.asked, budget


@pytest.mark.parametrize("inner", TACTICS)
@pytest.mark.parametrize("outer", TACTICS)
def test_tactics_wrap_each_other(inner: str, outer: str) -> None:
    small, large = Softmax(), Softmax()
    run(small, [inner, outer], "equations", 20)
    scores = run(large, [inner, outer], "equations", 50)
    assert 1 <= len(small.asked) <= 20
    assert len(large.asked) <= 50
    assert large.asked[: len(small.asked)] == small.asked
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("tactic", TACTICS)
def test_a_card_says_what_it_does_and_refuses_options_that_it_does_not_take(tactic: str) -> None:
    card = TACTICS[tactic]
    assert card.name == tactic == card.make(knowledge()).name
    assert card.does
    assert card.source
    with pytest.raises(UsageError, match="has no option 'nonsense'"):
        card.make(knowledge(), nonsense=1)
    for name in card.options:
        with pytest.raises(UsageError, match=f"the option '{name}' takes"):
            card.make(knowledge(), **{name: 0.5 if isinstance(card.options[name], bool | int) else True})


class Letters:
    """A model of texts: shares of three letters."""

    spent = Expenses()

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, texts: Sequence[str]) -> FloatArray:
        self.asked.extend(texts)
        counts = np.array([[1.0 + text.count(letter) for letter in "abc"] for text in texts])
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))


class Parrot:
    """An attack on texts that keeps the mean of the answers."""

    name = "parrot"

    def run(self, victim: TextVictim, budget: int, rng: np.random.Generator) -> Loot[TextSurrogate]:
        answers = victim.ask(["ab", "abc", "c", "bbc", "aa", "cab"][:budget])
        row = answers.mean(axis=0)

        class Mean:
            def scores(self, texts: Sequence[str]) -> FloatArray:
                return np.tile(row, (len(texts), 1))

        return Loot(Mean())


@pytest.mark.parametrize("tactic", TEXT_TACTICS)
def test_a_tactic_that_knows_no_rows_serves_texts_as_well(tactic: str) -> None:
    victim = Letters()
    made = TEXT_TACTICS[tactic].make(TextKnowledge(3), **DRAWS.get(tactic, {}))
    loot = wrap(Parrot(), [made]).run(victim, 5, np.random.default_rng(1))
    assert 1 <= len(victim.asked) <= 5
    assert np.isfinite(loot.surrogate.scores(["a"])).all()


def test_a_tactic_can_be_asked_for_in_words() -> None:
    victim = Softmax()
    made = from_words("repeat:times=4", TACTICS, knowledge())
    wrap(Equations(knowledge()), [made]).run(victim, 8, np.random.default_rng(1))
    assert len({tuple(row) for row in victim.asked}) == 2
    assert from_words("mix:share=0.9,use=yes", TACTICS, knowledge()).name == "mix"
    assert from_words("invert-table", TEXT_TACTICS, TextKnowledge(3)).name == "invert-table"


@pytest.mark.parametrize("words", ["nothing", "", "repeat:often=3", "repeat:times=often", "repeat:times", "mix:use=2"])
def test_words_that_make_no_sense_are_refused(words: str) -> None:
    with pytest.raises(UsageError):
        from_words(words, TACTICS, knowledge())
