"""A small model server that knows nothing of Moatkeeper: TensorFlow Serving's REST API over scikit-learn models.

It trains its models when it starts and keeps them to itself: every other part of the demo sees them over HTTP only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import numpy as np
import uvicorn

from moatkeeper.demo.credit import load, split
from moatkeeper.demo.victim import Classifier, train

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

PREFIX = "/v1/models/"
MOST_BODY_BYTES = 16 * 2**20


class ModelServer:
    """An ASGI application: ``POST /v1/models/NAME:predict`` and ``GET /v1/models/NAME``."""

    def __init__(self, models: Mapping[str, Classifier]) -> None:
        self._models = models

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        status, document = self._route(scope["method"], scope["path"], await _body(receive))
        body = json.dumps(document).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _route(self, method: str, path: str, body: bytes | None) -> tuple[int, object]:
        name, _, verb = path.removeprefix(PREFIX).partition(":")
        model = self._models.get(name) if path.startswith(PREFIX) else None
        if model is None:
            return 404, {"error": "no such model"}
        if (method, verb) == ("GET", ""):
            return 200, {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK"}}]}
        if (method, verb) != ("POST", "predict"):
            return 405, {"error": "only predict is served"}
        if body is None:
            return 413, {"error": "the body is too long"}
        return _predict(model, body)


def _predict(model: Classifier, body: bytes) -> tuple[int, object]:
    try:
        rows = np.asarray(json.loads(body)["instances"], dtype=np.float64)
        return 200, {"predictions": model.predict_proba(rows).tolist()}
    except (ValueError, KeyError, TypeError):
        return 400, {"error": "instances must be rows of numbers, one for each column of the model"}


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None where it is too long."""
    body = bytearray()
    while True:
        event = await receive()
        if len(body) <= MOST_BODY_BYTES:
            body += event.get("body", b"")
        if not event.get("more_body", False):
            return bytes(body) if len(body) <= MOST_BODY_BYTES else None


def main() -> None:
    """Trains on one run's training rows and serves until it is told to stop."""
    parser = argparse.ArgumentParser(description="Serves the demo's models on a loopback port.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    app = ModelServer(train(split(load(), arguments.seed).training))
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
