"""An ONNX model in a file, run by onnxruntime on one thread; nothing leaves this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra, UnexpectedAnswer, UsageError

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}
_FATAL_ONLY = 4  # of onnxruntime's log; its warnings would stand in the middle of the progress bar


def load_onnx(path: Path, shape: tuple[int, ...] = ()) -> tuple[Callable[[FloatArray], object], int | None]:
    """How the model answers, and its number of columns where the file says it.

    The answer is the last output of floating-point numbers with a row per question: converters put the decisions first and
    the probabilities behind them. ``shape`` is that of one row; else the model's own. Raises UsageError for no such file.
    """
    try:
        import onnxruntime  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise MissingExtra("an ONNX file needs onnxruntime", hint="pip install 'moatkeeper[redteam]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise UsageError(f"{path}: not an ONNX model that onnxruntime can run: {error}") from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _TYPES:
        found = ", ".join(f"{one.name} {one.type}" for one in inputs)
        raise UsageError(f"{path}: found inputs {found}, expected one tensor of numbers")
    (source,) = inputs
    stated = tuple(size for size in source.shape[1:] if isinstance(size, int))
    row_shape = shape or (stated if len(stated) == len(source.shape) - 1 else ())

    def answer(rows: FloatArray) -> object:
        fed = rows.reshape(len(rows), *row_shape) if row_shape else rows
        outputs = session.run(None, {source.name: fed.astype(_TYPES[source.type])})
        return _numbers(outputs, len(rows))

    return answer, int(np.prod(row_shape)) if row_shape else None


def _numbers(outputs: list[object], rows: int) -> object:
    for output in reversed(outputs):
        if isinstance(output, np.ndarray) and output.dtype.kind == "f" and len(output) == rows:
            return output
        if isinstance(output, list) and len(output) == rows and all(isinstance(item, dict) for item in output):
            return [list(item.values()) for item in output]  # a ZipMap of classes to probabilities
    raise UnexpectedAnswer(f"found {len(outputs)} outputs, none of them numbers for {rows} rows")
