"""The models that are worth stealing: a lender's boosted trees, and the logistic regression that it replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from moatkeeper.core.query import FloatArray
from moatkeeper.demo.credit import Clients
from moatkeeper.errors import MissingExtra

TREES = "credit"
LINEAR = "credit-linear"


class Classifier(Protocol):
    """What the model server needs of a model."""

    def predict_proba(self, rows: FloatArray) -> FloatArray:
        """Class probabilities, shape (n, 2)."""
        ...


def train(clients: Clients) -> Mapping[str, Classifier]:
    """Both models by name, the same for the same clients.

    Both weigh a missed payment as much as all others together (``class_weight``), as a lender would to whom it costs more
    than a refusal. The settings of the trees were chosen among six on the development rows alone (AUC 0.796 there, the
    highest of the six 0.800).
    """
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise MissingExtra("the demo's models need scikit-learn", hint="pip install 'moatkeeper[demo]'") from error
    trees = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=100, max_leaf_nodes=8, class_weight="balanced", early_stopping=False, random_state=0
    )
    linear = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    models = {TREES: trees, LINEAR: linear}
    return {name: cast(Classifier, model.fit(clients.rows, clients.outcomes)) for name, model in models.items()}
