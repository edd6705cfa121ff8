"""The forms of log by name: one line each, and the tests of every form run over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from moatkeeper.errors import UsageError
from moatkeeper.store.logs.base import LogForm, Record
from moatkeeper.store.logs.envoy import EnvoyAccess
from moatkeeper.store.logs.inference_table import InferenceTable
from moatkeeper.store.logs.kserve import KServeEvents
from moatkeeper.store.logs.litellm import LiteLLMSpend
from moatkeeper.store.logs.named import NamedColumns
from moatkeeper.store.logs.nginx import NginxAccess
from moatkeeper.store.logs.own import OwnLog
from moatkeeper.store.logs.payloads import Payloads

_ALL: tuple[LogForm, ...] = (
    OwnLog(),
    LiteLLMSpend(),
    InferenceTable(),
    KServeEvents(),
    EnvoyAccess(),
    NginxAccess(),
    Payloads(),
    NamedColumns(),
)

FORMS: Mapping[str, LogForm] = MappingProxyType({form.name: form for form in _ALL})
"""All forms, in the order in which a file is tried: from the most telling fields to the least."""


def form_of(records: Sequence[Record], source: str) -> LogForm:
    """The first form that recognises the records; raises UsageError that says what was found."""
    for form in FORMS.values():
        if form.recognises(records):
            return form
    fields = ", ".join(sorted({name for record in records for name in record})[:20]) if records else "no readable line"
    raise UsageError(
        f"{source}: found {fields}; expected a log of one of these forms: {', '.join(FORMS)}",
        hint="name the form with --format, or the columns with --columns account=...,at=...,inputs=...",
    )


def form_named(name: str) -> LogForm:
    """A form by its name; raises UsageError."""
    if name not in FORMS:
        raise UsageError(f"the log format {name!r} is not known; expected one of {', '.join(FORMS)}")
    return FORMS[name]
