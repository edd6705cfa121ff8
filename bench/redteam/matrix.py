"""What each output defence is worth against a thief who knows it: fidelity of copies, defence by tactic, over several seeds.

    python -m bench.redteam --only matrix

Victim: a network of one hidden layer on MNIST, averaged to 14 x 14 pixels. Thief: the same architecture, 5,000 paid questions
from rows like the customers' (``in``) or from grey CIFAR-10 photographs (``out``). Every cell is the copy's agreement with the
victim on 5,000 held-out digits. The tactics are those of the product's red team; the thief knows the defence's code, not its
secret. Repeats are paid: "repeat x8" has 625 distinct questions, and the columns with "budget x8" eight times the budget.
"best" is the tactic with the best mean within the budget, chosen on the figures that it is reported by.

What differs from the reference (Fashion-MNIST, one seed): an easier data set, so all figures are higher and closer together;
foreign rows are photographs rather than digits; MAD's random network is unknown to the thief; ModelGuard-W is solved exactly
without a solver for linear programmes; the table steps from its best guesses; a learned restorer is added.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from bench.common import interval
from bench.datasets import data_set
from bench.redteam.defences import Deployed, defences
from bench.redteam.imitate import Imitate, Network, train
from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.adaptive.base import Tactic, wrap
from moatkeeper.redteam.adaptive.invert_learned import InvertLearned
from moatkeeper.redteam.adaptive.invert_table import InvertTable
from moatkeeper.redteam.adaptive.jitter import Jitter
from moatkeeper.redteam.adaptive.labels import Labels
from moatkeeper.redteam.adaptive.repeat import Repeat
from moatkeeper.redteam.expenses import Expenses
from moatkeeper.redteam.knowledge import RowKnowledge, knowledge_of
from moatkeeper.redteam.trade import ROWS

SEEDS = (1, 2, 3, 4, 5)
BUDGET = 5_000
HELD_OUT = 5_000
TRAINING = 20_000  # rows of the victim
VICTIM_EPOCHS, THIEF_EPOCHS = 8, 20
DRAWS = 16  # guesses an answer and round of the table
PAIRS = 10_000  # of the restorer
TIMES = 8
SINGLE = 200  # answers whose release is timed one by one
CLASSES = 10
TACTICS = ("naive", "labels", "invert-table", "invert-learned", "repeat x8", "repeat x8, budget x8", "jitter x8, budget x8")
POOLS = ("in", "out")
REFERENCE: Mapping[str, tuple[float | None, ...]] = {
    "none": (0.923, 0.903, 0.923, None, 0.498, 0.316, 0.415),
    "round 3": (0.923, 0.903, 0.922, None, 0.500, 0.331, 0.455),
    "round 1": (0.921, 0.903, 0.923, None, 0.454, 0.330, 0.380),
    "top 1": (0.903, 0.903, 0.908, None, 0.316, 0.316, 0.351),
    "top 3": (0.921, 0.903, 0.923, None, 0.462, 0.316, 0.425),
    "reverse sigmoid": (0.879, 0.901, 0.903, None, 0.282, 0.302, 0.445),
    "MAD-argmax": (0.911, 0.903, 0.918, None, 0.340, 0.316, 0.385),
    "ModelGuard-W": (0.610, 0.903, 0.902, None, 0.216, 0.316, 0.402),
    "ModelGuard-S": (0.902, 0.903, 0.908, None, 0.364, 0.316, 0.403),
    "Gaussian fresh": (0.901, 0.899, 0.898, 0.916, 0.419, 0.364, 0.271),
    "Gaussian keyed": (0.903, 0.897, 0.904, 0.903, 0.284, 0.318, 0.300),
}
"""The project's earlier single-seed run on Fashion-MNIST, whose foreign rows were MNIST digits: naive, labels, inverse and
repeats at eight times the budget for ``in``; naive, labels, inverse for ``out``. Another data set: compare patterns."""


class Split(NamedTuple):
    """One seed's victim and rows."""

    victim: Network
    held_out: FloatArray
    pools: Mapping[str, FloatArray]
    accuracy: float


class Guarded:
    """The victim behind one defence, as a thief meets it."""

    spent = Expenses()

    def __init__(self, victim: Network, defence: Deployed) -> None:
        self._victim = victim
        self._defence = defence

    def ask(self, rows: FloatArray) -> FloatArray:
        """What goes out for these rows."""
        return self._defence.release(rows, self._victim.scores(rows)) if len(rows) else np.empty((0, 0))


def measure(seeds: Sequence[int] = SEEDS, *, quick: bool = False) -> dict[str, object]:
    """Every cell with its interval over ``seeds`` (the first only where ``quick``), and what customers notice."""
    seeds = seeds[:1] if quick else seeds
    digits, labels, photographs = _digits(), _labels(), _photographs()
    cells: dict[tuple[str, str, str], list[float]] = {}
    costs: dict[tuple[str, str], list[float]] = {}
    accuracies = []
    began = time.perf_counter()
    with threadpool_limits(1):
        for seed in seeds:
            parts = _split(digits, labels, photographs, seed)
            accuracies.append(parts.accuracy)
            for name, defence in defences(seed, digits.shape[1]).items():
                for figure, value in _honest(parts, defence).items():
                    costs.setdefault((name, figure), []).append(value)
            for pool in POOLS:
                for (name, tactic), fidelity in _thefts(parts, pool, seed).items():
                    cells.setdefault((name, pool, tactic), []).append(fidelity)
    return {
        "seeds": list(seeds),
        "budget": BUDGET,
        "victim_accuracy": interval(accuracies),
        "rows": [_row(name, cells, costs) for name in defences(0, 1)],
        "reference_one_seed_fashion_mnist": REFERENCE,
        "seconds": round(time.perf_counter() - began, 1),
    }


