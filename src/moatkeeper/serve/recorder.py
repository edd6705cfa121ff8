"""Takes each exchange down in the ledger, after the reply and without waiting for the disk."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from moatkeeper.core.answer import Usage
from moatkeeper.core.judgement import Decision
from moatkeeper.core.query import Query
from moatkeeper.core.quick import quick
from moatkeeper.errors import StoreError
from moatkeeper.evidence import records
from moatkeeper.evidence.digest import RunningDigest, released_digest, request_digest, running_released_digest
from moatkeeper.store.ledger import Ledger

log = logging.getLogger("moatkeeper.recorder")


@quick
@dataclass(frozen=True, slots=True)
class Outcome:
    """How one query ended."""

    format: str
    operation: str
    status: int
    usage: Usage
    request_body: bytes
    released_digest: str
    took_s: float


class Recorder(Protocol):
    """What the gateway needs of whoever keeps the record."""

    @property
    def ready(self) -> bool:
        """Whether the next record will be taken: asked before a query is admitted on routes that fail closed."""
        ...

    def record(self, query: Query, decision: Decision, outcome: Outcome) -> bool:
        """Takes one exchange down; False where it could not be."""
        ...

    def released_digest(self, body: bytes) -> str:
        """The digest of an answer as the caller got it."""
        ...

    def running_digest(self) -> RunningDigest:
        """The same for an answer that goes out in pieces."""
        ...


class LedgerRecorder:
    """Records to the ledger of the data directory."""

    def __init__(self, ledger: Ledger, secret: bytes, queue_limit: int) -> None:
        self._ledger = ledger
        self._secret = secret
        self._queue_limit = queue_limit
        self._complained = False

    @property
    def ready(self) -> bool:
        """Whether the ledger can write and has room."""
        return self._ledger.failed is None and self._ledger.depth < self._queue_limit

    def record(self, query: Query, decision: Decision, outcome: Outcome) -> bool:
        """Queues the record; a failure is logged once until the ledger works again."""
        fields = records.query_record(
            query,
            decision,
            format=outcome.format,
            operation=outcome.operation,
            status=outcome.status,
            usage=outcome.usage,
            request_digest=request_digest(self._secret, outcome.request_body),
            released_digest=outcome.released_digest,
            latency_s=outcome.took_s,
        )
        try:
            self._ledger.append(records.QUERY, query.at, fields)
        except StoreError as error:
            if not self._complained:
                log.error("the ledger takes no records", extra={"detail": error.message})
                self._complained = True
            return False
        self._complained = False
        return True

    def released_digest(self, body: bytes) -> str:
        """The keyed digest of an answer."""
        return released_digest(self._secret, body)

    def running_digest(self) -> RunningDigest:
        """The keyed digest of an answer that goes out in pieces."""
        return running_released_digest(self._secret)


class NoRecorder:
    """Where the ledger is switched off: nothing is kept, and nothing is computed for it."""

    ready = True

    def record(self, query: Query, decision: Decision, outcome: Outcome) -> bool:
        """Always true: nothing was asked to be kept."""
        return True

    def released_digest(self, body: bytes) -> str:
        """Empty."""
        return ""

    def running_digest(self) -> RunningDigest:
        """A digest that nobody keeps."""
        return running_released_digest(b"\0" * 32)
