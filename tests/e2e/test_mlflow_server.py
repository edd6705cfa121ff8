"""MLflow's own scoring server behind the gateway, with a scikit-learn model: every form of request, and rounded predictions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import orjson
import pytest

from tests.support.processes import server_process
from tests.support.servers import RunningGateway, free_port, gateway

COLUMNS = ["alcohol", "malic_acid", "ash", "alcalinity_of_ash"]
ROWS = [[13.2, 2.77, 2.51, 18.5], [12.37, 1.13, 2.16, 19.0], [13.4, 3.91, 2.48, 23.0]]
SPLIT = {"columns": COLUMNS, "data": ROWS}
RECORDS = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
FORMS = [
    pytest.param({"dataframe_split": SPLIT}, id="dataframe_split"),
    pytest.param({"dataframe_records": RECORDS}, id="dataframe_records"),
    pytest.param({"instances": ROWS}, id="instances"),
    pytest.param({"inputs": ROWS}, id="inputs"),
]


@dataclass(frozen=True)
class Pair:
    """The same model twice: bare, and behind the gateway."""

    direct: str
    guarded: RunningGateway


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("mlflow")
    offline = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/tracking.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "HTTPS_PROXY": "http://127.0.0.1:9",  # whatever wants to reach further than this machine fails at once
        "HTTP_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
        "__pyfunc_model_path__": str(folder / "model"),
    }
    saved = subprocess.run(
        [sys.executable, "-m", "tests.support.mlflow_model", str(folder / "model")],
        capture_output=True,
        env={"PATH": "", "PYTHONPATH": ".", **offline},
        cwd=Path(__file__).parents[2],
        timeout=120,
        check=False,
    )
    assert saved.returncode == 0, saved.stderr.decode()
    direct = f"http://127.0.0.1:{(port := free_port())}"
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "mlflow.pyfunc.scoring_server.app:app",
    ]
    with (
        server_process(command, direct + "/ping", folder / "mlflow.log", environment=offline),
        gateway(direct, folder / "gateway") as guarded,
    ):
        yield Pair(direct, guarded)


def ask(url: str, body: object, media: str = "application/json") -> httpx.Response:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return httpx.post(url + "/invocations", content=content, headers={"content-type": media}, timeout=30)


def require_rounded(true: httpx.Response, shown: httpx.Response) -> None:
    """Fails unless the guarded answer is the true one at two decimals, winners and sums kept."""
    assert (true.status_code, shown.status_code) == (200, 200), shown.text
    bare, given = np.array(true.json()["predictions"]), np.array(shown.json()["predictions"])
    assert bare.shape == given.shape == (3, 3)
    assert not np.array_equal(bare, np.round(bare, 2))
    assert np.array_equal(given, np.round(given, 2))
    assert np.max(np.abs(bare - given)) < 0.02
    assert np.array_equal(bare.argmax(axis=1), given.argmax(axis=1))
    assert np.allclose(given.sum(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("body", FORMS)
def test_predictions_are_rounded_in_every_form_of_json(pair: Pair, body: object) -> None:
    require_rounded(ask(pair.direct, body), ask(pair.guarded.url, body))


@pytest.mark.parametrize("media", ["text/csv", "text/csv; charset=utf-8"])
def test_predictions_for_a_table_are_rounded(pair: Pair, media: str) -> None:
    table = "\n".join([",".join(COLUMNS), *(",".join(map(str, row)) for row in ROWS)]).encode() + b"\n"
    require_rounded(ask(pair.direct, table, media), ask(pair.guarded.url, table, media))


def test_the_rows_of_each_form_are_counted(pair: Pair) -> None:
    before = rows_answered(pair)
    for form in FORMS:
        assert ask(pair.guarded.url, form.values[0]).status_code == 200
    assert rows_answered(pair) == before + len(FORMS) * len(ROWS)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": ROWS, "inputs": ROWS},
        {},
        {"dataframe_split": {"columns": COLUMNS}},
        {"dataframe_records": [1]},
        [1, 2],
        b"{",
    ],
)
def test_a_malformed_request_is_an_error_as_mlflow_tells_it(pair: Pair, body: object) -> None:
    refused = ask(pair.guarded.url, body)
    assert refused.status_code == 400
    assert refused.json().keys() == {"error_code", "message"}


def test_a_fault_that_only_the_model_sees_is_told_without_its_stack_trace(pair: Pair) -> None:
    wrong = {"instances": [[1.0, 2.0]]}
    true, shown = ask(pair.direct, wrong), ask(pair.guarded.url, wrong)
    assert "stack_trace" in true.json()
    assert true.status_code == shown.status_code
    assert shown.json().keys() == {"error_code", "message"}
    assert "Traceback" not in shown.text


def test_health_is_passed_on_and_other_media_are_refused(pair: Pair) -> None:
    for path in ("/ping", "/health", "/version"):
        assert httpx.get(pair.guarded.url + path).status_code == httpx.get(pair.direct + path).status_code == 200
    assert ask(pair.guarded.url, b"x", "application/x-parquet").status_code == 415
    assert httpx.get(pair.guarded.url + "/docs").status_code == 404


def rows_answered(pair: Pair) -> int:
    metrics = httpx.get(pair.guarded.admin + "/metrics").text.splitlines()
    return next(int(float(line.split()[1])) for line in metrics if line.startswith("moatkeeper_rows_total "))
