"""Envoy's access log in JSON.

Field names are those that Istio's and Ambassador's default ``json_format`` give to Envoy's command operators: ``start_time``
(%START_TIME%), ``method``, ``path``, ``response_code``, ``bytes_sent``, ``downstream_remote_address``, ``x_forwarded_for``,
``user_agent``, ``request_id``. A field ``account``, ``user`` or ``consumer`` that an operator added is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from moatkeeper.store.logs.access import entry
from moatkeeper.store.logs.base import Reading, Record, have

_TIMES = ("start_time", "timestamp", "@timestamp")


@dataclass(frozen=True, slots=True)
class EnvoyAccess:
    """The form ``envoy``."""

    name: str = "envoy"
    holds: str = "Envoy's access log: only who called when; nothing of what was asked or answered"

    def recognises(self, records: Sequence[Record]) -> bool:
        """By Envoy's names of the response code."""
        return have(records, ("response_code", "response_flags")) or have(records, ("response_code", "start_time"))

    def read(self, record: Record) -> Reading:
        """The call in a line; raises Unreadable."""
        return entry(
            record,
            times=_TIMES,
            paths=("path", "x_envoy_original_path", "url"),
            statuses=("response_code",),
            accounts=("account", "account_id", "consumer", "user", "username"),
            addresses=("x_forwarded_for", "downstream_remote_address", "client_address"),
            agents=("user_agent",),
        )
