"""Pictures: CIFAR-10 with a published ResNet-20 for claims, MNIST with a LeNet to tune on; customers who differ, or all alike.

Alike is the literature's ground: every customer draws from the same test set. The network's sub-classifiers for staged hardness
are linear readings of its ten inner stages and its own answer (CIFAR-10), or eleven states of its training (MNIST).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from bench.datasets import data_set
from bench.patterns.arena import Arena, Sizes
from bench.patterns.attackers import Attacker, Theft, active, knockoff, line, mimic, random, redteam, uniform
from bench.patterns.baselines.hoda import SUB_CLASSIFIERS
from bench.patterns.baselines.seat import train_encoder
from bench.patterns.cells import cells_of
from bench.patterns.contestants import Contestant
from bench.patterns.population import REGIONS, Exchanges, Market, Pool, real_gaps
from bench.patterns.product import Moatkeeper
from bench.patterns.published import published
from bench.patterns.spaces import Cached, Scaled
from bench.patterns.tables import Index
from bench.redteam.image_victims import BRIGHTEST, CLASSES, ResNet20, _decoded, _tiny_imagenet
from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.batch import Batch
from moatkeeper.redteam.knowledge import RowKnowledge

Shape = tuple[int, int, int]
LOOKS = (10, 30, 100)
ROWS_AT_ONCE = 256
SHARES = {"tenant": 0.68, "generalist": 0.21, "resender": 0.10, "hard": 0.01}
ALIKE = {"generalist": 1.0}


@dataclass(frozen=True, slots=True)
class Scale:
    """Pictures of each part, accounts, thieves, and passes of the similarity encoder."""

    learn: int
    honest: int
    thief: int
    sizes: Sizes
    cheap: int
    dear: int
    hosts: int
    encoder: int


QUICK = Scale(1_000, 1_200, 500, Sizes(40, 200, 0, 0, looks=LOOKS), 8, 2, 12, 200)
FULL = Scale(3_000, 4_000, 1_000, Sizes(150, 1_500, 0, 0, looks=LOOKS), 40, 6, 24, 1_000)

ATTACKERS = (
    Attacker("jbda", redteam("jbda"), dear=True),
    Attacker("boundary probing", redteam("boundary-probe"), dear=True),
    Attacker("line search", line),
    Attacker("active", active, dear=True),
    Attacker("knockoff", knockoff, decision=False),
    Attacker("uniform", uniform, decision=False),
    Attacker("random", random, decision=False),
    Attacker("mimic", mimic, decision=False, adaptive=True),
)


def cases(*, quick: bool) -> tuple[tuple[str, ...], ...]:
    """Data set, and whether customers differ."""
    if quick:
        return (("cifar10", "alike"), ("cifar10", "different"))
    return (("cifar10", "alike"), ("cifar10", "different"), ("mnist", "different"))


class Stages(nn.Module):
    """The ResNet's pooled inner stages, and its logits."""

    def __init__(self, net: ResNet20) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Ten parts of shape (n, channels), then logits (n, 10)."""
        from bench.redteam.image_victims import MEAN, SPREAD

        standard = (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(SPREAD)[:, None, None]
        at = functional.relu(self.net.bn1(self.net.conv1(standard)))
        found = [at.mean(dim=(2, 3))]
        for block in (*self.net.layer1, *self.net.layer2, *self.net.layer3):
            at = block(at)
            found.append(at.mean(dim=(2, 3)))
        return [*found, self.net.linear(found[-1])]


class Pictures:
    """A victim of flattened pictures with values up to 255."""

    def __init__(self, name: str, seed: int) -> None:
        self.shape: Shape = (3, 32, 32) if name == "cifar10" else (1, 28, 28)
        self._last: tuple[int, FloatArray, Index, FloatArray] | None = None
        if name == "cifar10":
            self.module: nn.Module = _resnet()
            self._probes = _probes(self)
        else:
            self._states = _lenet(seed)
            self.module = self._states[-1]

    def scores(self, rows: FloatArray) -> FloatArray:
        """Shape (n, 10)."""
        return self._all(rows)[0]

    def stages(self, rows: FloatArray) -> Index:
        """Shape (n, SUB_CLASSIFIERS)."""
        return self._all(rows)[1]

    def features(self, rows: FloatArray) -> FloatArray:
        """What the last layer reads, or the logits, shape (n, e)."""
        return self._all(rows)[2]

    def tensor(self, rows: FloatArray) -> torch.Tensor:
        """Pictures in [0, 1]."""
        return torch.as_tensor(rows / BRIGHTEST, dtype=torch.float32).reshape(len(rows), *self.shape)

    def _all(self, rows: FloatArray) -> tuple[FloatArray, Index, FloatArray]:
        key = hash((rows.shape, rows[:: max(1, len(rows) // 16)].tobytes()))
        if self._last is None or self._last[0] != key:
            parts = [self._some(rows[at : at + ROWS_AT_ONCE]) for at in range(0, max(1, len(rows)), ROWS_AT_ONCE)]
            self._last = (key, *(np.concatenate(part) for part in zip(*parts, strict=True)))  # type: ignore[assignment]
        if self._last is None:
            raise RuntimeError("unreachable")
        return self._last[1:]

    def _some(self, rows: FloatArray) -> tuple[FloatArray, Index, FloatArray]:
        images = self.tensor(rows)
        with torch.no_grad():
            if isinstance(self.module, Stages):
                *inner, logits = self.module(images)
                read = [part.numpy() @ weights[:-1] + weights[-1] for part, weights in zip(inner, self._probes, strict=True)]
                said = [one.argmax(axis=1) for one in read] + [logits.argmax(dim=1).numpy()]
                features = inner[-1].numpy()
            else:
                every = [state(images) for state in self._states]
                logits = every[-1]
                said = [one.argmax(dim=1).numpy() for one in every]
                features = logits.numpy()
            scores = functional.softmax(logits.double(), dim=1).numpy()
        return scores, np.stack(said, axis=1).astype(np.int64), features


def _resnet() -> Stages:
    net = ResNet20()
    weights = torch.load(data_set("weights/cifar10jpeg_resnet20_ft2.pt"), weights_only=True)
    net.load_state_dict({name: value.float() if value.is_floating_point() else value for name, value in weights.items()})
    return Stages(net.eval())


def _probes(victim: Pictures, count: int = 2_000) -> list[FloatArray]:
    """Linear readings of each inner stage, learned from training pictures by ridge regression."""
    with np.load(data_set("image/cifar10_jpeg_train.npz")) as file:
        images = _decoded(file["jpeg"], file["offset"], np.arange(count), victim.shape)
        truth = np.eye(CLASSES)[file["y"][:count].astype(np.int64)]
    found: list[list[FloatArray]] = []
    with torch.no_grad():
        for at in range(0, count, ROWS_AT_ONCE):
            found.append([part.numpy() for part in victim.module(victim.tensor(images[at : at + ROWS_AT_ONCE]))[:-1]])
    weights = []
    for stage in zip(*found, strict=True):
        design = np.hstack([np.concatenate(stage), np.ones((count, 1))])
        weights.append(np.linalg.solve(design.T @ design + 1e-3 * count * np.eye(design.shape[1]), design.T @ truth))
    return weights


def _lenet(seed: int, count: int = 12_000) -> list[nn.Module]:
    import copy

    torch.manual_seed(seed)
    with np.load(data_set("image/mnist_train.npz")) as file:
        images = torch.as_tensor(file["x"][:count] / BRIGHTEST, dtype=torch.float32).reshape(-1, 1, 28, 28)
        truth = torch.as_tensor(file["y"][:count].astype(np.int64))
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 84), nn.ReLU(), nn.Linear(84, CLASSES),
    )  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    states: list[nn.Module] = []
    for _ in range(SUB_CLASSIFIERS):
        for chosen in torch.randperm(count)[: count // 3].split(64):
            optimiser.zero_grad()
            functional.cross_entropy(net(images[chosen]), truth[chosen]).backward()
            optimiser.step()
        states.append(copy.deepcopy(net).eval())
    return states


def measure(
    name: str, who: str, *, seed: int, quick: bool, contestants: Sequence[Contestant] | None = None
) -> dict[str, object]:
    """All figures of one data set and one kind of customers."""
    scale = QUICK if quick else FULL
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 0])
    victim = Pictures(name, seed)
    parts, judge, truth = _parts(name, victim.shape, (scale.learn, scale.learn // 2, scale.honest, scale.thief, 600), rng)
    accuracy = float(np.mean(victim.scores(judge).argmax(axis=1) == truth))
    fit, show, test = _markets(victim, parts[:3], SHARES if who == "different" else ALIKE)
    whole = np.ones(parts[3].shape[1], dtype=np.bool_)
    zeros = np.zeros(parts[3].shape[1])
    foreign = _tiny_imagenet(victim.shape)[: scale.thief]
    knowledge = RowKnowledge(CLASSES, parts[3], zeros, zeros + BRIGHTEST, whole, foreign, victim.shape)
    theft = Theft(victim, knowledge, test, foreign)
    if contestants is None:
        contestants = (Moatkeeper(), *_baselines(victim, parts[0][: scale.encoder]))
    arena = Arena(fit, show, test, scale.sizes, seed, contestants)
    arena.prepare()
    thefts = {}
    for attacker in ATTACKERS:
        chance = np.random.default_rng([seed, 7, *attacker.name.encode()])
        thieves = scale.dear if attacker.dear else scale.cheap
        rows = 300 if attacker.name == "jbda" else max(LOOKS)  # its first hundred are pictures of its own
        asked = attacker.ask(theft, thieves, rows, chance)[:, -max(LOOKS) :]
        flat = asked.reshape(-1, asked.shape[2])
        answered = Exchanges(flat, None, victim.scores(flat), victim.stages(flat)).reshaped(thieves, max(LOOKS))
        found = cells_of(arena, test, answered, answered, scale.hosts, chance)
        thefts[attacker.name] = {"decision": attacker.decision, "adaptive": attacker.adaptive, **found}
    return {
        "data": name,
        "role": "claims" if name == "cifar10" else "tuning",
        "customers": who,
        "accuracy": accuracy,
        "seed": seed,
        "honest": arena.honest_figures(),
        "thefts": thefts,
    }


def _parts(
    name: str, shape: Shape, counts: tuple[int, ...], rng: np.random.Generator
) -> tuple[list[FloatArray], FloatArray, Index]:
    """Pictures that the victim never saw: for contestants, customers and thieves; and others with their classes."""
    if name == "cifar10":
        with np.load(data_set("image/cifar10_jpeg_test.npz")) as file:
            order = rng.permutation(len(file["y"]))[: sum(counts)]
            images, labels = _decoded(file["jpeg"], file["offset"], order, shape), file["y"][order].astype(np.int64)
    else:
        with np.load(data_set("image/mnist_train.npz")) as file:
            order = 20_000 + rng.permutation(30_000)[: sum(counts)]
            images, labels = file["x"][order].reshape(len(order), -1).astype(np.float64), file["y"][order].astype(np.int64)
    cuts = np.cumsum(counts)[:-1]
    *parts, judge = np.split(images, cuts)
    return parts, judge, labels[cuts[-1] :]


def _markets(victim: Pictures, parts: Sequence[FloatArray], shares: dict[str, float]) -> tuple[Market, ...]:
    from sklearn.cluster import MiniBatchKMeans

    features = victim.features(parts[0])
    cells = MiniBatchKMeans(REGIONS, random_state=0, n_init=1).fit(features)
    gaps, none = real_gaps(), np.empty((0, 0), dtype=np.int64)
    made = []
    for rows in parts:
        region = cells.predict(victim.features(rows)).astype(np.int64)
        answered = Exchanges(rows, None, victim.scores(rows), victim.stages(rows))
        made.append(Market(Pool(answered, region, none), gaps, shares=dict(shares)))
    return tuple(made)


def _baselines(victim: Pictures, images: FloatArray) -> tuple[Contestant, ...]:
    """The published detectors: PRADA on pixels, the MMD on the victim's features, SEAT on an encoder of its own."""
    classifier: nn.Module
    if isinstance(victim.module, Stages):
        net, classifier = _resnet().net, _resnet().net
        net.linear = nn.Linear(64, 64)
        body: nn.Module = net
    else:
        import copy

        body, classifier = copy.deepcopy(victim.module), victim.module
    for weights in classifier.parameters():
        weights.requires_grad_(False)
    body.train()
    train_encoder(classifier, body, victim.tensor(images), passes=1)

    def similar(rows: FloatArray) -> FloatArray:
        with torch.no_grad():
            parts = [body(victim.tensor(rows[at : at + ROWS_AT_ONCE])).numpy() for at in range(0, len(rows), ROWS_AT_ONCE)]
        return np.concatenate(parts)

    features, encoder = Cached(victim.features), Cached(similar)

    def space(honest: Batch) -> Cached:
        return features

    return (*published(lambda honest: Scaled(BRIGHTEST), lambda honest: encoder)[:-1], published(space)[-1])
