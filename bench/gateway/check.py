"""Before anything is measured: every contender gives the model server's answer, and Moatkeeper gives less of it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping

from bench.gateway import bodies
from bench.gateway.bodies import Workload
from bench.gateway.contenders import Contender

DECIMALS = 2  # of scores under the shipped contract
TIMEOUT_S = 30.0


def check(contender: Contender, workload: Workload, *, least: bool) -> None:
    """Raises SystemExit where a contender answers otherwise than it must; ``least``: with the least output."""
    status, body = _ask(contender, workload)
    where = f"{contender.name}, {workload.name}"
    if status != 200:
        raise SystemExit(f"{where}: status {status}, expected 200: {body[:200]!r}")
    if workload.streamed:
        if not body.rstrip().endswith(b"data: [DONE]"):
            raise SystemExit(f"{where}: the stream does not end as it should: {body[-100:]!r}")
        return
    model = json.loads(workload.body).get("model", workload.path)
    true, given = json.loads(bodies.answers()[model]), json.loads(body)
    if _decision(true) != _decision(given):
        raise SystemExit(f"{where}: another decision than the model server's")
    if _is_least(given) != (least or _is_least(true)):
        raise SystemExit(f"{where}: expected {'the least output' if least else 'the whole answer'}, found another")


def _ask(contender: Contender, workload: Workload) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*contender.address, timeout=TIMEOUT_S)
    headers = {"content-type": "application/json"}
    if contender.keys:
        headers["authorization"] = f"Bearer {contender.keys[0]}"
    connection.request("POST", workload.path, workload.body, headers)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, body


def _decision(document: Mapping[str, list[dict[str, dict[str, str]]]]) -> object:
    if "choices" in document:
        return document["choices"][0]["message"]["content"]
    return [row.index(max(row)) for row in document["predictions"]]  # type: ignore[attr-defined]


def _is_least(document: Mapping[str, list[dict[str, object]]]) -> bool:
    if "choices" in document:
        return document["choices"][0].get("logprobs") is None
    return all(round(score, DECIMALS) == score for row in document["predictions"] for score in row)  # type: ignore[call-overload]
