"""IBM's Adversarial Robustness Toolbox (ART) as a thief: its extraction attacks against any victim of rows, guarded or not.

The attacks are ART's own code (Correia-Silva et al. 2018, CopycatCNN; Orekondy et al. 2019, KnockoffNets); ours is the victim,
wrapped as ART's black box. Deviations:

- The thieved model is ART's PyTorchClassifier over a small perceptron, whatever the victim is.
- An answer that a thief has is not bought twice, though ART would ask again; and where the victim refuses, the attack is
  repeated over the answers that are there.
- KnockoffNets' adaptive form wants labels of the pool: clusters of it stand in for them. It is rewarded by its loss alone,
  because ART's sum of rewards divides by zero where the answers are labels.
- What a victim shows is decided by the guard and never by ART, whose post-processor ClassLabels answers several classes at
  once for a batch of several rows (its pull request 2824).

ART's third extraction attack, FunctionallyEquivalentExtraction (Jagielski et al. 2020), is not offered. It applies to the exact
logits of a network of two layers whose width is told; on 14 such networks of 3 or 4 neurons, with 20,000 to 50,000 questions
each, its search for critical points did not come to an end, or to as many points as there were neurons.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra, MoatkeeperError
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.cards import Modality, RowCard
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.linear import Constant

HIDDEN = 64  # units of the thieved perceptron's two layers; larger: learns more, from more answers
EPOCHS = 60  # ART's default is 10, which leaves a copy of a few hundred rows far from trained
BATCH = 32
RATE = 3e-3
CLUSTERS = 10  # stand-ins for the labels that the adaptive KnockoffNets draws its rows by
QUERIES_AT_ONCE = 50


class _Estimator(Protocol):
    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]: ...


class _Refused(MoatkeeperError):
    """The victim says no more; unwinds ART's own code."""


