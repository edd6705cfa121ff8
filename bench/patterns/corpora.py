"""Texts: where they lie, and classifiers of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.datasets import data_set
from moatkeeper.core.query import FloatArray

Index = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
Labelled = tuple[Texts, Index]


def texts_of(values: Sequence[str]) -> Texts:
    """Texts as an array of objects."""
    found = np.empty(len(values), dtype=object)
    found[:] = list(values)
    return found


def _banking() -> Labelled:
    frame = pd.concat([pd.read_csv(data_set(f"text/banking77_{part}.csv.gz")) for part in ("train", "test")])
    return _labelled(frame["text"], frame["category"])


def _sst2() -> Labelled:
    frame = pd.read_csv(data_set("text/sst2_train.tsv.gz"), sep="\t", header=None, names=["text", "label"], quoting=3)
    return _labelled(frame["text"], frame["label"])


def _agnews() -> Labelled:
    frame = pd.read_csv(data_set("text/agnews_test.csv.gz"), header=None, names=["label", "title", "text"])
    return _labelled(frame["title"] + ". " + frame["text"], frame["label"])


def _sms() -> Labelled:
    frame = pd.read_csv(data_set("text/smsspam.tsv.gz"), sep="\t", quoting=3)
    return _labelled(frame["message"], frame["label"])


def _labelled(texts: pd.Series, labels: pd.Series) -> Labelled:
    frame = pd.DataFrame({"text": texts.astype(str), "label": labels.astype(str)}).drop_duplicates("text")
    return texts_of(frame["text"].tolist()), pd.factorize(frame["label"], sort=True)[0].astype(np.int64)


TUNING: Mapping[str, Callable[[], Labelled]] = {"sms": _sms}
CLAIMS: Mapping[str, Callable[[], Labelled]] = {"banking77": _banking, "sst2": _sst2, "agnews": _agnews}
CORPORA: Mapping[str, Callable[[], Labelled]] = {**TUNING, **CLAIMS}


class Classifier:
    """TF-IDF and logistic regression."""

    def __init__(self, texts: Texts, labels: Index) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        self._words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a thief's few answers may have nearly as many classes as rows
            self._model = LogisticRegression(C=20.0, max_iter=100).fit(self._words.fit_transform(texts.tolist()), labels)

    def scores(self, texts: Sequence[str]) -> FloatArray:
        """Shape (n, k)."""
        return np.asarray(self._model.predict_proba(self._words.transform(texts)), dtype=np.float64)

    def model_labels(self, texts: Sequence[str]) -> Index:
        """The labels it was trained with, shape (n,)."""
        return np.asarray(self._model.predict(self._words.transform(texts)), dtype=np.int64)
