"""KServe v2, the Open Inference Protocol of Triton, MLServer and KServe: which paths are open."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from moatkeeper.errors import MethodRefused
from moatkeeper.wire.base import Codec, Purpose, Route
from moatkeeper.wire.kserve_infer import Infer
from moatkeeper.wire.paths import model_name, segments
from moatkeeper.wire.plain import Plain


class KServe:
    """The format ``kserve``. Open are inference, health, and the metadata that clients read names and shapes from.

    Repository, configuration, statistics, tracing, logging, shared memory, ``generate`` and ``explain`` are not declared,
    and so refused.
    """

    name = "kserve"

    def __init__(self) -> None:
        plain = Plain()
        self._codecs: Mapping[str, Codec] = {"infer": Infer(), "health": plain, "metadata": plain}

    def match(self, method: str, path: str) -> Route | None:
        """The route of a path under ``/v2``."""
        parts = segments(path)
        if parts[:1] != ("v2",):
            return None
        if len(parts) == 1:
            return _plain(method, "metadata", "")
        if parts in (("v2", "health", "live"), ("v2", "health", "ready")):
            return _plain(method, "health", "")
        if parts[1] != "models" or len(parts) == 2:
            return None
        return self._match_model(method, parts[2:])

    def _match_model(self, method: str, parts: tuple[str, ...]) -> Route | None:
        model = model_name(parts[0])
        rest = parts[1:]
        if rest[:1] == ("versions",):
            if len(rest) == 1 or not model_name(rest[1]):
                return None
            rest = rest[2:]
        if not model:
            return None
        if not rest:
            return _plain(method, "metadata", model)
        if rest == ("ready",):
            return _plain(method, "health", model)
        if rest != ("infer",):
            return None
        if method != "POST":
            raise MethodRefused("infer takes POST")
        return Route(self.name, "infer", Purpose.INFER, model)

    def codec(self, route: Route) -> Codec:
        """The codec of the route's operation."""
        return self._codecs[route.operation]

    def refusal(self, route: Route | None, status: int, message: str) -> bytes:
        """``{"error": message}``, as the protocol says."""
        return orjson.dumps({"error": message})


def _plain(method: str, operation: str, model: str) -> Route:
    if method not in ("GET", "HEAD"):
        raise MethodRefused(f"{operation} takes GET")
    return Route(KServe.name, operation, Purpose.PLAIN, model)
