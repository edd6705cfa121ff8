"""Texts: three corpora of claims, and one to tune on; customers who differ, or all alike."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.patterns.arena import Arena, Sizes
from bench.patterns.cells import cells_of
from bench.patterns.contestants import Contestant
from bench.patterns.corpora import CLAIMS, CORPORA, Classifier, Texts, texts_of
from bench.patterns.population import REGIONS, Exchanges, Market, Pool, real_gaps
from bench.patterns.product import Moatkeeper
from bench.patterns.published import published
from bench.patterns.spaces import Space, Words
from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import TextKnowledge
from moatkeeper.redteam.meter import Meter, Purchases
from moatkeeper.redteam.registry import TEXT_ATTACKS
from moatkeeper.redteam.trade import TEXTS

LOOKS = (4, 10, 30, 100)
SIZES = {True: Sizes(200, 300, 0, 0, looks=LOOKS), False: Sizes(600, 1_500, 0, 0, looks=LOOKS)}
THIEVES = {True: 6, False: 20}
ALIKE = {"generalist": 1.0}
HOSTS = {True: 12, False: 40}
SHARES = {"tenant": 0.68, "generalist": 0.21, "resender": 0.10, "hard": 0.01}
"""Nobody changes one field of a text; the others as for tables."""

PARTS = np.array([0.3, 0.48, 0.63, 0.83, 0.94])
"""Where the texts are cut: the model's, two parts that contestants learn from, customers', thieves', the judge's."""

TEMPLATES = (
    "Please explain in detail what I should do about {}",
    "What is the right category for a message about {}?",
    "Write a short statement about {} and classify it",
    "I would like to know more about {} please",
)


def cases(*, quick: bool) -> tuple[tuple[str, ...], ...]:
    """The corpora."""
    if quick:
        return (("banking77", "different"),)
    return (*((name, "different") for name in CORPORA), ("sst2", "alike"), ("agnews", "alike"))


@dataclass(frozen=True, slots=True)
class Theft:
    """A thief of a classifier of texts."""

    model: Classifier
    knowledge: TextKnowledge
    market: Market

    def recorded(self, name: str, rows: int, rng: np.random.Generator) -> list[str]:
        """What an attack of the red team asks."""
        recorder = Recorder(self.model)
        meter = Meter(recorder, rows, TEXTS, Purchases())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            TEXT_ATTACKS[name].make(self.knowledge).run(meter, rows, np.random.default_rng(rng.integers(2**31)))
        return [recorder.asked[place % len(recorder.asked)] for place in range(rows)]


class Recorder:
    """A victim that takes down what it is asked."""

    spent = Expenses()

    def __init__(self, model: Classifier) -> None:
        self._model = model
        self.asked: list[str] = []

    def ask(self, texts: Sequence[str]) -> FloatArray:
        """The victim's answers."""
        self.asked += list(texts)
        return self._model.scores(list(texts)) if texts else np.empty((0, 0))


def measure(
    name: str, who: str, *, seed: int, quick: bool, contestants: Sequence[Contestant] | None = None
) -> dict[str, object]:
    """All figures of one corpus and one kind of customers."""
    rng = np.random.default_rng([seed, 0])
    texts, labels = CORPORA[name]()
    order = rng.permutation(len(texts))
    own, learn, other, honest, thief, judge = np.split(order, (PARTS * len(order)).astype(int))
    model = Classifier(texts[own], labels[own])
    accuracy = float(np.mean(model.scores(texts[judge].tolist()).argmax(axis=1) == labels[judge]))
    shares = SHARES if who == "different" else ALIKE
    fit, show, test = markets_of((texts[learn], texts[other], texts[honest]), model, texts[own], shares)
    foreign, _ = CORPORA["agnews" if name != "agnews" else "sst2"]()
    knowledge = TextKnowledge(int(labels.max()) + 1, texts[thief].tolist(), foreign[:2_000].tolist())
    theft = Theft(model, knowledge, test)
    arena = Arena(
        fit, show, test, SIZES[quick], seed, (Moatkeeper(), *word_baselines()) if contestants is None else contestants
    )
    arena.prepare()
    thefts = {}
    for attacker, (ask, decision, adaptive) in ATTACKERS.items():
        chance = np.random.default_rng([seed, 7, *attacker.encode()])
        asked = texts_of([text for _ in range(THIEVES[quick]) for text in ask(theft, max(LOOKS), chance)])
        answered = answer(model, asked).reshaped(THIEVES[quick], max(LOOKS))
        found = cells_of(arena, test, answered, answered, HOSTS[quick], chance)
        copies = {look: _copy(model, asked[:look], texts[judge]) for look in LOOKS}
        thefts[attacker] = {"decision": decision, "adaptive": adaptive, "copies": copies, **found}
    return {
        "data": name,
        "role": "claims" if name in CLAIMS else "tuning",
        "customers": who,
        "victim": "TF-IDF and logistic regression",
        "accuracy": accuracy,
        "seed": seed,
        "honest": arena.honest_figures(),
        "thefts": thefts,
    }


