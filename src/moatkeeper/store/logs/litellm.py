"""LiteLLM's spend logs: rows of its table LiteLLM_SpendLogs, exported as JSON, CSV or Parquet.

Field names are those of ``schema.prisma`` in BerriAI/litellm (model LiteLLM_SpendLogs, 2026). The prompt is in ``messages`` or
in ``proxy_server_request``, both of which are empty unless ``store_prompts_in_spend_logs`` is set: without them only tempo and
tokens can be looked at. ``api_key`` is LiteLLM's hash of the key. Whoever is named as ``end_user`` (the customer's customer) is
the account, else ``user``, else the key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moatkeeper.store.logs.base import Entry, Passed, Reading, Record, Unreadable, count_of, have, text_of
from moatkeeper.store.logs.bodies import Asked, asked, chat, document
from moatkeeper.store.logs.times import moment

_FAILED = "failure"
_NO_MODEL_CALLS = ("health", "/health", "list", "/models")


@dataclass(frozen=True, slots=True)
class LiteLLMSpend:
    """The form ``litellm``."""

    name: str = "litellm"
    holds: str = "LiteLLM's spend logs; prompts are in them only with store_prompts_in_spend_logs, and never log-probabilities"

    def recognises(self, records: Sequence[Record]) -> bool:
        """By fields that the table always has."""
        return have(records, ("startTime", "api_key", "completion_tokens", "call_type"))

    def read(self, record: Record) -> Reading:
        """The call in a row; raises Unreadable."""
        if record.get("status") == _FAILED:
            return Passed("the call failed")
        if text_of(record, "call_type") in _NO_MODEL_CALLS:
            return Passed("no call to a model")
        prompt = _prompt(record)
        metadata = document(record.get("metadata") or {}, "metadata")
        agent = text_of(metadata, "user_agent") if isinstance(metadata, Mapping) else ""
        return Entry(
            account=text_of(record, "end_user", "user"),
            at=moment(record.get("startTime"), "startTime"),
            model=text_of(record, "model_group", "model"),
            request=text_of(record, "request_id"),
            organisation=text_of(record, "organization_id", "team_id"),
            key=text_of(record, "api_key"),
            address=text_of(record, "requester_ip_address"),
            agent=agent,
            texts=prompt.texts,
            rows=prompt.rows,
            system=prompt.system,
            turns=prompt.turns,
            tokens=count_of(record.get("completion_tokens")),
        )


def _prompt(record: Record) -> Asked:
    """The prompt, from whichever of the two fields has it; the empty defaults of the table say nothing."""
    messages = document(record.get("messages") or {}, "messages field") if record.get("messages") != "" else {}
    if messages:
        return chat(messages)
    request = document(record.get("proxy_server_request") or {}, "proxy_server_request")
    if isinstance(request, Mapping) and request:
        body = request.get("body", request)
        try:
            return asked(document(body, "body of proxy_server_request"))
        except Unreadable:
            return Asked()
    return Asked()
