from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from moatkeeper.demo.credit import load, split
from moatkeeper.demo.processes import Command, Server, free_port
from moatkeeper.demo.victim import LINEAR, TREES
from moatkeeper.redteam.client import PredictClient


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    address = f"http://127.0.0.1:{(port := free_port())}"
    words = [sys.executable, "-m", "moatkeeper.demo.model_server", "--port", str(port), "--seed", "0"]
    log = tmp_path_factory.mktemp("server") / "log"
    with Server(Command("model server", words, f"{address}/v1/models/{TREES}"), Path(log)):
        yield address


def ask(url: str, method: str, path: str, body: bytes = b"") -> tuple[int, object]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.mark.parametrize(("model", "least"), [(TREES, 0.73), (LINEAR, 0.6)])
def test_both_models_predict_missed_payments_that_they_never_saw(url: str, model: str, least: float) -> None:
    held_out = split(load(), 0).held_out[:1_000]
    with PredictClient(url, model) as client:
        scores = client.predict(held_out.rows).answers
    assert scores is not None
    np.testing.assert_allclose(scores.sum(axis=1), 1.0)
    missed = held_out.outcomes == 1
    right = scores.argmax(axis=1) == held_out.outcomes
    assert right.mean() > least
    assert (right[missed].mean() + right[~missed].mean()) / 2 > 0.65


def test_a_ready_model_says_available_as_tensorflow_serving_does(url: str) -> None:
    status, document = ask(url, "GET", f"/v1/models/{TREES}")
    assert status == 200
    assert isinstance(document, dict)
    assert document["model_version_status"][0]["state"] == "AVAILABLE"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", b"", 404),
        ("GET", "/v1/models/other", b"", 404),
        ("GET", f"/v1/models/{TREES}:predict", b"", 405),
        ("POST", f"/v1/models/{TREES}:explain", b"{}", 405),
        ("POST", f"/v1/models/{TREES}:predict", b"{", 400),
        ("POST", f"/v1/models/{TREES}:predict", b"[]", 400),
        ("POST", f"/v1/models/{TREES}:predict", b'{"instances": [[1, 2]]}', 400),
        ("POST", f"/v1/models/{TREES}:predict", b'{"instances": [["a"]]}', 400),
        ("POST", f"/v1/models/{TREES}:predict", b" " * (17 * 2**20), 413),
    ],
)
def test_a_wrong_request_gets_an_error_in_the_protocols_shape(
    url: str, method: str, path: str, body: bytes, status: int
) -> None:
    answered, document = ask(url, method, path, body)
    assert answered == status
    assert isinstance(document, dict)
    assert document.keys() == {"error"}
