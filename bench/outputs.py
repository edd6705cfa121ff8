"""What least output costs an honest customer, and what it costs a thief: measured, not promised.

    python -m bench.outputs            prints the tables and writes bench/results/outputs.json
    python -m bench.outputs --docs     also puts the tables into docs/concepts/outputs.md

The customer sends held-out rows. The thief (Tramer et al. 2016, sections 4 and 6) copies a multinomial logistic regression
from n answers: by least squares on log-ratios, which needs d + 1 exact answers, and by maximum likelihood on the answers as
soft labels under several ridges; the best of them on the measured inputs counts, which favours the thief. Deviation from
the paper: least squares on log-ratios in place of a solver for one equation a class. The thief queries inputs uniform over
the range of the features, or rows like the customers', which no detector can tell from theirs.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler
from threadpoolctl import threadpool_limits

from bench.common import ROOT, Interval, interval, write_result
from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.outputs.least import LeastOutput

SEEDS = (1, 2, 3, 4, 5)
UNIFORM_ROWS = 5_000  # inputs on which agreement is measured beside the held-out rows
BUDGETS = (1, 4, 20)  # times d + 1 queries
STEPS = 200  # of L-BFGS at the most
RIDGES = (1e-7, 1e-5, 1e-4, 1e-3)  # larger: weights nearer to zero, better with few or coarse answers
DATA = {"digits": load_digits, "breast cancer": load_breast_cancer, "wine": load_wine}
CONTRACTS = {
    "exact": FULL_OUTPUT,
    "4 decimals": Contract(decimals=4),
    "2 decimals (default)": Contract(),
    "1 decimal": Contract(decimals=1),
    "2 decimals, top 1": Contract(top_k=1),
    "label only": Contract(label_only=True),
}
THEFTS = ("exact", "2 decimals (default)", "label only")
DOCS = ROOT / "docs" / "concepts" / "outputs.md"


class Split(NamedTuple):
    """One shuffle of a data set, scaled to [0, 1]: a third trains the victim, a third is the thief's, a third is held out."""

    train: FloatArray
    labels: FloatArray
    thief: FloatArray
    held_out: FloatArray


@dataclass(frozen=True, slots=True)
class Copy:
    """A linear surrogate: scores are ``rows @ weights + bias``."""

    weights: FloatArray
    bias: FloatArray

    def predict(self, rows: FloatArray) -> FloatArray:
        """The class of each row."""
        labels: FloatArray = (rows @ self.weights + self.bias).argmax(axis=1)
        return labels


