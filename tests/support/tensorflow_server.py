"""A model server that speaks TensorFlow Serving's REST API: predict by rows and by columns, classify, regress, status."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

LABELS = ("deny", "grant")


def probabilities(number: float) -> list[float]:
    """The classifier: probabilities of the two labels for one number."""
    grant = 1 / (1 + math.exp(-number))
    return [1 - grant, grant]


@dataclass
class TensorFlowServer:
    """The server's memory: how many requests reached the model, and their headers."""

    calls: int = 0
    headers: list[Mapping[str, str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def app(self) -> Starlette:
        """The ASGI application; models: half_plus_two, classifier, and anything else for columns."""
        verbs = {"predict": self.predict, "classify": self.classify, "regress": self.regress}
        return Starlette(
            routes=[
                *(
                    Route(f"/v1/models/{{model}}{middle}:{verb}", handler, methods=["POST"])
                    for verb, handler in verbs.items()
                    for middle in ("", "/versions/{version}", "/labels/{label}")
                ),
                Route("/v1/models/{model}", self.status),
                Route("/v1/models/{model}/metadata", self.metadata),
            ]
        )

    async def status(self, request: Request) -> Response:
        """The state of a model's versions."""
        state = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        return JSONResponse({"model_version_status": [state]})

    async def metadata(self, request: Request) -> Response:
        """Signatures with every internal name: closed at the gateway."""
        return JSONResponse({"metadata": {"signature_def": {}}})

    async def predict(self, request: Request) -> Response:
        """Half of each number and two, or the classifier's probabilities."""
        document = await self._asked(request)
        classifier = request.path_params["model"] == "classifier"
        if "instances" in document:
            answers = [_answer(value, classifier) for value in document["instances"]]
            return JSONResponse({"predictions": answers})
        columns = document.get("inputs")
        if isinstance(columns, Mapping) and "x" not in columns:
            return JSONResponse({"error": "Servable has no input of that name"}, 500)
        if isinstance(columns, Mapping):
            numbers = columns["x"]
            named = {"probabilities": [probabilities(x) for x in numbers], "margin": [x * 0.333333333 for x in numbers]}
            return JSONResponse({"outputs": named})
        if isinstance(columns, list):
            return JSONResponse({"outputs": [_answer(value, classifier) for value in columns]})
        return JSONResponse({"error": 'Missing "inputs" or "instances" key'}, 400)

    async def classify(self, request: Request) -> Response:
        """Labels with scores, for each example."""
        document = await self._asked(request)
        numbers = [example["x"] for example in document["examples"]]
        return JSONResponse({"result": [list(zip(LABELS, probabilities(x), strict=True)) for x in numbers]})

    async def regress(self, request: Request) -> Response:
        """One value for each example."""
        document = await self._asked(request)
        return JSONResponse({"result": [example["x"] / 3 for example in document["examples"]]})

    async def _asked(self, request: Request) -> Mapping[str, Any]:
        document: Mapping[str, Any] = orjson.loads(await request.body())
        with self._lock:
            self.calls += 1
            self.headers.append(dict(request.headers))
        return document


def _answer(value: object, classifier: bool) -> object:
    """One row's answer; rows may be numbers, lists of one number, or objects with named values."""
    row = value.get("x") if isinstance(value, dict) else value
    number = row[0] if isinstance(row, list) else row
    if not isinstance(number, int | float):
        return {"probabilities": [0.25, 0.75], "label": "grant"}
    if isinstance(value, dict):
        return {"probabilities": probabilities(number), "margin": number / 3}
    return probabilities(number) if classifier else number / 2 + 2
