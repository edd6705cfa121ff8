"""All wire formats, a line each, and the way from a request's path to the one that serves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

from moatkeeper.errors import RouteRefused
from moatkeeper.wire.base import Route, WireFormat
from moatkeeper.wire.kserve import KServe
from moatkeeper.wire.mlflow import MLflow
from moatkeeper.wire.openai import OpenAI
from moatkeeper.wire.tensorflow import TensorFlow

FORMATS: Mapping[str, Callable[[], WireFormat]] = MappingProxyType(
    {
        "tensorflow": TensorFlow,
        "kserve": KServe,
        "openai": OpenAI,
        "mlflow": MLflow,
    }
)
"""Formats by name, in the order in which they are asked for a path. ``generic`` is built from configuration instead."""

_CACHED_PATHS = 4096
"""Paths remembered: a model name and a verb each, so a fleet of a thousand models still fits."""


def default_formats() -> tuple[WireFormat, ...]:
    """One of each format that needs no configuration."""
    return tuple(build() for build in FORMATS.values())


@lru_cache(maxsize=_CACHED_PATHS)
def resolve(formats: tuple[WireFormat, ...], method: str, path: str) -> tuple[WireFormat, Route]:
    """The format and the route of a request; raises RouteRefused, or MethodRefused for a declared path.

    ``path`` is the path as it was sent, still percent-encoded and without its query. Every spelling that a server behind
    us might read as another path is refused, and so is every path that no format declares.
    """
    for candidate in formats:
        route = candidate.match(method, path)
        if route is not None:
            return candidate, route
    raise RouteRefused("there is nothing at this path")
