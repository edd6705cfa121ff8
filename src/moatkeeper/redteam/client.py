"""A client of a model API, as plain as a customer's or a thief's: one connection, no retries."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Generic, Self
from urllib.parse import urlsplit

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UnexpectedAnswer, UpstreamTimeout, UpstreamUnreachable
from moatkeeper.redteam.base import A, Q
from moatkeeper.redteam.dialects import Dialect, Wire
from moatkeeper.redteam.dialects_rows import row_dialect
from moatkeeper.redteam.target import check_target

TIMEOUT_S = 30.0
IDLE_LIMIT_S = 2.0
"""A connection that was idle for longer is opened anew: servers close idle ones (uvicorn after 5 s), and a request that meets
the close would be lost."""
MOST_ANSWER_BYTES = 256 * 2**20
"""A longer answer is nonsense, and is not read to its end."""
_DEFAULT_RETRY_AFTER_S = 3600.0  # without the header, a polite client stays away for the hour that tiers count in
_REFUSALS = frozenset({http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE})
_SHOWN = 200  # characters of an answer that an error quotes


@dataclass(frozen=True, slots=True)
class Reply(Generic[A]):
    """The answers to all questions of a request, or None where it was refused; then ``retry_after_s`` says for how long.

    ``tokens`` is what the server says it counted.
    """

    answers: A | None
    retry_after_s: float = 0.0
    tokens: int = 0


class Client(Generic[Q, A]):
    """Asks one model at one address in one dialect. Raises UsageError for an address that check_target refuses."""

    def __init__(
        self, url: str, model: str, dialect: Dialect[Q, A], *, ownership: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        check_target(url, ownership)
        self.dialect = dialect
        parts = urlsplit(url)
        factory = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = factory(parts.hostname or "", parts.port, timeout=timeout_s)
        self._used_at = time.monotonic()
        self._model = model
        self._path = parts.path.rstrip("/") + dialect.path(model)

    def ask(self, questions: Q, key: str = "") -> Reply[A]:
        """What the model says; raises UnexpectedAnswer for anything but answers of the dialect or a refusal."""
        body = json.dumps(self.dialect.encode(questions, self._model)).encode()
        status, retry_after, answer = self._post(body, key)
        if status == http.HTTPStatus.TOO_MANY_REQUESTS or (status in _REFUSALS and retry_after is not None):
            return Reply(None, _seconds(retry_after))
        if status != http.HTTPStatus.OK:
            raise UnexpectedAnswer(f"the server answered {status} to a question: {answer[:_SHOWN]!r}")
        try:
            document = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise UnexpectedAnswer(f"expected JSON, found {answer[:_SHOWN]!r}") from error
        return Reply(self.dialect.decode(document, len(self.dialect.trade.keys(questions))), tokens=_tokens(document))

    def _post(self, body: bytes, key: str) -> tuple[int, str | None, bytes]:
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if time.monotonic() - self._used_at > IDLE_LIMIT_S:
            self._connection.close()
        where = f"{self._connection.host}:{self._connection.port}"
        try:
            self._connection.request("POST", self._path, body, headers)
            response = self._connection.getresponse()
            answer = response.status, response.getheader("Retry-After"), response.read(MOST_ANSWER_BYTES + 1)
        except BaseException as error:  # whatever ends it, this connection has half an answer on it
            self._connection.close()
            if isinstance(error, TimeoutError):
                raise UpstreamTimeout(f"no answer from {where} within {self._connection.timeout} s") from error
            if isinstance(error, OSError | http.client.HTTPException):
                raise UpstreamUnreachable(f"no answer from {where}: {str(error) or type(error).__name__}") from error
            raise
        if len(answer[2]) > MOST_ANSWER_BYTES:
            self._connection.close()
            raise UnexpectedAnswer(f"an answer of more than {MOST_ANSWER_BYTES} bytes")
        self._used_at = time.monotonic()
        return answer

    def close(self) -> None:
        """Closes the connection; a later request opens a new one."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PredictClient(Client[FloatArray, FloatArray]):
    """A client of TensorFlow Serving's REST API: rows (n, d) to class scores (n, k)."""

    def __init__(self, url: str, model: str, *, ownership: str | None = None) -> None:
        super().__init__(url, model, row_dialect(Wire("tensorflow")), ownership=ownership)

    def predict(self, rows: FloatArray, key: str = "") -> Reply[FloatArray]:
        """What the model says of rows of shape (n, d); raises UnexpectedAnswer for anything but scores or a refusal."""
        return self.ask(rows, key)


def _seconds(retry_after: str | None) -> float:
    """RFC 9110, 10.2.3: whole seconds or a date; what is neither, or long past, counts as not said."""
    if retry_after is None:
        return _DEFAULT_RETRY_AFTER_S
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        wait_s = parsedate_to_datetime(retry_after).timestamp() - time.time()
    except ValueError:
        return _DEFAULT_RETRY_AFTER_S
    return wait_s if wait_s > 0 else _DEFAULT_RETRY_AFTER_S


def _tokens(document: object) -> int:
    usage = document.get("usage") if isinstance(document, Mapping) else None
    total = usage.get("total_tokens") if isinstance(usage, Mapping) else None
    return total if isinstance(total, int) and total > 0 else 0
