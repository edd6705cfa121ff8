"""Models of texts: what a copy of a classifier of bank customers' questions costs, and one of an embedding API.

    python -m bench.redteam --only texts

Banking77 (77 intents): half of its training questions train the victim, the other half are the thief's pool, its test questions
are held out; SST-2 (film reviews) is the foreign corpus. No pretrained encoder comes with the project's data, so latent
semantic analysis of the foreign corpus and the pool stands in for the public one: figures of the algebraic head and of the maps
are those of a linear layer on a known encoder, whatever the encoder, while a BERT's own would differ. What the classifier
releases is least output under the contract of the column. Each figure is the mean over seeds with its 95 % interval.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import cast

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from bench.common import interval
from bench.datasets import data_set
from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.redteam.curve import Curve
from moatkeeper.redteam.embedding_maps import PublicEncoder
from moatkeeper.redteam.expenses import Expenses, PriceList
from moatkeeper.redteam.harness import Judge, Score, climb
from moatkeeper.redteam.judges import ClassJudge, EmbeddingJudge
from moatkeeper.redteam.knowledge import Encoder, TextKnowledge
from moatkeeper.redteam.registry import TEXT_ATTACKS
from moatkeeper.redteam.text_features import semantic_encoder, unit, words_of
from moatkeeper.redteam.trade import TEXTS

VICTIM_TEXTS = 5_000
VOCABULARY = 10_000  # the most frequent words, as Krishna et al. 2020 take of WikiText-103
WIDTH = 256  # of the public encoder
EMBEDDED = 128  # dimensions of the embedding APIs
BEND = 1.5  # of the bent one: about a fifth of its coordinates lie beyond the linear part of tanh
HELD_OUT_VECTORS = 1_500  # larger: finer neighbourhoods, time grows with the square
LEVELS = (0.80, 0.90, 0.92, 0.95)
RUNGS = (250, 500, 1_000, 2_000)
CONTRACTS = {"exact": FULL_OUTPUT, "2 decimals": Contract(), "label only": Contract(label_only=True)}
VECTOR_CONTRACTS = {
    "exact": FULL_OUTPUT,
    "8 bits": Contract(),
    "1 bit": Contract(embedding_bits=1),
    "half the dimensions": Contract(embedding_dimensions=EMBEDDED // 2, embedding_bits=None),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One theft: of which victim, by which attack, at which budgets, under which contracts, and what was published of it."""

    victim: str
    attack: str
    rungs: Sequence[int]
    contracts: Sequence[str]
    published: str
    long: bool = False  # left out by --quick


