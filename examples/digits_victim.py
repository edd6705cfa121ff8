"""A model to practise on: a softmax regression of handwritten digits, trained when this module is imported.

    moatkeeper attack run equations --victim examples.digits_victim:predict --pool builtin:digits --budget 65

It is trained on a third of scikit-learn's digits; `builtin:digits` gives the other two to the thief and to the judge.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression

from moatkeeper.redteam.datasets import builtin

BRIGHTEST = 16.0  # of a pixel
TRAINING = builtin("digits").training
MODEL = LogisticRegression(max_iter=5_000).fit(TRAINING.rows / BRIGHTEST, TRAINING.outcomes)


def predict(rows: np.ndarray) -> np.ndarray:
    """Probabilities of the ten digits, shape (n, 10), for images of shape (n, 64)."""
    return MODEL.predict_proba(rows / BRIGHTEST)
