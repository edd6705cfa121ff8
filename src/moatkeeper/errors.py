"""Every error that Moatkeeper raises on purpose, in one tree.

MoatkeeperError                     exit 1
├── UsageError                      exit 2   a command's words are off
├── ConfigError                     exit 3   the configuration is wrong: line, found, expected
├── MissingExtra                    exit 3   an optional dependency is not installed
├── RequestError                             the client's request cannot be served; carries an HTTP status
│   ├── MalformedRequest            400      not of its format, or with impossible values
│   ├── Unauthenticated             401      no or wrong credentials
│   ├── RouteRefused                404      a path that is not declared
│   ├── MethodRefused               405      a declared path, another method
│   ├── BodyTooLarge                413      longer than the route allows
│   ├── UnsupportedMedia            415      a media type or encoding that the route does not speak
│   └── Overloaded                  503      too much is in flight here
├── UpstreamError                            the model server failed us; carries an HTTP status
│   ├── UpstreamUnreachable         502      no connection, nothing was sent
│   ├── UpstreamBroken              502      truncated or badly framed answer
│   ├── UnexpectedAnswer            502      well framed, but not what its format says
│   └── UpstreamTimeout             504      no answer in time
├── StoreError                      exit 4   the data directory cannot be read or written
├── CalibrationError                exit 3   honest traffic is too little or of another kind; or a calibration file is broken
└── LedgerBroken                    exit 5   the chain does not verify; names the first fault

Each message says what was found and what was expected; ``hint`` tells the operator what to do about it and is never sent
to a caller of the API.
"""

from __future__ import annotations

from typing import ClassVar


class MoatkeeperError(Exception):
    """Base of the tree: ``message`` for the log, ``hint`` for the operator, ``exit_code`` for the shell."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MoatkeeperError):
    """A command was called with words that do not fit together."""

    exit_code = 2


class ConfigError(MoatkeeperError):
    """The configuration is wrong; the message names file, line, what was found and what was expected."""

    exit_code = 3


class MissingExtra(MoatkeeperError):
    """An optional dependency is missing; the hint names the extra to install."""

    exit_code = 3


class CalibrationError(MoatkeeperError):
    """What detectors know of honest traffic is too little, of another kind than the traffic, or cannot be read."""

    exit_code = 3


class RequestError(MoatkeeperError):
    """The client's request cannot be served. ``message`` is safe to show to the client: it never names a guard's reason."""

    status: ClassVar[int] = 400


class MalformedRequest(RequestError):
    """The request is not of its format, or holds impossible values such as NaN or ragged rows."""

    status = 400


class Unauthenticated(RequestError):
    """No credentials, or wrong ones; the message never says which."""

    status = 401


class RouteRefused(RequestError):
    """A path that no wire format declares: side doors are refused by default."""

    status = 404


class MethodRefused(RequestError):
    """A declared path with a method that it does not take."""

    status = 405


class BodyTooLarge(RequestError):
    """The body is longer than the route allows."""

    status = 413


class UnsupportedMedia(RequestError):
    """A media type, charset or content encoding that the route does not speak."""

    status = 415


class Overloaded(RequestError):
    """More is in flight here than this process takes on."""

    status = 503


class UpstreamError(MoatkeeperError):
    """The model server failed us. The message is for the log; the client gets a plain sentence and ``status``."""

    status: ClassVar[int] = 502


class UpstreamUnreachable(UpstreamError):
    """No connection could be had, so nothing was sent."""


class UpstreamBroken(UpstreamError):
    """The answer was truncated or badly framed."""


class UnexpectedAnswer(UpstreamError):
    """The answer was well framed, but is not what its format says."""


class UpstreamTimeout(UpstreamError):
    """No answer came in time."""

    status = 504


class StoreError(MoatkeeperError):
    """The data directory cannot be read or written."""

    exit_code = 4


class LedgerBroken(MoatkeeperError):
    """The ledger's chain does not verify; the message names the first fault and its sequence number."""

    exit_code = 5
