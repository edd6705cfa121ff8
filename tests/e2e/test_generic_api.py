"""An application of one's own: the example of the repository, guarded from inside and from in front."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from tests.support.processes import server_process
from tests.support.servers import RunningGateway, free_port, gateway, serving

ROOT = Path(__file__).parents[2]

ROUTES = """
[limits]
mode = "enforce"
default_tier = "small"

[tiers.small]
limits = [{ scope = "account", unit = "rows", amount = 4 }]

[[wire.generic]]
match = "POST /score"
model = "fraud"
input = "$.features"
label = "$.label"
scores = "$.probs"

[[wire.generic]]
match = "POST /models/{model}/embed"
input = "$.texts"
embedding = "$.items[*].vector"
keep = ["$.items[*].id"]
"""


class Row(BaseModel):
    """One applicant."""

    features: list[float]


class Texts(BaseModel):
    """What is to be embedded."""

    texts: list[str]


bare = FastAPI()


@bare.post("/score")
def score(row: Row) -> dict[str, object]:
    """The true answer of the example's model."""
    fraud = 1 / (1 + math.exp(2.3 * row.features[1] - 1.7 * row.features[0]))
    return {"label": "fraud" if fraud >= 0.5 else "ok", "probs": [1 - fraud, fraud], "margin": math.log(fraud / (1 - fraud))}


@bare.post("/models/{model}/embed")
def embed(model: str, asked: Texts) -> dict[str, object]:
    """Vectors inside a list of objects, with fields that nobody declared."""
    items = [{"id": place, "vector": [0.123456, -0.7654321], "norm": 0.77} for place, _ in enumerate(asked.texts)]
    return {"items": items, "took_ms": 3}


@bare.get("/admin/weights")
def weights() -> list[float]:
    """What nobody outside should see."""
    return [1.7, -2.3]


@pytest.fixture(scope="module")
def direct() -> Iterator[str]:
    with serving(bare) as url:
        yield url


@pytest.fixture
def guarded(direct: str, tmp_path: Path) -> Iterator[RunningGateway]:
    with gateway(direct, tmp_path, config=ROUTES) as running:
        yield running


def test_the_example_runs_as_its_first_lines_say_and_guards_itself(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT), "examples.fastapi_app:app", "--port", str(port)]
    with server_process(command, url + "/about", tmp_path / "example.log", environment={"MOATKEEPER_DATA": str(tmp_path)}):
        answer = httpx.post(url + "/score", json={"features": [0.2, 0.7]})
        assert answer.json() == {"label": "ok", "probs": [0.78, 0.22]}
        assert httpx.get(url + "/about").json() == {"model": "toy fraud score"}
        assert httpx.get(url + "/openapi.json").status_code == 404
        assert httpx.post(url + "/score", json={"features": ["x"]}).status_code in (400, 422)


def test_a_declared_route_shows_its_declared_fields_and_no_other(direct: str, guarded: RunningGateway) -> None:
    ask = {"features": [0.2, 0.7]}
    true, shown = (httpx.post(url + "/score", json=ask).json() for url in (direct, guarded.url))
    assert true.keys() == {"label", "probs", "margin"}
    assert shown == {"label": "ok", "probs": [0.78, 0.22]}


def test_vectors_inside_a_list_are_reduced_and_counted(guarded: RunningGateway) -> None:
    answer = httpx.post(guarded.url + "/models/tiny/embed", json={"texts": ["a", "b", "c"]})
    items = answer.json()["items"]
    assert answer.json().keys() == {"items"}
    assert [item.keys() for item in items] == [{"id", "vector"}] * 3
    assert items[0]["vector"] != [0.123456, -0.7654321]
    assert items[0]["vector"] == pytest.approx([0.123456, -0.7654321], abs=0.01)
    refused = httpx.post(guarded.url + "/models/tiny/embed", json={"texts": ["a", "b"]})
    assert (refused.status_code, refused.json()) == (429, {"error": "rate limit exceeded"})


def test_every_other_route_is_closed_whatever_the_application_offers(direct: str, guarded: RunningGateway) -> None:
    for path in ("/admin/weights", "/docs", "/openapi.json"):
        assert httpx.get(direct + path).status_code == 200
        assert httpx.get(guarded.url + path).status_code == 404
    assert httpx.get(guarded.url + "/score").status_code == 405
