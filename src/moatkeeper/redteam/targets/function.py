"""A Python function as a target: ``module:function``, or ``path/to/file.py:function``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from moatkeeper.errors import UsageError

_HINT = "Give it as module:function or path/to/file.py:function; the module is sought from the current folder on."


def is_function(spec: str) -> bool:
    """Whether a target's words name a function rather than a file or an address."""
    module, colon, name = spec.rpartition(":")
    return bool(colon) and "://" not in spec and name.replace(".", "_").isidentifier() and bool(module)


def load_function(spec: str) -> Callable[..., object]:
    """The function that an operator named; raises UsageError where there is none.

    This runs the module's code: name only functions that are your own.
    """
    module_name, _, name = spec.rpartition(":")
    try:
        with _current_folder_first():
            module = _of_file(Path(module_name)) if module_name.endswith(".py") else importlib.import_module(module_name)
    except Exception as error:
        raise UsageError(f"cannot import {module_name}: {type(error).__name__}: {error}", hint=_HINT) from error
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise UsageError(f"{module_name} has no function {name!r}", hint=_HINT)
    return found


def _of_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"moatkeeper_target_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


@contextmanager
def _current_folder_first() -> Iterator[None]:
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
