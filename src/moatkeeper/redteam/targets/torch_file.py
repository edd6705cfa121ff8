"""A PyTorch model in a file: TorchScript or torch.export, run on one thread."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra, UsageError


def load_torchscript(path: Path, shape: tuple[int, ...] = ()) -> Callable[[FloatArray], object]:
    """How a TorchScript model answers; ``shape`` is that of one row. Raises UsageError for another file.

    A plain ``torch.save`` file is a pickle without its code, and is refused.
    """
    torch = _torch()
    try:
        with warnings.catch_warnings(action="ignore"):  # that TorchScript is old is nothing that the operator can mend
            model = torch.jit.load(str(path), map_location="cpu").eval()
    except Exception as error:
        hint = "Save it with torch.jit.save or torch.export.save; a state dictionary holds no model."
        raise UsageError(f"{path}: not a TorchScript file", hint=hint) from error
    return _answering(torch, model, shape)


def load_exported(path: Path, shape: tuple[int, ...] = ()) -> Callable[[FloatArray], object]:
    """How a model saved by ``torch.export.save`` answers; its first dimension must have been exported as dynamic."""
    torch = _torch()
    try:
        model = torch.export.load(path).module()
    except Exception as error:
        raise UsageError(f"{path}: not a file of torch.export: {error}") from error
    return _answering(torch, model, shape)


def _torch() -> ModuleType:
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("a PyTorch file needs torch", hint="pip install 'moatkeeper[redteam]'") from error
    torch.set_num_threads(1)
    return torch


def _answering(torch: ModuleType, model: Callable[[object], object], shape: tuple[int, ...]) -> Callable[[FloatArray], object]:
    def answer(rows: FloatArray) -> object:
        fed = rows.reshape(len(rows), *shape) if shape else rows
        with torch.inference_mode():
            found = model(torch.from_numpy(np.ascontiguousarray(fed, dtype=np.float32)))
        found = found[0] if isinstance(found, tuple) else found
        return np.asarray(found, dtype=np.float64)

    return answer