@dataclass(frozen=True, slots=True)
class Thieved:
    """A copy that ART trained; its logits as probabilities."""

    estimator: _Estimator

    def scores(self, rows: FloatArray) -> FloatArray:
        """Class probabilities, shape (n, k), rows summing to 1."""
        logits = np.asarray(self.estimator.predict(rows.astype(np.float32)), dtype=np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


class _Asked:
    """A victim as the function that ART wants, with a record of its answers."""

    def __init__(self, victim: RowVictim, budget: int) -> None:
        self._victim = victim
        self._budget = budget
        self.answers: dict[bytes, FloatArray] = {}

    def __call__(self, rows: npt.NDArray[np.floating]) -> FloatArray:
        wanted = [row.tobytes() for row in rows]
        places = {key: index for index, key in reversed(list(enumerate(wanted))) if key not in self.answers}
        new = sorted(places.values())[: max(0, self._budget - len(self.answers))]
        if new:
            answered = self._victim.ask(rows[new].astype(np.float64))
            self.answers.update((wanted[index], answer) for index, answer in zip(new, answered, strict=False))
        if any(key not in self.answers for key in wanted):
            raise _Refused("the victim refused, or the budget is spent")
        return np.array([self.answers[key] for key in wanted])


def black_box(victim: RowVictim, columns: int, outputs: int, budget: int) -> object:
    """A victim as ART's BlackBoxClassifier, for any attack of ART's that takes one; it asks at most ``budget`` rows."""
    return _black_box(_Asked(victim, budget), columns, outputs)


def _black_box(asked: _Asked, columns: int, outputs: int) -> object:
    return _art("estimators.classification").BlackBoxClassifier(asked, input_shape=(columns,), nb_classes=outputs)


class _ArtAttack:
    """What ART's attacks on pools of rows have in common."""

    name = ""
    _clustered = False

    def __init__(self, knowledge: RowKnowledge) -> None:
        foreign = knowledge.foreign
        self._pool = (knowledge.pool if len(knowledge.pool) else foreign).astype(np.float32)
        self._outputs = knowledge.outputs

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """The copy that ART makes of at most ``budget`` answers, no more of them than the pool has rows."""
        seed = int(rng.integers(2**31))
        asked = _Asked(victim, budget)
        stolen = self._steal(asked, min(budget, len(self._pool)), seed)
        if stolen is None and asked.answers:
            # ART draws the same rows from the same seed, so all that it asks now was answered before.
            stolen = self._steal(asked, len(asked.answers), seed)
        if stolen is None:
            return Loot(Constant((1.0, *([0.0] * (self._outputs - 1)))))
        return Loot(Thieved(stolen))

    def _steal(self, asked: _Asked, queries: int, seed: int) -> _Estimator | None:
        """ART's copy; None where the victim answered less than that."""
        victim = _black_box(asked, self._pool.shape[1], self._outputs)
        with _seeded(seed):
            thieved = _perceptron(self._pool, self._outputs)
            labels = _clusters(self._pool) if self._clustered else None
            try:
                return cast(_Estimator, self._attack(victim, queries).extract(self._pool, labels, thieved_classifier=thieved))
            except _Refused:
                return None

    def _attack(self, victim: object, queries: int) -> _Extraction:
        raise NotImplementedError


class _Extraction(Protocol):
    def extract(self, x: object, y: object, *, thieved_classifier: object) -> object: ...


class ArtCopycat(_ArtAttack):
    """CopycatCNN: decisions on random rows of the pool."""

    name = "art-copycat"

    def _attack(self, victim: object, queries: int) -> _Extraction:
        made = _art("attacks.extraction").CopycatCNN(
            victim, batch_size_fit=BATCH, batch_size_query=QUERIES_AT_ONCE, nb_epochs=EPOCHS, nb_stolen=queries
        )
        return cast(_Extraction, made)


class ArtKnockoff(_ArtAttack):
    """KnockoffNets, random: scores of random rows of the pool."""

    name = "art-knockoff"
    _strategy = "random"

    def _attack(self, victim: object, queries: int) -> _Extraction:
        made = _art("attacks.extraction").KnockoffNets(
            victim,
            batch_size_fit=BATCH,
            batch_size_query=QUERIES_AT_ONCE,
            nb_epochs=EPOCHS,
            nb_stolen=queries,
            sampling_strategy=self._strategy,
            reward="loss",
            verbose=False,
            use_probability=True,
        )
        return cast(_Extraction, made)


class ArtKnockoffAdaptive(ArtKnockoff):
    """KnockoffNets, adaptive: a bandit over groups of the pool's rows, row by row."""

    name = "art-knockoff-adaptive"
    _strategy = "adaptive"
    _clustered = True


def _perceptron(pool: npt.NDArray[np.float32], outputs: int) -> object:
    torch = _torch()
    nn, deviation = torch.nn, pool.std(axis=0)
    layers = [nn.Linear(pool.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs)]
    model = nn.Sequential(*layers)
    return _art("estimators.classification").PyTorchClassifier(
        model,
        loss=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=RATE),
        input_shape=(pool.shape[1],),
        nb_classes=outputs,
        preprocessing=(pool.mean(axis=0), np.where(deviation > 0, deviation, np.float32(1.0))),
        device_type="cpu",
    )


def _clusters(pool: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Groups of the pool's rows, numbered without a gap, shape (m,)."""
    cluster = _imported("sklearn.cluster")
    groups = cluster.KMeans(min(CLUSTERS, len(pool)), n_init=1, random_state=0).fit_predict(pool)
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """ART draws from the global generators of numpy and torch: seeded here, and put back as they were."""
    torch = _torch()
    before = np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]), np.errstate(all="ignore"):
            np.random.seed(seed)
            torch.manual_seed(seed)
            yield
    finally:
        np.random.set_state(before)


def _art(name: str) -> ModuleType:
    return _imported(f"art.{name}")


def _torch() -> ModuleType:
    torch = _imported("torch")
    torch.set_num_threads(1)
    return torch


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra(f"attacks of ART need {name.split('.')[0]}", hint="pip install 'moatkeeper[art]'") from error


ART_ATTACKS: dict[str, RowCard] = {
    attack.name: RowCard(attack.name, Modality.TABULAR, "rows of any population; IBM ART", source, attack)
    for attack, source in (
        (ArtCopycat, "ART; Correia-Silva et al. 2018"),
        (ArtKnockoff, "ART; Orekondy et al. 2019, random"),
        (ArtKnockoffAdaptive, "ART; Orekondy et al. 2019, adaptive"),
    )
}
"""ART's attacks that need no more than the others' knowledge. They are no part of the registry: they want ART installed."""
