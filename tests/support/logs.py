"""Small logs of every form, as their servers write them: who asked what when, and what was answered."""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np

from moatkeeper.core.query import FloatArray

START = 1_767_225_600.0  # 2026-01-01T00:00:00Z
WIDTH = 6
MODEL = "credit"


class Call(NamedTuple):
    """One exchange with one row: numbers or a text, and a probability."""

    account: str
    at: float
    row: tuple[float, ...]
    score: float
    text: str = ""


Writer = Callable[[Sequence[Call], Path], None]


def calls(count: int = 40, accounts: int = 4, seed: int = 0) -> list[Call]:
    """Honest calls in the order of time."""
    rng = np.random.default_rng(seed)
    return [
        Call(
            f"customer-{number % accounts}",
            START + 60.0 * number,
            tuple(np.round(rng.normal(size=WIDTH), 3).tolist()),
            round(float(rng.random()), 4),
            f"how do I do thing {number}",
        )
        for number in range(count)
    ]


def iso(at: float) -> str:
    """As most servers write a time."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def own(found: Sequence[Call], file: Path) -> None:
    """Moatkeeper's own log."""
    lines(
        file,
        [
            {
                "moatkeeper": 1,
                "id": f"r{number}",
                "at": call.at,
                "account": call.account,
                "key": f"key of {call.account}",
                "address": "198.51.100.7",
                "model": MODEL,
                "inputs": {"kind": "numbers", "rows": 1, "values": [list(call.row)]},
                "outputs": [{"name": "p", "kind": "scores", "values": [[1 - call.score, call.score]]}],
            }
            for number, call in enumerate(found)
        ],
    )


def litellm(found: Sequence[Call], file: Path) -> None:
    """LiteLLM's spend logs: rows of LiteLLM_SpendLogs as Postgres exports them."""
    lines(
        file,
        [
            {
                "request_id": f"chatcmpl-{number}",
                "call_type": "acompletion",
                "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
                "spend": 0.0001,
                "total_tokens": 30,
                "prompt_tokens": 20,
                "completion_tokens": 10,
                "startTime": iso(call.at),
                "endTime": iso(call.at + 1),
                "model": "openai/" + MODEL,
                "model_group": MODEL,
                "user": "default_user_id",
                "end_user": call.account,
                "metadata": json.dumps({"user_agent": "OpenAI/Python 1.60.0"}),
                "requester_ip_address": "198.51.100.7",
                "messages": json.dumps([{"role": "system", "content": "Be brief."}, {"role": "user", "content": call.text}]),
                "response": "{}",
                "status": "success",
            }
            for number, call in enumerate(found)
        ],
    )


def inference_table(found: Sequence[Call], file: Path) -> None:
    """A Databricks inference table, as Parquet."""
    rows = [
        {
            "request_date": iso(call.at)[:10],
            "databricks_request_id": f"dbx-{number}",
            "client_request_id": None,
            "request_time": iso(call.at),
            "status_code": 200,
            "sampling_fraction": 1.0,
            "execution_duration_ms": 12,
            "request": json.dumps({"dataframe_split": {"columns": [f"c{i}" for i in range(WIDTH)], "data": [list(call.row)]}}),
            "response": json.dumps({"predictions": [[1 - call.score, call.score]]}),
            "served_entity_id": MODEL,
            "requester": call.account,
        }
        for number, call in enumerate(found)
    ]
    source = file.with_suffix(".tmp")
    lines(source, rows)
    with duckdb.connect() as engine:
        engine.execute(f"COPY (SELECT * FROM read_json('{source}')) TO '{file}' (FORMAT parquet)")
    source.unlink()


def kserve(found: Sequence[Call], file: Path) -> None:
    """KServe's payload logger: a request event and a response event a call, in no order."""
    events = []
    for number, call in enumerate(found):
        common = {"specversion": "1.0", "id": f"ce-{number}", "source": "http://localhost:9081/", "inferenceservicename": MODEL}
        metadata = json.dumps({"X-Account-Id": [call.account], "Authorization": ["Bearer very-secret"]})
        answer = json.dumps({"predictions": [[1 - call.score, call.score]]}).encode()
        events.append(
            {
                **common,
                "type": "org.kubeflow.serving.inference.request",
                "time": iso(call.at),
                "metadata": metadata,
                "data": {"instances": [list(call.row)]},
            }
        )
        events.append(
            {
                **common,
                "type": "org.kubeflow.serving.inference.response",
                "time": iso(call.at + 0.1),
                "data_base64": base64.b64encode(answer).decode(),
            }
        )
    lines(file, [events[place] for place in np.random.default_rng(0).permutation(len(events)).tolist()])