def _row(
    name: str, cells: Mapping[tuple[str, str, str], list[float]], costs: Mapping[tuple[str, str], list[float]]
) -> dict[str, object]:
    row: dict[str, object] = {"defence": name}
    row |= {figure: interval(values) for (other, figure), values in costs.items() if other == name}
    for pool in POOLS:
        found = {tactic: interval(cells[name, pool, tactic]) for tactic in TACTICS if (name, pool, tactic) in cells}
        within = {tactic: cell for tactic, cell in found.items() if "budget" not in tactic}
        best = max(within, key=lambda tactic: within[tactic].mean)
        row[pool] = found | {"best": found[best], "best_tactic": best}
    return row


def _thefts(parts: Split, pool: str, seed: int) -> dict[tuple[str, str], float]:
    """The fidelity of every copy that one seed's thief makes from one pool."""
    knowledge = knowledge_of(parts.pools[pool], CLASSES)
    attack = Imitate(knowledge, THIEF_EPOCHS)
    truth = parts.victim.scores(parts.held_out).argmax(axis=1)
    found = {}
    for name in defences(seed, 1):
        for tactic in TACTICS:
            defence = defences(seed, parts.held_out.shape[1])[name]  # a new deployment: no thief profits from another
            if "budget" in tactic and not name.startswith("Gaussian"):
                continue  # the answers are the same each time
            around = wrap(attack, _tactics(tactic, knowledge, defence))
            budget = BUDGET * TIMES if "budget" in tactic else BUDGET
            loot = around.run(Guarded(parts.victim, defence), budget, np.random.default_rng(seed))
            found[name, tactic] = float(np.mean(loot.surrogate.scores(parts.held_out).argmax(axis=1) == truth))
    return found


def _tactics(name: str, knowledge: RowKnowledge, defence: Deployed) -> list[Tactic[FloatArray]]:
    if name == "naive":
        return []
    if name == "labels":
        return [Labels()]
    if name == "invert-table":
        return [InvertTable(ROWS, defence.known, DRAWS)]
    if name == "invert-learned":
        return [InvertLearned(ROWS, defence.known, PAIRS)]
    return [Jitter(knowledge, TIMES)] if name.startswith("jitter") else [Repeat(ROWS, TIMES)]


def _honest(parts: Split, defence: Deployed) -> dict[str, float]:
    """What a customer notices: labels changed, mean L1 distance, and milliseconds to release one answer (median)."""
    rows = parts.held_out[:2_000]
    true = parts.victim.scores(rows)
    released = defence.release(rows, true)
    took = []
    for index in range(SINGLE):
        began = time.perf_counter()
        defence.release(rows[index : index + 1], true[index : index + 1])
        took.append(time.perf_counter() - began)
    return {
        "labels_changed": float(np.mean(released.argmax(axis=1) != true.argmax(axis=1))),
        "l1": float(np.abs(released - true).sum(axis=1).mean()),
        "ms": 1_000 * float(np.median(took)),
    }


def _split(digits: FloatArray, labels: np.ndarray, photographs: FloatArray, seed: int) -> Split:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(digits))
    own, thief = order[:TRAINING], order[TRAINING : TRAINING + BUDGET]
    held_out = order[TRAINING + BUDGET : TRAINING + BUDGET + HELD_OUT]
    victim = train(digits[own], np.eye(CLASSES)[labels[own]], VICTIM_EPOCHS, rng)
    accuracy = float(np.mean(victim.scores(digits[held_out]).argmax(axis=1) == labels[held_out]))
    foreign = photographs[rng.permutation(len(photographs))[:BUDGET]]
    return Split(victim, digits[held_out], {"in": digits[thief], "out": foreign}, accuracy)


def _digits() -> FloatArray:
    return _halved(np.load(data_set("image/mnist_train.npz"))["x"])


def _labels() -> np.ndarray:
    return np.asarray(np.load(data_set("image/mnist_train.npz"))["y"], dtype=np.int64)


def _photographs() -> FloatArray:
    from PIL import Image

    stored = np.load(data_set("image/cifar10_jpeg_test.npz"))
    data, offsets = stored["jpeg"].tobytes(), stored["offset"]
    grey = [
        np.asarray(Image.open(io.BytesIO(data[start:end])).convert("L"))[2:30, 2:30]
        for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    ]
    return _halved(np.array(grey))


def _halved(images: np.ndarray) -> FloatArray:
    """Flattened rows in [0, 1], each the mean of 2 x 2 pixels."""
    count, height, width = images.shape
    small: FloatArray = images.reshape(count, height // 2, 2, width // 2, 2).mean(axis=(2, 4)).reshape(count, -1) / 255.0
    return small
