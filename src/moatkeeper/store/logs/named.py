"""Tables and JSON lines with named columns: what each column is, said by ``--columns`` or guessed where names are obvious.

    account=user_id,at=ts,inputs=f0:f22,scores=p0:p1,label=decision,text=prompt

A role takes one column, a range (``f0:f22``: every column from the first to the last, in the order of the file), or several of
both joined by ``+``. A column may hold a list. Texts in inputs count as categories.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from moatkeeper.errors import UsageError
from moatkeeper.store.logs.base import NAN, Entry, Reading, Record, Unreadable, count_of, text_of
from moatkeeper.store.logs.bodies import flat
from moatkeeper.store.logs.times import moment

GUESSES: Mapping[str, tuple[str, ...]] = {
    "account": ("account", "account_id", "user_id", "customer_id", "client_id", "tenant", "tenant_id", "user", "customer"),
    "at": ("at", "ts", "timestamp", "time", "datetime", "created_at", "request_time", "event_time", "timestamp_ms"),
    "model": ("model", "model_name", "model_id", "endpoint"),
    "request": ("request_id", "id", "x_request_id"),
    "organisation": ("organisation", "organization", "org", "org_id", "team_id"),
    "key": ("key", "key_id", "api_key", "api_key_id"),
    "address": ("address", "ip", "client_ip", "remote_addr", "ip_address"),
    "agent": ("agent", "user_agent"),
    "inputs": ("inputs", "features"),
    "scores": ("scores", "probabilities", "probs", "proba", "score", "probability"),
    "label": ("label", "prediction", "predicted", "decision", "class"),
    "text": ("text", "prompt", "query", "message", "question"),
    "system": ("system", "system_prompt"),
    "turns": ("turns",),
    "tokens": ("tokens", "completion_tokens", "output_tokens"),
    "room": ("room",),
    "released": ("released", "released_at"),
}
"""Names that are taken for a role without being told, first come first."""
_NUMBERED = re.compile(r"^(?:f|x|feature_?|col_?|v)(\d+)$", re.IGNORECASE)
_CHANCES = re.compile(r"^(?:p|prob_?|proba_?|score_?)(\d+)$", re.IGNORECASE)
_MANY = frozenset({"inputs", "scores"})


@dataclass(frozen=True, slots=True)
class NamedColumns:
    """The form ``columns``. ``roles`` are column names by role, ranges not yet opened."""

    roles: Mapping[str, str] = field(default_factory=dict)
    name: str = "columns"
    holds: str = "a table (CSV, Parquet) or JSON lines whose columns are named by --columns, or guessed"

    @classmethod
    def parse(cls, text: str) -> NamedColumns:
        """From ``role=columns,role=columns``; raises UsageError."""
        roles: dict[str, str] = {}
        for part in text.split(","):
            role, equals, columns = (piece.strip() for piece in part.partition("="))
            if not equals or not columns or role not in GUESSES or role in roles:
                raise UsageError(
                    f"--columns: found {part!r}, expected role=column, each role at most once, of {', '.join(GUESSES)}",
                    hint="for example --columns account=user_id,at=ts,inputs=f0:f22,scores=p0:p1",
                )
            roles[role] = columns
        return cls(roles)

    def recognises(self, records: Sequence[Record]) -> bool:
        """Where the roles are given, or names tell an account or address, a time, and something asked or answered."""
        if self.roles:
            return True
        found = guess(records[0]) if records else {}
        return "at" in found and bool(found.keys() & {"account", "key", "address"}) and bool(found.keys() & {"inputs", "text"})

    def opened(self, record: Record) -> Mapping[str, tuple[str, ...]]:
        """The columns of each role, as they are called in a record; raises UsageError for one that is not there."""
        given = {role: _columns(role, text, record) for role, text in self.roles.items()}
        taken = {column for columns in given.values() for column in columns}
        guessed = {role: columns for role, columns in guess(record).items() if not taken & set(columns)}
        if "text" in given:
            guessed.pop("inputs", None)
        return {**guessed, **given}

    def read(self, record: Record) -> Reading:
        """The exchange in a line; raises Unreadable."""
        return self.reader(record)(record)

    def reader(self, first: Record) -> NamedReader:
        """A reader of lines with the columns of this one."""
        return NamedReader(self.opened(first))


@dataclass(frozen=True, slots=True)
class NamedReader:
    """Reads lines whose columns are known. Callable, so that it costs one look-up a line less than a method."""

    columns: Mapping[str, tuple[str, ...]]

    def __call__(self, record: Record) -> Reading:
        """The exchange in a line; raises Unreadable."""
        columns = self.columns
        at = columns.get("at")
        if at is None:
            raise Unreadable("found no column for the time, expected at=COLUMN in --columns")
        inputs = columns.get("inputs")
        numbers = [_cells(record, inputs)] if inputs is not None else None
        scores = [_cells(record, columns["scores"])] if "scores" in columns else None
        return Entry(
            account=self._text(record, "account"),
            at=moment(record.get(at[0]), at[0]),
            model=self._text(record, "model"),
            request=self._text(record, "request"),
            organisation=self._text(record, "organisation"),
            key=self._text(record, "key"),
            address=self._text(record, "address"),
            agent=self._text(record, "agent"),
            numbers=numbers,
            columns=inputs if inputs is not None and len(inputs) > 1 else (),
            texts=[self._text(record, "text")] if numbers is None and "text" in columns else None,
            scores=scores if scores is None or any(cell is not None for cell in scores[0]) else None,
            labels=[record.get(columns["label"][0])] if "label" in columns else None,
            system=self._text(record, "system"),
            turns=count_of(record.get(columns["turns"][0])) if "turns" in columns else -1,
            tokens=count_of(record.get(columns["tokens"][0])) if "tokens" in columns else -1,
            room=_number(record.get(columns["room"][0])) if "room" in columns else NAN,
            released=moment(record.get(columns["released"][0])) if "released" in columns else NAN,
        )

    def _text(self, record: Record, role: str) -> str:
        names = self.columns.get(role)
        return text_of(record, names[0]) if names is not None else ""


def guess(record: Record) -> Mapping[str, tuple[str, ...]]:
    """Roles that names tell without doubt. Numbered columns (f0, f1, ...; p0, p1, ...) are inputs and scores."""
    lowered = {name.lower(): name for name in reversed(list(record))}
    found: dict[str, tuple[str, ...]] = {}
    for role, names in GUESSES.items():
        column = next((lowered[name] for name in names if name in lowered), None)
        if column is not None:
            found[role] = (column,)
    for role, pattern in (("inputs", _NUMBERED), ("scores", _CHANCES)):
        numbered = sorted((int(match[1]), name) for name in record if (match := pattern.match(name)))
        if len(numbered) > 1 and role not in found:
            found[role] = tuple(name for _, name in numbered)
    return found


def _columns(role: str, text: str, record: Record) -> tuple[str, ...]:
    names = list(record)
    found: list[str] = []
    for part in text.split("+"):
        first, colon, last = part.partition(":")
        if part in record or not colon:
            first, last = part, part
        missing = [name for name in (first, last) if name not in record]
        if missing:
            raise UsageError(
                f"--columns: found no column {missing[0]!r} for {role}, expected one of {', '.join(names[:40])}",
                hint="a range goes from one column to another in the order of the file, for example f0:f22",
            )
        start, end = names.index(first), names.index(last)
        found += names[start : end + 1] if start <= end else names[end : start + 1]
    if role not in _MANY and len(found) != 1:
        raise UsageError(f"--columns: found {len(found)} columns for {role}, expected one")
    return tuple(found)


def _cells(record: Record, names: Sequence[str]) -> list[object]:
    cells = [record.get(name) for name in names]
    return flat(cells) if any(type(cell) is list for cell in cells) else cells


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, int | float | str) else NAN
    except ValueError:
        return NAN
