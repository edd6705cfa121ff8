"""Calibrations as files: one a model, in one folder, read anew when a file changes."""

from __future__ import annotations

from pathlib import Path

from moatkeeper.errors import CalibrationError
from moatkeeper.patterns.calibration import Calibration

FOLDER = "calibrations"
SUFFIX = ".calibration"
"""The end of the names of calibration files; what else they are called does not matter."""

Seen = tuple[tuple[str, int, int], ...]


def load_calibrations(folder: Path) -> dict[str, Calibration]:
    """The calibrations of a folder by model; empty where there is no such folder.

    Raises CalibrationError for a file that cannot be read, and for two files about one model.
    """
    found: dict[str, Calibration] = {}
    sources: dict[str, Path] = {}
    for file in _files(folder):
        try:
            content = file.read_bytes()
        except OSError as error:
            raise CalibrationError(f"{file}: found {error.strerror or error}, expected a readable file") from error
        calibration = Calibration.from_bytes(content, str(file))
        model = calibration.profile.model
        if model in found:
            raise CalibrationError(
                f"{file}: found a second calibration of the model {model!r} beside {sources[model]}, expected one a model",
                hint="Move the older one out of the folder.",
            )
        found[model], sources[model] = calibration, file
    return found


def seen(folder: Path) -> Seen:
    """Names, times and sizes of the files: another value says that something has changed."""
    states = []
    for file in _files(folder):
        try:
            state = file.stat()
        except OSError:
            continue  # taken away in this moment: the next look tells
        states.append((file.name, state.st_mtime_ns, state.st_size))
    return tuple(states)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))
