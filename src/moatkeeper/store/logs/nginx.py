"""nginx's access log with a ``log_format ... escape=json``.

The format is the operator's own; field names are nginx's variables with or without ``http_`` ahead, as in the format
``json_analytics`` that most examples copy: ``time_iso8601``, ``msec`` or ``time_local``, ``remote_addr``, ``remote_user``,
``request`` or ``request_uri`` with ``request_method``, ``status``, ``body_bytes_sent``, ``http_user_agent``, ``request_id``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from moatkeeper.store.logs.access import entry
from moatkeeper.store.logs.base import Reading, Record, have

_TIMES = ("msec", "time_iso8601", "time_local", "time", "@timestamp", "timestamp")


@dataclass(frozen=True, slots=True)
class NginxAccess:
    """The form ``nginx``."""

    name: str = "nginx"
    holds: str = "nginx's access log: only who called when; nothing of what was asked or answered"

    def recognises(self, records: Sequence[Record]) -> bool:
        """By nginx's name of the address beside a status."""
        return have(records, ("remote_addr", "status"))

    def read(self, record: Record) -> Reading:
        """The call in a line; raises Unreadable."""
        return entry(
            record,
            times=_TIMES,
            paths=("request_uri", "uri", "path"),
            statuses=("status",),
            accounts=("account", "account_id", "remote_user", "http_x_account"),
            addresses=("http_x_forwarded_for", "x_forwarded_for", "remote_addr"),
            agents=("http_user_agent", "user_agent", "agent"),
        )