def main() -> None:
    """Measures, prints, and writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", action="store_true", help="put the tables into docs/concepts/outputs.md")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")  # the network stops at its iterations
    with threadpool_limits(1):  # small matrices: a second thread costs more than it does
        honest, thefts = measure_customers(), measure_thieves()
    figures = {"customers": honest, "thieves": thefts, "uniform_rows": UNIFORM_ROWS}
    path = write_result("outputs", figures, seeds=SEEDS, packages=("scikit-learn", "scipy"))
    tables = f"{customer_table(honest)}\n\n{thief_table(thefts)}\n"
    print(tables)
    print(f"written: {path.name}")
    if arguments.docs:
        put_between_marks(DOCS, tables)


def released(rows: FloatArray, contract: Contract) -> FloatArray:
    """What the policy lets out of an answer of class probabilities."""
    values = LeastOutput().release(Answer((Output("p", OutputKind.SCORES, rows),)), contract).outputs[0].values
    return rows if values is None else values


def split(name: str, seed: int) -> Split:
    """The data set ``name`` shuffled by ``seed``."""
    rows, labels = DATA[name](return_X_y=True)
    rest, held_out, rest_labels, _ = train_test_split(rows, labels, test_size=1 / 3, random_state=seed, stratify=labels)
    train, thief, known, _ = train_test_split(rest, rest_labels, test_size=1 / 2, random_state=seed, stratify=rest_labels)
    scaler = MinMaxScaler(clip=True).fit(train)
    return Split(scaler.transform(train), known, scaler.transform(thief), scaler.transform(held_out))


def measure_customers() -> list[dict[str, object]]:
    """For each kind of model and contract: labels changed and distance on held-out rows, over all data sets and seeds."""
    answers = [
        (kind, model.predict_proba(parts.held_out))
        for name in DATA
        for seed in SEEDS
        for parts in (split(name, seed),)
        for kind, model in _models(parts, seed)
    ]
    table = []
    for kind in ("logistic regression", "random forest", "neural network"):
        rows = [true for found, true in answers if found == kind]
        for label, contract in CONTRACTS.items():
            table.append({"model": kind, "contract": label, **_harm(rows, lambda true, c=contract: released(true, c))})
        table.append({"model": kind, "contract": "plain round, 2 decimals", **_harm(rows, lambda true: np.round(true, 2))})
    return table


def _models(parts: Split, seed: int) -> list[tuple[str, object]]:
    models = {
        "logistic regression": LogisticRegression(max_iter=2000),
        "random forest": RandomForestClassifier(60, random_state=seed),
        "neural network": MLPClassifier((32,), max_iter=150, random_state=seed),
    }
    return [(kind, model.fit(parts.train, parts.labels)) for kind, model in models.items()]


def _harm(answers: list[FloatArray], release: Callable[[FloatArray], FloatArray]) -> dict[str, object]:
    rows = changed = incoherent = 0
    distances, distinct = [], []
    for true in answers:
        out = release(true)
        rows += len(true)
        changed += int((out.argmax(axis=1) != true.argmax(axis=1)).sum())
        incoherent += int((np.abs(out.sum(axis=1) - 1.0) > 1e-9).sum())
        distances.append(np.abs(out - true).sum(axis=1))
        distinct.append(len(np.unique(out, axis=0)) / len(out))
    distance = np.concatenate(distances)
    return {
        "rows": rows,
        "labels_changed": changed,
        "sums_off": incoherent,
        "mean_l1": float(distance.mean()),
        "max_l1": float(distance.max()),
        "distinct_answers": float(np.mean(distinct)),
    }


def measure_thieves() -> list[dict[str, object]]:
    """Agreement of the best copy with the victim, by data set, source of queries, budget and contract, over seeds."""
    table = []
    for name in DATA:
        cells: dict[tuple[str, int, str], list[tuple[float, float]]] = {}
        for seed in SEEDS:
            parts = split(name, seed)
            generator = np.random.default_rng(seed)
            victim = LogisticRegression(max_iter=2000).fit(parts.train, parts.labels)
            unknowns = parts.train.shape[1] + 1
            elsewhere = generator.random((UNIFORM_ROWS, unknowns - 1))
            for source in ("uniform", "like customers"):
                for times in BUDGETS:
                    asked = _questions(source, times * unknowns, parts, generator)
                    if asked is None:
                        continue
                    for label in THEFTS:
                        given = released(victim.predict_proba(asked), CONTRACTS[label])
                        copies = steal(asked, given, CONTRACTS[label])
                        score = tuple(
                            max(float((copy.predict(rows) == victim.predict(rows)).mean()) for copy in copies)
                            for rows in (parts.held_out, elsewhere)
                        )
                        cells.setdefault((source, times * unknowns, label), []).append((score[0], score[1]))
        for (source, queries, label), scores in cells.items():
            table.append(
                {
                    "data": name,
                    "source": source,
                    "queries": queries,
                    "contract": label,
                    "held_out": interval([held for held, _ in scores]),
                    "uniform": interval([away for _, away in scores]),
                }
            )
    return table


def _questions(source: str, queries: int, parts: Split, generator: np.random.Generator) -> FloatArray | None:
    """The thief's inputs, or None where fewer rows like the customers' exist than the budget buys."""
    if source == "uniform":
        return generator.random((queries, parts.train.shape[1]))
    if queries > len(parts.thief):
        return None
    return parts.thief[generator.permutation(len(parts.thief))[:queries]]


def steal(asked: FloatArray, given: FloatArray, contract: Contract) -> list[Copy]:
    """Copies of a softmax model by a thief who knows the contract: each solver that can use such answers gives one."""
    if contract.label_only:
        return [_by_likelihood(asked, given, ridge) for ridge in RIDGES]
    if contract.decimals is None:
        return [_by_least_squares(asked, given)]
    lowest = 0.2 * 10.0**-contract.decimals  # a typical score among those that are rounded to 0
    likely = [_by_likelihood(asked, given, ridge) for ridge in RIDGES]
    return [_by_least_squares(asked, np.maximum(given, lowest)), *likely]


def _by_least_squares(asked: FloatArray, given: FloatArray) -> Copy:
    """Log-probabilities less their mean over the classes are linear in the input."""
    logs = np.log(given)
    design = np.hstack([asked, np.ones((len(asked), 1))])
    solution = np.linalg.lstsq(design, logs - logs.mean(axis=1, keepdims=True), rcond=None)[0]
    return Copy(solution[:-1], solution[-1])


def _by_likelihood(asked: FloatArray, soft: FloatArray, ridge: float) -> Copy:
    features, classes = asked.shape[1], soft.shape[1]
    design = np.hstack([asked, np.ones((len(asked), 1))])

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        table = flat.reshape(features + 1, classes)
        scores = design @ table
        value = -float((soft * log_softmax(scores, axis=1)).sum()) / len(asked) + ridge * float((table**2).sum())
        slope = design.T @ (softmax(scores, axis=1) - soft) / len(asked) + 2 * ridge * table
        return value, slope.ravel()

    found = minimize(loss, np.zeros((features + 1) * classes), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    table = found.x.reshape(features + 1, classes)
    return Copy(table[:-1], table[-1])


def customer_table(rows: list[dict[str, object]]) -> str:
    """What customers notice, as Markdown."""
    lines = [
        "| model | contract | rows | labels changed | rows not summing to 1 | mean L1 | largest L1 | distinct answers |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['model']} | {row['contract']} | {row['rows']} | {row['labels_changed']} | {row['sums_off']} "
            f"| {row['mean_l1']:.4f} | {row['max_l1']:.4f} | {row['distinct_answers']:.0%} |"
        )
    return "\n".join(lines)


def thief_table(rows: list[dict[str, object]]) -> str:
    """What a thief gets, as Markdown: one line a budget, agreement on held-out and on uniform inputs by contract."""
    lines = [
        "| data | queries | " + " | ".join(f"{label}: held out / uniform" for label in THEFTS) + " |",
        "|---|--:|" + "---|" * len(THEFTS),
    ]
    cells: dict[tuple[object, object, object], list[str]] = {}
    for row in rows:
        held, away = row["held_out"], row["uniform"]
        if isinstance(held, Interval) and isinstance(away, Interval):
            cells.setdefault((row["data"], row["source"], row["queries"]), []).append(f"{held} / {away}")
    for (data, source, queries), shown in cells.items():
        lines.append(f"| {data} | {queries} {source} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def put_between_marks(page: Path, tables: str) -> None:
    """Replaces what stands between the two marks of the page."""
    begin, end = "<!-- bench.outputs: begin -->\n", "<!-- bench.outputs: end -->"
    head, _, rest = page.read_text().partition(begin)
    _, _, tail = rest.partition(end)
    page.write_text(f"{head}{begin}\n{tables}\n{end}{tail}")


if __name__ == "__main__":
    main()
