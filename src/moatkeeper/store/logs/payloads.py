"""Payload logs of OpenAI-compatible servers (vLLM and others): one JSON object a call, its request and response side by side.

There is no one standard: vLLM itself writes no payloads, the loggers before it do. Recognised are ``request`` (or
``request_body``) and ``response`` (or ``response_body``, ``completion``), as objects or as JSON texts, and beside them who and
when under the names below. OpenAI's own batch output (``custom_id``, ``response.body``) has no time and no account, and cannot
be looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moatkeeper.store.logs.base import Entry, Passed, Reading, Record, Unreadable, count_of, have, text_of
from moatkeeper.store.logs.bodies import answered, asked, document
from moatkeeper.store.logs.times import moment

REQUESTS, RESPONSES = ("request", "request_body"), ("response", "response_body", "completion")
_TIMES = ("at", "timestamp", "time", "ts", "created_at", "start_time", "created")
_ACCOUNTS = ("account", "account_id", "customer", "customer_id", "tenant", "user_id", "user", "end_user", "client_id")
_FAILED_FROM = 400


@dataclass(frozen=True, slots=True)
class Payloads:
    """The form ``payloads``."""

    name: str = "payloads"
    holds: str = "payload logs of vLLM and other OpenAI-compatible servers: contents, and who and when as far as they say it"

    def recognises(self, records: Sequence[Record]) -> bool:
        """By a request and a response side by side."""
        return any(have(records, (asking, saying)) for asking in REQUESTS for saying in RESPONSES)

    def read(self, record: Record) -> Reading:
        """The exchange in a line; raises Unreadable."""
        if count_of(record.get("status_code", record.get("status"))) >= _FAILED_FROM:
            return Passed("the call failed")
        body = document(_first(record, REQUESTS), "request")
        if isinstance(body, Mapping) and isinstance(body.get("body"), Mapping | str):
            body = document(body["body"], "request's body")
        question = asked(body)
        reply = document(_first(record, RESPONSES) or {}, "response")
        answer = answered(reply, question.rows)
        user = text_of(body, "user", "safety_identifier") if isinstance(body, Mapping) else ""
        at = _first(record, _TIMES)
        identity = text_of(reply, "id") if isinstance(reply, Mapping) else ""
        return Entry(
            account=text_of(record, *_ACCOUNTS) or user,
            at=moment(_created(reply) if at is None else at, "timestamp"),
            model=question.model or answer.model or text_of(record, "model"),
            request=text_of(record, "request_id", "id", "x_request_id") or identity,
            organisation=text_of(record, "organisation", "organization", "org_id", "team_id"),
            key=text_of(record, "api_key", "key", "key_id", "api_key_hash"),
            address=text_of(record, "address", "client_ip", "remote_addr", "ip"),
            agent=text_of(record, "agent", "user_agent"),
            numbers=question.numbers,
            columns=question.columns,
            texts=question.texts,
            rows=question.rows,
            scores=answer.scores,
            labels=answer.labels,
            system=question.system,
            turns=question.turns,
            tokens=answer.tokens,
        )


def _first(record: Record, names: Sequence[str]) -> object:
    return next((record[name] for name in names if record.get(name) is not None), None)


def _created(reply: object) -> object:
    """The server's own time in an OpenAI response; raises Unreadable where there is none."""
    if isinstance(reply, Mapping) and reply.get("created") is not None:
        return reply["created"]
    raise Unreadable(f"found no time, expected one of {', '.join(_TIMES)}")