def payloads(found: Sequence[Call], file: Path) -> None:
    """What loggers before vLLM write: request and response side by side."""
    lines(
        file,
        [
            {
                "timestamp": call.at,
                "user_id": call.account,
                "request": {
                    "model": MODEL,
                    "messages": [
                        {"role": "user", "content": "Hello"},
                        {"role": "assistant", "content": "Hi!"},
                        {"role": "user", "content": [{"type": "text", "text": call.text}]},
                    ],
                },
                "response": {
                    "id": f"chatcmpl-{number}",
                    "model": MODEL,
                    "choices": [{"index": 0, "message": {"role": "assistant", "content": "..."}}],
                    "usage": {"prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 15},
                },
            }
            for number, call in enumerate(found)
        ],
    )


def envoy(found: Sequence[Call], file: Path) -> None:
    """Envoy's access log with Istio's JSON fields."""
    lines(
        file,
        [
            {
                "start_time": iso(call.at),
                "method": "POST",
                "path": f"/v1/models/{MODEL}:predict?verbose=1",
                "protocol": "HTTP/1.1",
                "response_code": 200,
                "response_flags": "-",
                "bytes_received": 120,
                "bytes_sent": 64,
                "duration": 5,
                "x_forwarded_for": f"203.0.113.9, {_address(call)}",
                "user_agent": "python-requests/2.32",
                "request_id": f"req-{number}",
            }
            for number, call in enumerate(found)
        ],
    )


def nginx(found: Sequence[Call], file: Path) -> None:
    """nginx's access log with escape=json."""
    lines(
        file,
        [
            {
                "msec": f"{call.at:.3f}",
                "request_id": f"req-{number}",
                "remote_addr": _address(call),
                "remote_user": "",
                "request": f"POST /v1/models/{MODEL}:predict HTTP/1.1",
                "status": "200",
                "body_bytes_sent": "64",
                "http_user_agent": "curl/8.7.1",
            }
            for number, call in enumerate(found)
        ],
    )


def table(found: Sequence[Call], file: Path) -> None:
    """A CSV table with columns of one's own."""
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["customer", "ts", *(f"f{i}" for i in range(WIDTH)), "p0", "p1"])
        writer.writerows([call.account, iso(call.at), *call.row, 1 - call.score, call.score] for call in found)


WRITERS: dict[str, tuple[str, Writer]] = {
    "moatkeeper": ("own.jsonl", own),
    "litellm": ("spend.jsonl", litellm),
    "inference-table": ("table.parquet", inference_table),
    "kserve": ("events.jsonl", kserve),
    "payloads": ("payloads.jsonl", payloads),
    "envoy": ("envoy.json", envoy),
    "nginx": ("access.json", nginx),
    "columns": ("table.csv", table),
}
"""For each form a file name and who writes it."""

WITH_NUMBERS = frozenset({"moatkeeper", "inference-table", "kserve", "columns"})
WITH_TEXTS = frozenset({"litellm", "payloads"})
WITHOUT_ACCOUNT = frozenset({"envoy", "nginx"})


def write(form: str, found: Sequence[Call], folder: Path) -> Path:
    """A log of a form."""
    name, writer = WRITERS[form]
    writer(found, folder / name)
    return folder / name


def lines(file: Path, records: Sequence[object]) -> None:
    """A JSON object a line."""
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def rows_of(found: Sequence[Call]) -> FloatArray:
    """The inputs by account and time, as a hunt reads them."""
    return np.array([call.row for call in sorted(found, key=lambda call: (call.account, call.at))])


def _address(call: Call) -> str:
    return f"10.0.0.{int(call.account.rsplit('-', 1)[1]) + 1}"
