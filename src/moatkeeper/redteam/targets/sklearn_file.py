"""A scikit-learn model in a file: skops, which runs no code, or a pickle, which does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra, UsageError

Answer = Callable[[FloatArray], object]


class _Model(Protocol):
    def predict(self, rows: FloatArray) -> object: ...


def load_skops(path: Path) -> tuple[Answer, int | None, tuple[str, ...]]:
    """How the model answers, its number of columns, and its classes where it decides only.

    Raises UsageError for a file that holds anything but known types of scikit-learn and numpy.
    """
    try:
        from skops.io import get_untrusted_types, load
    except ImportError as error:
        raise MissingExtra("a .skops file needs skops", hint="pip install skops scikit-learn") from error
    try:
        unknown = get_untrusted_types(file=path)
        if unknown:
            raise UsageError(f"{path}: found types that might run code: {', '.join(unknown)}", hint="Save the model as ONNX.")
        return _answering(load(path, trusted=[]))
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{path}: not a skops file of a scikit-learn model: {error}") from error


def load_pickle(path: Path) -> tuple[Answer, int | None, tuple[str, ...]]:
    """As load_skops. Danger: this runs the code in the file."""
    try:
        import joblib
    except ImportError as error:
        raise MissingExtra("a pickled model needs scikit-learn", hint="pip install 'moatkeeper[redteam]'") from error
    try:
        model = joblib.load(path)  # also reads what pickle wrote
    except Exception as error:  # a pickle may raise anything at all
        raise UsageError(f"{path}: cannot be loaded: {type(error).__name__}: {error}") from error
    if not callable(getattr(model, "predict", None)):
        raise UsageError(f"{path}: found a {type(model).__name__}, expected a model with predict")
    return _answering(model)


def _answering(model: object) -> tuple[Answer, int | None, tuple[str, ...]]:
    columns = getattr(model, "n_features_in_", None)
    width = int(columns) if columns is not None else None
    probabilities = getattr(model, "predict_proba", None)
    if callable(probabilities):
        return cast(Answer, probabilities), width, ()
    classes = getattr(model, "classes_", None)
    labels = tuple(map(str, cast(Sequence[object], classes))) if classes is not None else ()
    return cast(_Model, model).predict, width, labels
