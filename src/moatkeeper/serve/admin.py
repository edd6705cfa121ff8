"""The admin port: health, readiness, metrics, the shadow report, what was found. Read-only, and apart from the data port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from moatkeeper.serve.asgi import Receive, Scope, Send, send_response

TEXT_FORMAT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
JSON = (b"content-type", b"application/json")
ALLOW = (b"allow", b"GET, HEAD")


@dataclass(frozen=True, slots=True)
class AdminPages:
    """Where each page's content comes from, asked at the moment of the request."""

    health: Callable[[], dict[str, object]]
    problems: Callable[[], list[str]]  # why no traffic should be sent here; empty: ready
    metrics: Callable[[], bytes]
    shadow: Callable[[], dict[str, object]]
    patterns: Callable[[], dict[str, object]] = dict


class Admin:
    """A pure ASGI application: GET /healthz, /readyz, /metrics, /shadow, /patterns."""

    def __init__(self, pages: AdminPages) -> None:
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; anything but the five pages is not found, and they are only read."""
        if scope["type"] != "http":
            return
        path, pages = scope["path"], self._pages
        if scope["method"] not in ("GET", "HEAD"):
            await send_response(send, 405, [JSON, ALLOW], orjson.dumps({"error": "method not allowed"}))
        elif path == "/healthz":
            await send_response(send, 200, [JSON], orjson.dumps(pages.health()))
        elif path == "/readyz":
            problems = pages.problems()
            status = 503 if problems else 200
            await send_response(send, status, [JSON], orjson.dumps({"ready": not problems, "problems": problems}))
        elif path == "/metrics":
            await send_response(send, 200, [TEXT_FORMAT], pages.metrics())
        elif path == "/shadow":
            await send_response(send, 200, [JSON], orjson.dumps(pages.shadow()))
        elif path == "/patterns":
            await send_response(send, 200, [JSON], orjson.dumps(pages.patterns()))
        else:
            await send_response(send, 404, [JSON], orjson.dumps({"error": "not found"}))
