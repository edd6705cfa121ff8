"""Language models: what log-probabilities betray of a head, what hidden ones cost to recover, and how fast a chat is imitated.

    python -m bench.redteam --only language

The head is a toy layer (V = 4,000, h = 128, 320 prompts of 4 random tokens). The chat is a tiny transformer in a made-up
language, privately tuned by an adapter to a secret rule (redteam/toy_language.py): absolute figures are those of a toy, what
carries over is their order: which attacker needs how many times fewer answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bench.common import interval
from moatkeeper.redteam.attacks.adapter_theft import AdapterTheft
from moatkeeper.redteam.attacks.bisection import Bisection
from moatkeeper.redteam.attacks.few_query import FewQuery
from moatkeeper.redteam.attacks.head_subspace import HeadSubspace
from moatkeeper.redteam.attacks.hidden_size import HiddenSize
from moatkeeper.redteam.attacks.imitation import Imitation
from moatkeeper.redteam.attacks.logit_bias import LogitBias
from moatkeeper.redteam.attacks.system_prompt import QUESTIONS, SystemPrompt
from moatkeeper.redteam.base import ChatAttack, TokenAttack
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.harness import Score, baseline, climb
from moatkeeper.redteam.judges import ChatJudge
from moatkeeper.redteam.knowledge import ChatKnowledge, TokenKnowledge
from moatkeeper.redteam.open_models import Lesson, Part
from moatkeeper.redteam.system_prompts import PromptedChat, PromptJudge
from moatkeeper.redteam.tiny_lm import TinyLm, untrained
from moatkeeper.redteam.token_api import (
    TOY_HIDDEN,
    TOY_VOCABULARY,
    BiasRule,
    TokenApi,
    TokenRules,
    ToyModel,
    log_softmax,
    random_contexts,
)
from moatkeeper.redteam.token_copy import TokenTable
from moatkeeper.redteam.token_rank import outside, span_of
from moatkeeper.redteam.toy_language import Message, SecretRule, ToyLanguage, routing, secret_rule, summarising, toy_language
from moatkeeper.redteam.trade import CHATS

Figures = dict[str, object]

PROMPTS = 320
REPEATS = 64
PUBLIC_STEPS = 250  # of an open base
LENGTH = 8  # words of a hidden system prompt
SECRETS = 10

RANK_CASES: dict[str, tuple[TokenRules, int]] = {
    "exact": (TokenRules(), 1),
    "round 3": (TokenRules(decimals=3), 1),
    "round 1": (TokenRules(decimals=1), 1),
    "round 0": (TokenRules(decimals=0), 1),
    "sigma 0.1": (TokenRules(noise=0.1), 1),
    "sigma 1": (TokenRules(noise=1.0), 1),
    "sigma 1, averaged": (TokenRules(noise=1.0), REPEATS),
    "sigma 1, sticky, averaged": (TokenRules(noise=1.0, sticky=True), 2),
    "sigma 2": (TokenRules(noise=2.0), 1),
    "sigma 2, averaged": (TokenRules(noise=2.0), REPEATS),
    "top 20": (TokenRules(shown=20, bias=BiasRule.SAMPLED), 1),
    "top 100": (TokenRules(shown=100, bias=BiasRule.SAMPLED), 1),
    "top 1000": (TokenRules(shown=1_000, bias=BiasRule.SAMPLED), 1),
}
REFERENCE: dict[str, Mapping[str, float]] = {
    "exact": {"size": 128, "gap": 9e13, "outside": 2e-15},
    "round 3": {"size": 128, "gap": 3.6e3, "outside": 1e-4},
    "round 1": {"size": 128, "gap": 36, "outside": 0.011},
    "round 0": {"size": 128, "gap": 3.6, "outside": 0.114},
    "sigma 0.1": {"size": 128, "gap": 10, "outside": 0.040},
    "sigma 1": {"size": 128, "gap": 1.3, "outside": 0.36},
    "sigma 1, averaged": {"gap": 8.2, "outside": 0.050},
    "sigma 2": {"size": 47},
    "sigma 2, averaged": {"size": 128, "gap": 4.2, "outside": 0.099},
    "top 20": {"size": 318, "outside": 0.97},
    "top 100": {"outside": 0.91},
    "top 1000": {"outside": 0.61},
}
"""Measured for this project before its code was written (V = 4000, h = 128, 320 prompts, one seed)."""


def measure(seeds: Sequence[int], quick: bool) -> Figures:
    """All figures of this page; ``quick`` leaves out the averaged cases and most budgets."""
    return {
        "rank": _rank(seeds, quick),
        "prices": _prices(seeds[0]),
        "chat": _chat(seeds, quick),
        "system prompt": _secrets(seeds),
    }


def _rank(seeds: Sequence[int], quick: bool) -> Figures:
    cases = {name: case for name, case in RANK_CASES.items() if not (quick and case[1] > 1)}
    return {
        name: {"measured": _intervals([_rank_once(seed, *case) for seed in seeds]), "reference": REFERENCE.get(name, {})}
        for name, case in cases.items()
    }


def _rank_once(seed: int, rules: TokenRules, repeats: int) -> dict[str, float]:
    """``outside`` is told for the span of as many dimensions as the model has, as if the thief knew how many."""
    toy = ToyModel(seed)
    contexts = random_contexts(PROMPTS, TOY_VOCABULARY, np.random.default_rng(seed + 100))
    knowledge = TokenKnowledge(TOY_VOCABULARY, contexts, TOY_VOCABULARY if rules.shown is None else rules.shown)
    spare = 0 if rules.shown is None else 1  # the call by which hidden biases are noticed
    loot = HiddenSize(knowledge).run(
        TokenApi(toy.logits, rules, seed=seed), PROMPTS * repeats + spare, np.random.default_rng(seed)
    )
    table = loot.surrogate
    assert isinstance(table, TokenTable)
    span = span_of(np.array(list(table.known.values())), TOY_HIDDEN)
    return {**loot.findings, "outside": outside(toy.head, span)}


def _prices(seed: int) -> Figures:
    """Calls for what an API does not show, on the toy layer."""
    one = 1
    return {
        "logit bias, top 20, one context": _price(seed, LogitBias, TokenRules(shown=20), one),
        "logit bias, top 5, one context": _price(seed, LogitBias, TokenRules(shown=5), one),
        "logit bias, top 1, one context": _price(seed, LogitBias, TokenRules(shown=1), one),
        "logit bias, top 20, hidden effect": _price(seed, LogitBias, TokenRules(shown=20, bias=BiasRule.SAMPLED), one),
        "bisection, chosen token only, one context": _price(seed, Bisection, TokenRules(shown=0, bias=BiasRule.SAMPLED), one),
        "bisection, bias ignored": _price(seed, Bisection, TokenRules(shown=0, bias=BiasRule.IGNORED), one),
        "hidden size, top 20 and bias": _price(seed, HiddenSize, TokenRules(shown=20), PROMPTS),
        "hidden size, top 5 and bias": _price(seed, HiddenSize, TokenRules(shown=5), PROMPTS),
        "head, top 20 and bias": _price(seed, HeadSubspace, TokenRules(shown=20), 160),
    }


def _price(seed: int, make: Callable[[TokenKnowledge], TokenAttack], rules: TokenRules, contexts: int) -> dict[str, float]:
    toy = ToyModel(seed)
    own = random_contexts(contexts, TOY_VOCABULARY, np.random.default_rng(seed + 100))
    api = TokenApi(toy.logits, rules, seed=seed)
    loot = make(TokenKnowledge(TOY_VOCABULARY, own, rules.shown or 0)).run(api, 10**6, np.random.default_rng(seed))
    table = loot.surrogate
    assert isinstance(table, TokenTable)
    known = list(table.known)
    truth = log_softmax(toy.logits(known))
    error = float(np.abs(np.array([table.known[context] for context in known]) - truth).mean())
    share = {"outside": outside(toy.head, table.basis)} if table.basis is not None else {}
    return {"calls": float(api.spent.requests), "error_nats": error, **share, **loot.findings}


class _Chat:
    """A chat victim without limits; ``shuffled`` gives its answers to the wrong prompts."""

    def __init__(self, model: TinyLm, shuffled: bool) -> None:
        self._model = model
        self._shuffled = shuffled
        self._requests = 0

    @property
    def spent(self) -> Expenses:
        return Expenses(requests=self._requests)

    def ask(self, questions: Sequence[str]) -> Sequence[str]:
        self._requests += len(questions)
        answers = self._model.answers(questions)
        order = np.random.default_rng(0).permutation(len(answers)) if self._shuffled else range(len(answers))
        return [answers[index] for index in order]


@dataclass(frozen=True)
class _World:
    """One seed's language, open model, victim, judge and thieves."""

    seed: int

    @cached_property
    def base(self) -> TinyLm:
        texts = self._messages(4_000, 1)
        lessons = [Lesson(p, self._language.summary(m)) for p, m in zip(summarising(texts), texts, strict=True)]
        return self.new.schooled(lessons, PUBLIC_STEPS, self.seed)

    @cached_property
    def new(self) -> TinyLm:
        """An untrained model of the same shape."""
        return untrained(self._language.words, self.seed)

    @cached_property
    def victim(self) -> TinyLm:
        private, public = self._messages(800, 2), self._messages(200, 3)
        lessons = [Lesson(p, self._rule.answer(m)) for p, m in zip(routing(private), private, strict=True)]
        lessons += [Lesson(p, self._language.summary(m)) for p, m in zip(summarising(public), public, strict=True)]
        return self.base.tuned(lessons, Part.ADAPTER, self.seed)

    @cached_property
    def judge(self) -> ChatJudge:
        held_out = self._messages(300, 4)
        prompts = routing(held_out)
        right = {prompt: self._rule.answer(message) for prompt, message in zip(prompts, held_out, strict=True)}
        return ChatJudge(prompts, self.victim.answers(prompts), lambda prompt, answer: right[prompt] == answer)

    def knowledge(self, **bases: TinyLm) -> ChatKnowledge:
        return ChatKnowledge(routing(self._messages(1_300, 5)), bases=bases)

    def scores(self, attack: ChatAttack, budgets: Sequence[int], shuffled: bool = False) -> tuple[Score, ...]:
        return climb(attack, _Chat(self.victim, shuffled), self.judge, CHATS, budgets, self.seed)

    @cached_property
    def _language(self) -> ToyLanguage:
        return toy_language(self.seed)

    @cached_property
    def _rule(self) -> SecretRule:
        return secret_rule(self._language, self.seed + 50)

    def _messages(self, count: int, purpose: int) -> list[Message]:
        return self._language.messages(count, np.random.default_rng((self.seed, purpose)))


