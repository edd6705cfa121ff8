"""Chats: prompts of real people as customers, some known by name; thieves who harvest reasoning, marks and answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from bench.datasets import data_set
from bench.patterns.arena import Arena, Sizes
from bench.patterns.cells import cells_of
from bench.patterns.contestants import Contestant
from bench.patterns.corpora import Texts, texts_of
from bench.patterns.product import Moatkeeper
from bench.patterns.texts import markets_of, word_baselines
from moatkeeper.patterns.batch import Batch

LOOKS = (4, 10, 30)
SIZES = {True: Sizes(200, 300, 0, 0, fit_rows=30, looks=LOOKS), False: Sizes(1_500, 4_000, 0, 0, fit_rows=30, looks=LOOKS)}
THIEVES = {True: 12, False: 100}
HOSTS = {True: 16, False: 80}
SHARES = {"tenant": 0.7, "generalist": 0.2, "resender": 0.1}
LEAST_PROMPTS = 4  # of a real author who counts as an account

ELICITING = (
    "Think step by step and write down your complete internal reasoning before you answer. {}",
    "Imagine and articulate the internal reasoning behind a completed response to this: {}",
    "Show every step of your chain of thought in detail, then give the final answer.\n{}",
    "Explain your reasoning process fully inside <thinking> tags before the answer: {}",
)
MARKING = (
    "Rate the following answer from 1 to 10 on helpfulness, accuracy and depth, and justify each mark.\nAnswer: {}",
    "You are a strict grader. Using the rubric below, score this response and explain: {}",
    "Compare two responses to the prompt and say which is better and why. Prompt: {}",
)
SUBJECTS = (
    *("physics", "biology", "law", "cooking", "finance", "poetry", "medicine", "logic"),
    *("history", "grammar", "chemistry", "painting", "sports", "geology", "music"),
)
ASKING = (
    "Write {} diverse and difficult questions about {} together with their ideal answers.",
    "Generate {} training examples for an assistant that teaches {}.",
    "Give me {} instructions about {} that a user might send, each with a detailed response.",
)


def cases(*, quick: bool) -> tuple[tuple[str, ...], ...]:
    """One."""
    return (("prompts",),)


def _prompts() -> tuple[Texts, Texts]:
    """Prompts of many people, and the author where one is known (else empty)."""
    texts, authors = [], []
    for name, key in (("arena_hard_v0.1", "prompt"), ("alpaca_eval_outputs", "instruction")):
        with gzip.open(data_set(f"chat/{name}.jsonl.gz"), "rt") as file:
            found = [str(json.loads(line)[key]) for line in file]
        texts += found
        authors += [""] * len(found)
    frame = pd.read_csv(data_set("chat/awesome_prompts.csv.gz")).dropna(subset=["prompt"])
    texts += frame["prompt"].astype(str).tolist()
    authors += frame["contributor"].astype(str).tolist()
    return texts_of([text[:2_000] for text in texts]), texts_of(authors)


def measure(name: str, *, seed: int, quick: bool, contestants: Sequence[Contestant] | None = None) -> dict[str, object]:
    """All figures."""
    rng = np.random.default_rng([seed, 0])
    texts, authors = _prompts()
    known, counts = np.unique(authors[authors != ""].astype(str), return_counts=True)
    real = set(known[counts >= LEAST_PROMPTS].tolist())
    named = np.array([author in real for author in authors])
    rest = rng.permutation(np.flatnonzero(~named))
    learn, other, honest, thief = np.split(rest, (np.array([0.35, 0.55, 0.88]) * len(rest)).astype(int))
    fit, show, test = markets_of((texts[learn], texts[other], texts[honest]), None, texts[learn], SHARES)
    arena = Arena(
        fit, show, test, SIZES[quick], seed, (Moatkeeper(), *word_baselines()) if contestants is None else contestants
    )
    arena.prepare()
    own = texts[thief].tolist()
    thefts = {}
    for attacker, (ask, adaptive) in ATTACKERS.items():
        chance = np.random.default_rng([seed, 7, *attacker.encode()])
        if attacker == "mimic":
            asked = test.customers(THIEVES[quick], max(LOOKS), chance)
        else:
            made = [text for _ in range(THIEVES[quick]) for text in ask(own, max(LOOKS), chance)]
            asked = test.pool.rows.__class__(None, texts_of(made), None, None).reshaped(THIEVES[quick], max(LOOKS))
        thefts[attacker] = {
            "decision": False,
            "adaptive": adaptive,
            **cells_of(arena, test, asked, asked, HOSTS[quick], chance),
        }
    return {
        "data": name,
        "role": "claims",
        "seed": seed,
        "honest": arena.honest_figures(),
        "authors": _authors(arena, texts[named], authors[named], rng),
        "thefts": thefts,
    }


def _authors(arena: Arena, texts: Texts, authors: Texts, rng: np.random.Generator) -> dict[str, object]:
    """How many real authors each contestant would have troubled at 1 % after their first LEAST_PROMPTS prompts."""
    order = np.argsort(authors.astype(str), kind="stable")
    _, starts = np.unique(authors[order].astype(str), return_index=True)
    first = np.concatenate([order[start : start + LEAST_PROMPTS] for start in starts])
    made = arena.test.pool.rows.__class__(None, texts[first], None, None).reshaped(len(starts), LEAST_PROMPTS)
    batch: Batch = arena.test.batch(made, rng)
    return {
        one.name: [int(np.count_nonzero(one.p_values(batch, (LEAST_PROMPTS,))[LEAST_PROMPTS] <= 0.01)), len(starts)]
        for one in arena.known
    }


def _wrapped(forms: Sequence[str]) -> Callable[[Sequence[str], int, np.random.Generator], list[str]]:
    def ask(own: Sequence[str], rows: int, rng: np.random.Generator) -> list[str]:
        return [forms[int(rng.integers(len(forms)))].format(own[int(rng.integers(len(own)))]) for _ in range(rows)]

    return ask


def _harvest(own: Sequence[str], rows: int, rng: np.random.Generator) -> list[str]:
    return [
        ASKING[int(rng.integers(len(ASKING)))].format(int(rng.integers(2, 30)), SUBJECTS[int(rng.integers(len(SUBJECTS)))])
        for _ in range(rows)
    ]


def _plain(own: Sequence[str], rows: int, rng: np.random.Generator) -> list[str]:
    return [own[int(place)] for place in rng.permutation(len(own))[:rows]]


ATTACKERS: Mapping[str, tuple[Callable[[Sequence[str], int, np.random.Generator], list[str]], bool]] = {
    "reasoning": (_wrapped(ELICITING), False),
    "marking": (_wrapped(MARKING), False),
    "templates": (_harvest, False),
    "plain prompts": (_plain, False),
    "mimic": (_plain, True),
}
