"""A client of TensorFlow Serving's REST API, as plain as a customer's or a thief's: one connection, no retries."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UnexpectedAnswer, UpstreamUnreachable
from moatkeeper.redteam.target import check_target

TIMEOUT_S = 30.0
IDLE_LIMIT_S = 2.0
"""A connection that was idle for longer is opened anew: servers close idle ones (uvicorn after 5 s), and a request that meets
the close would be lost."""
_DEFAULT_RETRY_AFTER_S = 3600.0  # without the header, a polite client stays away for the hour that tiers count in


@dataclass(frozen=True, slots=True)
class Reply:
    """Class scores (n, k), or None where the request was refused; then ``retry_after_s`` says for how long."""

    scores: FloatArray | None
    retry_after_s: float = 0.0


class PredictClient:
    """Asks one model at one address. Raises UsageError for an address that check_target refuses."""

    def __init__(self, url: str, model: str, *, ownership: str | None = None) -> None:
        check_target(url, ownership)
        parts = urlsplit(url)
        factory = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = factory(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        self._used_at = time.monotonic()
        self._path = f"{parts.path.rstrip('/')}/v1/models/{model}:predict"

    def predict(self, rows: FloatArray, key: str = "") -> Reply:
        """What the model says of rows of shape (n, d); raises UnexpectedAnswer for anything but scores or a refusal."""
        status, retry_after, body = self._post(json.dumps({"instances": rows.tolist()}).encode(), key)
        if status == http.HTTPStatus.TOO_MANY_REQUESTS:
            return Reply(None, _seconds(retry_after))
        if status != http.HTTPStatus.OK:
            raise UnexpectedAnswer(f"the server answered {status} to a prediction: {body[:200]!r}")
        return Reply(_scores(body, len(rows)))

    def _post(self, body: bytes, key: str) -> tuple[int, str | None, bytes]:
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if time.monotonic() - self._used_at > IDLE_LIMIT_S:
            self._connection.close()
        try:
            self._connection.request("POST", self._path, body, headers)
            response = self._connection.getresponse()
            answer = response.status, response.getheader("Retry-After"), response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise UpstreamUnreachable(f"no answer from {self._connection.host}:{self._connection.port}: {error}") from error
        self._used_at = time.monotonic()
        return answer

    def close(self) -> None:
        """Closes the connection; a later request opens a new one."""
        self._connection.close()

    def __enter__(self) -> PredictClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdecimal() else _DEFAULT_RETRY_AFTER_S


def _scores(body: bytes, rows: int) -> FloatArray:
    try:
        scores = np.asarray(json.loads(body)["predictions"], dtype=np.float64)
    except (ValueError, KeyError, TypeError) as error:
        raise UnexpectedAnswer(f"expected an object with predictions, found {body[:200]!r}") from error
    if scores.ndim != 2 or len(scores) != rows:
        raise UnexpectedAnswer(f"expected {rows} rows of class scores, found an array of shape {scores.shape}")
    return scores