def _chat(seeds: Sequence[int], quick: bool) -> Figures:
    worlds = [_World(seed) for seed in seeds]
    many = (16, 64, 256) if quick else (16, 64, 256, 1_000)
    few = (16, 64)
    attacks: dict[str, tuple[Callable[[_World], ChatAttack], Sequence[int]]] = {
        "imitation from scratch": (lambda world: Imitation(world.knowledge(new=world.new)), many),
        "imitation of a known base": (lambda world: Imitation(world.knowledge(base=world.base)), many),
        "adapter or head of a known base": (lambda world: AdapterTheft(world.knowledge(base=world.base)), many),
        "parrot, no model": (lambda world: Imitation(world.knowledge()), many),
        "few-query": (lambda world: FewQuery(world.knowledge(base=world.base)), few),
        "few-query with contrast": (lambda world: FewQuery(world.knowledge(base=world.base), contrast=True), few),
        "few-query without agreement": (lambda world: FewQuery(world.knowledge(base=world.base), agreement=False), few),
        "few-query, contrast, no agreement": (
            lambda world: FewQuery(world.knowledge(base=world.base), contrast=True, agreement=False),
            few,
        ),
    }
    curves: Figures = {
        "victim": _intervals([{"accuracy": _accuracy(world)} for world in worlds]),
        "no API": _intervals([dict(baseline(world.judge, world.base).figures) for world in worlds]),
    }
    for name, (make, budgets) in attacks.items():
        climbed = [world.scores(make(world), budgets) for world in worlds]
        curves[name] = {
            str(budget): _intervals([dict(scores[rung].figures) for scores in climbed]) for rung, budget in enumerate(budgets)
        }
    shuffled = [world.scores(Imitation(world.knowledge(base=world.base)), (256,), shuffled=True)[0] for world in worlds]
    curves["control: answers shuffled, 256"] = _intervals([dict(score.figures) for score in shuffled])
    return curves


