"""Tables and their victims: a third of the rows trains the model, of a third customers and thieves draw, a third judges."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.datasets import data_set
from bench.patterns.baselines.hoda import SUB_CLASSIFIERS
from moatkeeper.core.query import FloatArray

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a table lies, what is predicted, and what is left out."""

    path: str
    outcome: str
    dropped: tuple[str, ...] = ()


TUNING: Mapping[str, Source] = {
    "credit": Source("tabular/credit.csv.gz", "default"),
    "mlc_churn": Source("tabular/mlc_churn.csv.gz", "churn", ("rownames",)),
}
"""Detectors of the product may be tuned on these."""
CLAIMS: Mapping[str, Source] = {
    "adult": Source("tabular/adult.csv.gz", "income", ("fnlwgt", "split")),
    "lending_club": Source("tabular/lending_club.csv.gz", "Class", ("rownames",)),
    "letter": Source("tabular/letterrecognition_r.csv.gz", "lettr"),
}
"""Nothing was ever tuned on these: what is claimed is claimed here."""
TABLES: Mapping[str, Source] = {**TUNING, **CLAIMS}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows (n, d), their classes (n,) and which columns hold whole numbers only (d,); categories are numbered by name."""

    names: tuple[str, ...]
    rows: FloatArray
    outcomes: Index
    whole: npt.NDArray[np.bool_]


def table(name: str) -> Table:
    """A table by its name; rows with a missing number are left out."""
    source = TABLES[name]
    frame = pd.read_csv(data_set(source.path)).drop(columns=list(source.dropped))
    outcomes = frame.pop(source.outcome).astype(str).str.strip().str.rstrip(".")
    coded = pd.DataFrame(
        {
            column: values if values.dtype.kind in "if" else pd.factorize(values, sort=True)[0]
            for column, values in frame.items()
        }
    )
    known = ~coded.isna().any(axis=1)
    rows = coded[known].to_numpy(dtype=np.float64)
    classes = pd.factorize(outcomes[known], sort=True)[0].astype(np.int64)
    return Table(tuple(str(column) for column in coded.columns), rows, classes, np.all(rows == np.round(rows), axis=0))


class Victim(Protocol):
    """A trained model."""

    def scores(self, rows: FloatArray) -> FloatArray:
        """Class probabilities, shape (n, k)."""
        ...

    def stages(self, rows: FloatArray) -> Index:
        """What SUB_CLASSIFIERS earlier states say, the last one the model itself, shape (n, SUB_CLASSIFIERS)."""
        ...


class Boosted:
    """Gradient boosting; its stages are its first trees."""

    ROUNDS = 4 * SUB_CLASSIFIERS

    def __init__(self, rows: FloatArray, outcomes: Index, seed: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        self._model = HistGradientBoostingClassifier(max_iter=self.ROUNDS, learning_rate=0.15, random_state=seed)
        self._model.fit(rows, outcomes)

    def scores(self, rows: FloatArray) -> FloatArray:
        """Shape (n, k)."""
        return np.asarray(self._model.predict_proba(rows), dtype=np.float64)

    def stages(self, rows: FloatArray) -> Index:
        """Every fourth round."""
        step = self.ROUNDS // SUB_CLASSIFIERS
        every = [said for place, said in enumerate(self._model.staged_predict(rows), 1) if place % step == 0]
        return np.stack(every, axis=1).astype(np.int64)


class Forest:
    """A random forest; its stages are its first trees."""

    TREES = 3 * SUB_CLASSIFIERS

    def __init__(self, rows: FloatArray, outcomes: Index, seed: int) -> None:
        from sklearn.ensemble import RandomForestClassifier

        self._model = RandomForestClassifier(self.TREES, min_samples_leaf=3, random_state=seed).fit(rows, outcomes)

    def scores(self, rows: FloatArray) -> FloatArray:
        """Shape (n, k)."""
        return np.asarray(self._model.predict_proba(rows), dtype=np.float64)

    def stages(self, rows: FloatArray) -> Index:
        """Every third tree."""
        plain = rows.astype(np.float32)
        total, every = 0.0, []
        for place, tree in enumerate(self._model.estimators_, 1):
            total = total + tree.predict_proba(plain, check_input=False)
            if place % (self.TREES // SUB_CLASSIFIERS) == 0:
                every.append(np.argmax(total, axis=1))
        return np.stack(every, axis=1).astype(np.int64)


class Net:
    """A network of rectified layers on standardised columns; without layers, a linear model. Its stages are its epochs."""

    EPOCHS_A_STAGE = 3

    def __init__(self, rows: FloatArray, outcomes: Index, seed: int, layers: tuple[int, ...]) -> None:
        from sklearn.neural_network import MLPClassifier

        self._centre, self._spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
        model = MLPClassifier(layers, learning_rate_init=3e-3, random_state=seed)
        plain, classes = (rows - self._centre) / self._spread, np.unique(outcomes)
        self._states = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for stage in range(SUB_CLASSIFIERS):
                for _ in range(self.EPOCHS_A_STAGE if stage else 1):
                    model.partial_fit(plain, outcomes, classes=classes)
                self._states.append([(w.copy(), b.copy()) for w, b in zip(model.coefs_, model.intercepts_, strict=True)])

    def scores(self, rows: FloatArray) -> FloatArray:
        """Shape (n, k)."""
        logits = self._logits(rows, -1)
        if logits.shape[1] == 1:
            chance = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
            return np.hstack([1 - chance, chance])
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)

    def stages(self, rows: FloatArray) -> Index:
        """After the first epoch, and after every three more."""
        every = [self._logits(rows, stage) for stage in range(SUB_CLASSIFIERS)]
        said = [logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(axis=1) for logits in every]
        return np.stack(said, axis=1).astype(np.int64)

    def _logits(self, rows: FloatArray, stage: int) -> FloatArray:
        found = (rows - self._centre) / self._spread
        for place, (weights, offsets) in enumerate(self._states[stage]):
            found = (found if place == 0 else np.maximum(found, 0)) @ weights + offsets
        return np.asarray(found, dtype=np.float64)


KINDS = ("linear", "mlp", "forest", "boosting")


def victim(kind: str, rows: FloatArray, outcomes: Index, seed: int) -> Victim:
    """A trained model of one of KINDS."""
    if kind == "boosting":
        return Boosted(rows, outcomes, seed)
    if kind == "forest":
        return Forest(rows, outcomes, seed)
    return Net(rows, outcomes, seed, (64,) if kind == "mlp" else ())
