"""Saves a scikit-learn model in MLflow's form: run as a script, for its imports take seconds and belong to no test process."""

from __future__ import annotations

import sys

import mlflow.sklearn
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FEATURES = 4
"""The first columns of the wine data: few enough that probabilities are not all near 0 or 1."""


def save(folder: str) -> None:
    """Trains a classifier of wines and saves it so that it serves probabilities."""
    wine = load_wine()
    rows = wine.data[:, :FEATURES]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, wine.target)
    mlflow.sklearn.save_model(
        model,
        folder,
        pyfunc_predict_fn="predict_proba",
        pip_requirements=["scikit-learn"],  # stated, so that MLflow does not go looking for them
    )


if __name__ == "__main__":
    save(sys.argv[1])
