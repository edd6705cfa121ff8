"""Log lines: one JSON object each, or plain text for a terminal; never a credential, an input or an answer."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

import orjson

STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message and whatever was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        entry: dict[str, object] = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update(_extras(record))
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(entry, default=str).decode()
        except orjson.JSONEncodeError:
            # Numbers beyond 64 bits and lone surrogates, as in the names of files: rare, but a line must never be lost.
            return json.dumps(entry, default=str)


class PlainLines(logging.Formatter):
    """The same for a reader at a terminal: one line, and below it the traceback of an error where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        message = "".join(c if c.isprintable() else " " for c in record.getMessage())
        extras = "".join(f" {name}={value!r}" for name, value in _extras(record).items())
        line = f"{_at(record)} {record.levelname} {record.name}: {message}{' ' + extras if extras else ''}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in record.__dict__.items() if name not in STANDARD}


def configure(level: str, *, json_lines: bool, stream: TextIO | None = None) -> None:
    """Sends the log of this package and of its server to ``stream`` (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if json_lines else PlainLines())
    for name in ("moatkeeper", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level.upper())
    # The server's own start and stop lines repeat ours; its complaint about broken-off answers follows a line of ours.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
