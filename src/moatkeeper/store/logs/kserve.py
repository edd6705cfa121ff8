"""KServe's payload logger: CloudEvents, a request and a response joined by their id.

Names are those of ``pkg/logger`` in kserve/kserve: type ``org.kubeflow.serving.inference.request`` or ``.response``, extensions
``inferenceservicename``, ``namespace``, ``component``, ``endpoint`` and ``metadata`` (a JSON text of the request headers that
``metadataHeaders`` names, each a list). An event may be structured (``data`` or ``data_base64`` beside the attributes), or what
a collector made of a binary one (``headers`` with Ce-Id ..., and ``body``). The logger's own files (``reqType``, ``id``,
``inferenceService``, ``bytes`` in base64; its ``marshaller_record.go``) are read too, if the collector added a ``time``.

Who asked is not in the event unless ``metadataHeaders`` has a header that says so; the account is looked for there.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from moatkeeper.store.logs.base import Entry, Reading, Record, Unreadable, text_of
from moatkeeper.store.logs.bodies import answered, asked, document
from moatkeeper.store.logs.times import moment

REQUEST, RESPONSE = "inference.request", "inference.response"
"""How the types of the two events end, KServe's and Seldon's alike."""
QUESTION, REPLY = "request_event", "response_event"
"""The fields of a record that ``gather`` makes of two events with one id."""

_ACCOUNT_HEADERS = (
    "x-account",
    "x-account-id",
    "x-user-id",
    "x-customer-id",
    "x-tenant-id",
    "x-forwarded-user",
    "x-consumer-id",
)
_KEY_HEADERS = ("x-api-key-id", "x-api-key", "authorization")
_ADDRESS_HEADERS = ("x-forwarded-for", "x-real-ip", "x-envoy-external-address")


@dataclass(frozen=True, slots=True)
class KServeEvents:
    """The form ``kserve``."""

    name: str = "kserve"
    holds: str = "KServe's payload logger (CloudEvents): contents; who asked only as far as metadataHeaders says it"

    def recognises(self, records: Sequence[Record]) -> bool:
        """By the type of the event."""
        typed = [record for record in records if half(record) is not None]
        return bool(records) and len(typed) * 2 >= len(records)

    def read(self, record: Record) -> Reading:
        """The exchange of two joined events; raises Unreadable for a request whose response is missing, or the reverse."""
        question, reply = record.get(QUESTION), record.get(REPLY)
        if not isinstance(question, Mapping):
            raise Unreadable("found a response event without its request event, expected both with one id")
        headers = _metadata(question)
        body = asked(_data(question))
        answer = answered(_data(reply), body.rows) if isinstance(reply, Mapping) else answered(None, body.rows)
        return Entry(
            account=_header(headers, _ACCOUNT_HEADERS),
            at=moment(_attribute(question, "time", "timestamp", "@timestamp"), "time"),
            model=_attribute(question, "inferenceservicename", "inferenceService", "modelid") or body.model,
            request=_attribute(question, "id", "requestid"),
            organisation=_attribute(question, "namespace"),
            key=_disguised(_header(headers, _KEY_HEADERS)),
            address=_header(headers, _ADDRESS_HEADERS).rsplit(",", 1)[-1].strip(),
            agent=_header(headers, ("user-agent",)),
            numbers=body.numbers,
            columns=body.columns,
            texts=body.texts,
            rows=body.rows,
            scores=answer.scores,
            labels=answer.labels,
            system=body.system,
            turns=body.turns,
            tokens=answer.tokens,
        )


def half(record: Record) -> tuple[str, str] | None:
    """QUESTION or REPLY, and the id that joins the two; None for a record that is neither."""
    kind = _attribute(record, "type", "reqType")
    identity = _attribute(record, "id", "requestid")
    if not identity or not kind.endswith((REQUEST, RESPONSE)):
        return None
    return (QUESTION if kind.endswith(REQUEST) else REPLY), identity


def _attribute(event: Record, *names: str) -> str:
    """A CloudEvents attribute, from the event itself, or from its headers with Ce- ahead in any case."""
    found = text_of(event, *names)
    headers = event.get("headers")
    if found or not isinstance(headers, Mapping):
        return found
    lowered = {str(name).lower(): value for name, value in headers.items()}
    return text_of(lowered, *(f"ce-{name}" for name in names))


def _data(event: Record) -> object:
    """The body of an event; raises Unreadable."""
    if event.get("data") is not None or event.get("body") is not None:
        return document(event.get("data", event.get("body")), "data")
    encoded = event.get("data_base64", event.get("bytes"))
    if not isinstance(encoded, str):
        raise Unreadable("found an event without data, expected data, data_base64, body or bytes")
    try:
        return document(base64.b64decode(encoded, validate=True).decode(), "data")
    except (binascii.Error, UnicodeDecodeError):
        raise Unreadable("found data that is no base64 of a text, expected the body that the model server got") from None


def _metadata(event: Record) -> Mapping[str, object]:
    """The logged request headers in lower case."""
    found = document(event.get("metadata") or _attribute(event, "metadata") or {}, "metadata")
    if not isinstance(found, Mapping):
        return {}
    return {str(name).lower(): value[0] if isinstance(value, list) and value else value for name, value in found.items()}


def _header(headers: Mapping[str, object], names: Sequence[str]) -> str:
    return text_of(headers, *names)


def _disguised(credential: str) -> str:
    """A logged credential as a digest that stands for it: it must not come out in a report."""
    return (
        blake2b(credential.encode("utf-8", "surrogatepass"), digest_size=8, person=b"kserve-key").hexdigest()
        if credential
        else ""
    )
