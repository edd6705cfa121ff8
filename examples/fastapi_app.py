"""A model inside a FastAPI application, guarded in process.

Run it:   uvicorn examples.fastapi_app:app --port 8000
Ask it:   curl -s -H 'content-type: application/json' -d '{"features": [0.2, 0.7]}' http://127.0.0.1:8000/score
"""

from __future__ import annotations

import math

from fastapi import FastAPI
from pydantic import BaseModel

from moatkeeper.config.settings import Settings
from moatkeeper.serve.middleware import MoatkeeperMiddleware

WEIGHTS = (1.7, -2.3)


class Row(BaseModel):
    """One applicant."""

    features: list[float]


app = FastAPI()


@app.get("/about")
def about() -> dict[str, str]:
    """A page that asks no model: named in ``passes`` below."""
    return {"model": "toy fraud score"}


@app.post("/score")
def score(row: Row) -> dict[str, object]:
    """The true answer; what leaves the process is less precise."""
    margin = sum(weight * value for weight, value in zip(WEIGHTS, row.features, strict=True))
    fraud = 1 / (1 + math.exp(-margin))
    return {"label": "fraud" if fraud >= 0.5 else "ok", "probs": [1 - fraud, fraud], "margin": margin}


SETTINGS = Settings.model_validate(
    {
        "wire": {
            "generic": [
                {"match": "POST /score", "model": "fraud", "input": "$.features", "label": "$.label", "scores": "$.probs"}
            ]
        }
    }
)

app.add_middleware(MoatkeeperMiddleware, settings=SETTINGS, passes=("/about",))
