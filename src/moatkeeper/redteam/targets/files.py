"""A model file as a target: scikit-learn, PyTorch or ONNX, told apart by the end of its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.targets.onnx_file import load_onnx
from moatkeeper.redteam.targets.sklearn_file import load_pickle, load_skops
from moatkeeper.redteam.targets.torch_file import load_exported, load_torchscript

PICKLES = frozenset({".pkl", ".pickle", ".joblib"})
KINDS = ".onnx, .skops, .pt or .ts (TorchScript), .pt2 (torch.export), and .pkl, .pickle or .joblib with --trust-pickle"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that was in a file. ``columns`` is how many numbers a row has, None where the file does not say."""

    answer: Callable[[FloatArray], object]
    columns: int | None
    labels: tuple[str, ...] = ()  # where it answers with decisions


def load_model(path: Path, *, trust_pickle: bool = False, shape: tuple[int, ...] = ()) -> Loaded:
    """The model in a file; raises UsageError for a file that is missing, unknown or not what its name says.

    A pickle runs code of whoever wrote it when it is loaded: ``trust_pickle`` says that you know who that was. ``shape`` is
    what a network wants of a row that is an image.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file", hint=f"A model is {KINDS}.")
    end = path.suffix.lower()
    if end in PICKLES:
        if not trust_pickle:
            raise UsageError(
                f"{path}: loading a pickle runs whatever code is in it",
                hint="Where you made the file yourself, say --trust-pickle; skops and ONNX files need no trust.",
            )
        return Loaded(*load_pickle(path))
    if end == ".skops":
        return Loaded(*load_skops(path))
    if end == ".onnx":
        return Loaded(*load_onnx(path, shape))
    if end in {".pt", ".ts", ".torchscript"}:
        return Loaded(load_torchscript(path, shape), None)
    if end == ".pt2":
        return Loaded(load_exported(path, shape), None)
    raise UsageError(f"{path}: found a name that ends in {end or 'nothing'}", hint=f"A model is {KINDS}.")


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, as hex."""
    with path.open("rb") as file:
        hashed = sha256()
        while piece := file.read(2**20):
            hashed.update(piece)
    return hashed.hexdigest()