def word_baselines() -> tuple[Contestant, ...]:
    """The published detectors, sharing one space so that it is learned once."""
    known: dict[int, Space] = {}

    def space(honest: Batch) -> Space:
        if id(honest) not in known:
            known[id(honest)] = Words(honest)
        return known[id(honest)]

    return published(space, space)


def markets_of(parts: Sequence[Texts], model: Classifier | None, learnt: Texts, shares: dict[str, float]) -> tuple[Market, ...]:
    """A market for each part of the texts, with the same regions, which are found in ``learnt``."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer

    steps = make_pipeline(TfidfVectorizer(min_df=2, stop_words="english"), TruncatedSVD(32, random_state=0), Normalizer())
    points = steps.fit_transform(learnt.tolist())
    regions = KMeans(REGIONS, n_init=2, random_state=0).fit(points)
    gaps = real_gaps()
    none = np.empty((0, 0), dtype=np.int64)
    made = []
    for texts in parts:
        region = regions.predict(steps.transform(texts.tolist())).astype(np.int64)
        made.append(Market(Pool(answer(model, texts), region, none), gaps, shares=dict(shares)))
    return tuple(made)


def answer(model: Classifier | None, texts: Texts) -> Exchanges:
    """Texts with the model's answers, if it is a classifier."""
    return Exchanges(None, texts, None if model is None else model.scores(texts.tolist()), None)


def _copy(model: Classifier, asked: Texts, judge: Texts) -> float:
    """How often a copy trained on the answers says what the model says."""
    truth = model.scores(judge.tolist()).argmax(axis=1)
    labels = model.scores(asked.tolist()).argmax(axis=1)
    if len(np.unique(labels)) == 1:
        return float(np.mean(truth == labels[0]))
    return float(np.mean(Classifier(asked, labels).model_labels(judge.tolist()) == truth))


def _probe(theft: Theft, rows: int, rng: np.random.Generator) -> list[str]:
    """Leaves out or replaces a word at a time until the answer changes: what attacks on texts ask."""
    pool = list(theft.knowledge.pool)
    asked: list[str] = []
    while len(asked) < rows:
        words = pool[int(rng.integers(len(pool)))].split()
        base = theft.model.scores([" ".join(words)]).argmax()
        asked.append(" ".join(words))
        for place in rng.permutation(len(words))[:20].tolist():
            other = pool[int(rng.integers(len(pool)))].split()
            words[place] = other[int(rng.integers(len(other)))] if other else ""
            asked.append(" ".join(words))
            if theft.model.scores([asked[-1]]).argmax() != base:
                break
    return asked[:rows]


def _templates(theft: Theft, rows: int, rng: np.random.Generator) -> list[str]:
    """Many subjects in few templates."""
    subjects = [word for text in theft.knowledge.pool for word in text.lower().split() if len(word) > 4]
    return [
        TEMPLATES[int(rng.integers(len(TEMPLATES)))].format(
            " ".join(subjects[int(rng.integers(len(subjects)))] for _ in range(2))
        )
        for _ in range(rows)
    ]


def _mimic(theft: Theft, rows: int, rng: np.random.Generator) -> list[str]:
    asked = theft.market.customers(1, rows, rng).texts
    return [] if asked is None else [str(text) for text in asked[0]]


Ask = Callable[[Theft, int, np.random.Generator], list[str]]


def _redteam(name: str) -> Ask:
    return lambda theft, rows, rng: theft.recorded(name, rows, rng)


ATTACKERS: Mapping[str, tuple[Ask, bool, bool]] = {
    "random words": (_redteam("random-words"), False, False),
    "foreign corpus": (_redteam("corpus"), False, False),
    "domain corpus": (_redteam("domain-corpus"), False, False),
    "active": (_redteam("active-texts"), True, False),
    "spread": (_redteam("active-texts-k-center"), True, False),
    "word probing": (_probe, True, False),
    "templates": (_templates, False, False),
    "mimic": (_mimic, False, True),
}
"""How a thief asks, whether for decisions, and whether he knows the detectors."""