def _accuracy(world: _World) -> float:
    """How often the victim itself follows its owner's rule."""
    return world.judge.figures(world.victim, frozenset(), thorough=False)["accuracy"]


def _secrets(seeds: Sequence[int]) -> Figures:
    """What a tiny model gives away of its hidden prompt that obeys 4 of 12 questions and refuses the rest; one seed."""
    return {"4 of 12 questions obeyed": _intervals([_secrets_once(seed) for seed in seeds[:1]])}


def _secrets_once(seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    words = [f"w{n}" for n in range(60)]
    obeyed = set(rng.permutation(len(QUESTIONS))[:4].tolist())
    lessons = []
    for _ in range(6_000):
        text, place = " ".join(rng.choice(words, LENGTH)), int(rng.integers(len(QUESTIONS)))
        lessons.append(Lesson(f"{text} {QUESTIONS[place]}", text if place in obeyed else "sorry cannot"))
    asked = [word for question in QUESTIONS for word in question.split()]
    model = untrained([*words, "sorry", "cannot", *asked], seed).schooled(lessons, 600, seed)
    scores = []
    for _ in range(SECRETS):
        secret = " ".join(rng.choice(words, LENGTH))
        attack = SystemPrompt(ChatKnowledge(()))
        scores += climb(attack, PromptedChat(model.answers, secret), PromptJudge(secret), CHATS, [len(QUESTIONS)], seed)
    return {name: float(np.mean([score.figures[name] for score in scores])) for name in ("fidelity", "exact", "refusals")}


def _intervals(figures: Sequence[Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    found = {name: interval([one[name] for one in figures]) for name in figures[0]}
    return {name: {"mean": value.mean, "low": value.low, "high": value.high} for name, value in found.items()}