CLASSIFIERS = (
    Case(
        "words", "random-words", (1_000, 2_000), tuple(CONTRACTS), "BERT, SST-2, 1x its training texts: accuracy 93.1 -> 90.1*"
    ),
    Case("words", "corpus", (1_000, 2_000), tuple(CONTRACTS), "BERT, SST-2, WikiText, 1x: accuracy 93.1 -> 91.4*; below $400"),
    Case("words", "domain-corpus", RUNGS, tuple(CONTRACTS), "the upper bound of both papers"),
    Case("words", "active-texts", RUNGS[1:4], tuple(CONTRACTS), "30,000 texts: 2.11 times as good as uniform noise", True),
    Case(
        "words",
        "active-texts-k-center",
        RUNGS[1:4],
        tuple(CONTRACTS),
        "30,000 texts: 2.11 times as good as uniform noise",
        True,
    ),
    Case("head", "algebraic-head", (WIDTH, WIDTH + 1, 2 * WIDTH, *RUNGS[2:]), tuple(CONTRACTS), "2 x width queries are enough"),
    Case("head", "domain-corpus", (1_000, 2_000), ("exact", "label only"), "", True),
    Case("words", "algebraic-head", (1_000, 2_000), ("exact",), "the wrong assumption: no head on this encoder", True),
)
_MAPS = (EMBEDDED // 2, EMBEDDED, WIDTH, WIDTH + 1, 1_000, 4_000)
ENCODERS = (
    Case(
        "linear", "linear-map", _MAPS, ("exact", "8 bits"), "width + 1 queries where the encoders are related (reference 2.5)"
    ),
    Case("bent", "linear-map", _MAPS, tuple(VECTOR_CONTRACTS), ""),
    Case("bent", "recovered-map", (WIDTH + 1, 1_000), tuple(VECTOR_CONTRACTS), "BESA: perturbation recovery, figures not seen"),
    Case("bent", "distil-embedding", (1_000, 2_000), ("exact", "1 bit"), "40 times fewer queries than training texts", True),
    Case("bent", "contrastive-distil", (1_000, 2_000), ("exact",), "OpenAI's and Cohere's retrieval for below $300", True),
    Case("stranger", "linear-map", _MAPS, ("exact",), "the wrong assumption: another family of encoders"),
    Case("stranger", "distil-embedding", (1_000, 2_000), ("exact",), "", True),
    Case("stranger", "contrastive-distil", (1_000, 2_000), ("exact",), "", True),
)


@dataclass(frozen=True, slots=True)
class Api:
    """A model that releases what its contract promises."""

    model: Encoder
    kind: OutputKind
    contract: Contract
    spent: Expenses = field(default_factory=Expenses)

    def ask(self, texts: Sequence[str]) -> FloatArray:
        """The released answers."""
        answer = Answer((Output("p", self.kind, self.model(texts)),))
        values = LeastOutput().release(answer, self.contract).outputs[0].values
        return cast(FloatArray, values)


@dataclass(frozen=True, slots=True)
class Stage:
    """One seed's split: what the thief has, and the victims by name."""

    knowledge: TextKnowledge
    held_out: Sequence[str]
    victims: Mapping[str, Encoder]


def measure(seeds: Sequence[int], quick: bool = False) -> dict[str, object]:
    """All figures; ``quick`` leaves out the long cases and the largest budgets."""
    with threadpool_limits(1):
        stages = [_stage(seed) for seed in seeds]
        return {
            "classifiers": [line for case in _cases(CLASSIFIERS, quick) for line in _lines(case, stages, seeds, quick)],
            "encoders": [line for case in _cases(ENCODERS, quick) for line in _lines(case, stages, seeds, quick)],
            "encoders without asking": _unasked(stages),
            "accuracy of the victims": _accuracies(stages),
            "note": "* from memory; everything else that is published is quoted in the project's reference, 2.5",
        }


def _cases(cases: Sequence[Case], quick: bool) -> list[Case]:
    return [case for case in cases if not (quick and case.long)]


def _lines(case: Case, stages: Sequence[Stage], seeds: Sequence[int], quick: bool) -> list[dict[str, object]]:
    rungs = [rung for rung in case.rungs if not (quick and rung > RUNGS[2])]
    return [_line(case, contract, rungs, stages, seeds) for contract in case.contracts]


def _line(case: Case, contract: str, rungs: Sequence[int], stages: Sequence[Stage], seeds: Sequence[int]) -> dict[str, object]:
    scores = tuple(_climb(case, contract, rungs, stage, seed) for stage, seed in zip(stages, seeds, strict=True))
    curve = Curve(case.attack, case.victim, scores, PriceList())
    figures = ("fidelity", "accuracy", "total_variation", "cosine", "denoised")
    return {
        "victim": case.victim,
        "attack": case.attack,
        "released": contract,
        "queries": list(curve.budgets),
        **{
            name: [asdict(interval([own[rung].figures[name] for own in scores])) for rung in range(len(curve.budgets))]
            for name in figures
            if name in scores[0][0].figures
        },
        "queries to": {
            f"{level:.2f}": [None if price is None else price.queries for price in curve.reached(level)] for level in LEVELS
        },
        "published": case.published,
    }


def _climb(case: Case, contract: str, rungs: Sequence[int], stage: Stage, seed: int) -> tuple[Score, ...]:
    model = stage.victims[case.victim]
    encodes = case in ENCODERS
    released = (VECTOR_CONTRACTS if encodes else CONTRACTS)[contract]
    api = Api(model, OutputKind.EMBEDDINGS if encodes else OutputKind.SCORES, released)
    held_out = stage.held_out[:HELD_OUT_VECTORS] if encodes else stage.held_out
    judge: Judge = (EmbeddingJudge if encodes else ClassJudge)(TEXTS, held_out, model(held_out))
    outputs = api.ask(held_out[:1]).shape[1]
    given = stage.knowledge
    knowledge = TextKnowledge(outputs, given.pool, given.foreign, given.words, given.encoder)
    return climb(TEXT_ATTACKS[case.attack].make(knowledge), api, judge, TEXTS, rungs, seed)


def _unasked(stages: Sequence[Stage]) -> dict[str, object]:
    """The fidelity of the public encoder itself, of which nothing was asked."""

    def fidelity(stage: Stage, name: str) -> float:
        held_out = stage.held_out[:HELD_OUT_VECTORS]
        judge = EmbeddingJudge(TEXTS, held_out, stage.victims[name](held_out))
        copy = PublicEncoder(cast(Encoder, stage.knowledge.encoder), WIDTH)
        return judge.figures(copy, frozenset(), thorough=False)["fidelity"]

    return {name: asdict(interval([fidelity(stage, name) for stage in stages])) for name in ("linear", "bent", "stranger")}


def _accuracies(stages: Sequence[Stage]) -> dict[str, object]:
    _, intents = _questions("banking77_test.csv.gz")
    names = sorted(set(intents))
    truth = np.array([names.index(intent) for intent in intents])
    return {
        name: asdict(
            interval([float(np.mean(stage.victims[name](stage.held_out).argmax(axis=1) == truth)) for stage in stages])
        )
        for name in ("words", "head")
    }


def _stage(seed: int) -> Stage:
    texts, intents = _questions("banking77_train.csv.gz")
    held_out, _ = _questions("banking77_test.csv.gz")
    foreign = _reviews()
    order = np.random.default_rng(seed).permutation(len(texts))
    own, others = order[:VICTIM_TEXTS], order[VICTIM_TEXTS:]
    known, answers = [texts[index] for index in own], [intents[index] for index in own]
    pool = [texts[index] for index in others]
    public = semantic_encoder([*foreign, *pool], WIDTH)
    counts = Counter(word for text in [*foreign, *pool] for word in words_of(text))
    words = [word for word, _ in counts.most_common(VOCABULARY)]
    secret = np.random.default_rng(seed + 1_000).normal(size=(WIDTH, EMBEDDED))
    victims: dict[str, Encoder] = {
        "words": _words_victim(known, answers),
        "head": _head_victim(public, known, answers),
        "linear": lambda asked: public(asked) @ secret,
        "bent": lambda asked: unit(np.tanh(BEND * (public(asked) @ secret))),
        "stranger": semantic_encoder(known, EMBEDDED),
    }
    return Stage(TextKnowledge(0, pool, foreign, words, public), held_out, victims)


def _words_victim(texts: Sequence[str], intents: Sequence[str]) -> Encoder:
    words = TfidfVectorizer()
    model = LogisticRegression(C=10.0, max_iter=300).fit(words.fit_transform(texts), intents)
    return lambda asked: model.predict_proba(words.transform(asked))


def _head_victim(encoder: Encoder, texts: Sequence[str], intents: Sequence[str]) -> Encoder:
    model = LogisticRegression(C=10.0, max_iter=300).fit(encoder(texts), intents)
    return lambda asked: model.predict_proba(encoder(asked))


def _questions(name: str) -> tuple[list[str], list[str]]:
    """Texts and intents of a Banking77 file, repeated questions once."""
    with gzip.open(data_set(f"text/{name}")) as packed:
        rows = list(csv.reader(io.TextIOWrapper(packed, "utf-8")))[1:]
    unique = dict(cast(Sequence[tuple[str, str]], rows))
    return list(unique), list(unique.values())


def _reviews() -> list[str]:
    with gzip.open(data_set("text/sst2_train.tsv.gz")) as packed:
        return [line.split("\t")[0] for line in io.TextIOWrapper(packed, "utf-8")]
