"""Reads a piece of plain lines with the engine alone: parsed, checked and spilled, and no value of it passes through here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.store.logs.engine import Engine, named, quoted
from moatkeeper.store.logs.sheet import folder_name, objects
from moatkeeper.store.logs.source import LONGEST_LINE
from moatkeeper.store.logs.typed import Typed

_WORDS = ("organisation", "key", "address", "agent")
_NUMBERED_FROM = 40  # bits of the number of a line below that of its piece


@dataclass(frozen=True, slots=True)
class Found:
    """What a piece of plain lines holds: exchanges' times in the order of the lines, rows by model, and what was left out."""

    at: FloatArray
    models: Mapping[str, int]
    outside: int
    nameless: int
    nobodys: int
    has: frozenset[str]


class TypedReader:
    """One piece. ``parse`` first; then, if it was plain, ``found`` and ``spill``."""

    def __init__(self, engine: Engine, typed: Typed, since: float, until: float) -> None:
        self._engine = engine
        self._typed = typed
        self._inside = f'"at" >= {_literal(since)} AND "at" < {_literal(until)}'
        self._looked_at = f"{self._inside} AND account IS NOT NULL"

    def parse(self, file: Path) -> bool:
        """Whether every line of the file is plain; then the engine holds its rows."""
        typed, engine = self._typed, self._engine
        fields = ", ".join(f"{named(name)}: '{kind}'" for name, kind in typed.fields.items())
        read = (
            f"read_json('{quoted(file)}', format='newline_delimited', maximum_object_size={LONGEST_LINE}, columns={{{fields}}})"
        )
        if not engine.accepts(f"CREATE OR REPLACE TEMP TABLE piece AS SELECT *, row_number() OVER () - 1 AS line FROM {read}"):
            return False
        plain = f"{typed.plain} AND isfinite({typed.at}) AND {typed.at} >= 0"
        if engine.one(f"SELECT count(*) FROM piece WHERE coalesce(NOT ({plain}), true)"):
            return False
        scores = f"unnest({typed.scores})" if typed.scores is not None else "NULL"
        texts = "".join(f" coalesce({getattr(typed, name)}, '') AS {name}," for name in (*_WORDS, "model", "request"))
        query = (
            f"SELECT {_account(typed)} AS account, coalesce({typed.account}, '') AS told, {typed.at} AS \"at\", line,{texts}"
            f" coalesce({typed.turns}, -1)::BIGINT AS turns, coalesce({typed.tokens}, -1)::BIGINT AS tokens,"
            f" {typed.room}::DOUBLE AS room, unnest({typed.inputs}) AS i, {scores} AS s,"
            f" unnest(range(len({typed.inputs}))) AS place FROM piece"
        )
        if not engine.accepts(f"CREATE OR REPLACE TEMP TABLE typed_rows AS {query}"):
            return False
        wide = f"len(i) = {typed.width}" + (f" AND len(s) = {typed.score_width}" if typed.scores is not None else "")
        return not engine.one(f"SELECT count(*) FROM typed_rows WHERE coalesce(NOT ({wide}), true)")

    def found(self) -> Found:
        """What there is in the rows."""
        engine, inside, looked_at = self._engine, self._inside, self._looked_at
        at = engine.columns(f'SELECT "at" FROM typed_rows WHERE {looked_at} AND place = 0 ORDER BY line')["at"]
        models = engine.columns(f"SELECT model, count(*) AS rows FROM typed_rows WHERE {looked_at} GROUP BY 1")
        has = engine.columns("SELECT max(turns) AS turns, max(tokens) AS tokens, max(room) AS room FROM typed_rows")
        firsts = "SELECT count(*) FROM typed_rows WHERE place = 0"
        return Found(
            at,
            dict(zip(models["model"].tolist(), models["rows"].tolist(), strict=True)),
            outside=engine.one(f"{firsts} AND NOT ({inside})"),
            nameless=engine.one(f"{firsts} AND {looked_at} AND told = ''"),
            nobodys=engine.one(f"{firsts} AND {inside} AND account IS NULL"),
            has=frozenset(name for name, value in has.items() if value[0] is not None and float(value[0]) >= 0),
        )

    def spill(self, models: Mapping[str, int], shape: str, folder: Path, number: int, parts: int) -> None:
        """Spills the rows; ``number`` is that of the piece."""
        typed, engine = self._typed, self._engine
        engine.give({"called": objects(list(models)), "folder": objects([folder_name(model) for model in models])})
        numbers = {f"i{place}": f"i[{place + 1}]" for place in range(typed.width)}
        if typed.scores is not None:
            numbers["width"] = f"{typed.score_width}::INTEGER"
            numbers |= {f"s{place}": f"s[{place + 1}]" for place in range(typed.score_width)}
        plain = ["account", "at", "request", "place", "turns", "tokens", "room"]
        source = (
            f"SELECT folder AS model, '{shape}' AS shape, {named(*plain)},"
            f" ({number}::BIGINT << {_NUMBERED_FROM}) | line AS line, "
            + ", ".join(f"{value} AS {name}" for name, value in numbers.items())
            + f" FROM typed_rows JOIN given ON model = called WHERE {self._looked_at}"
        )
        engine.spill_rows(source, ["model", "shape", *plain, "line", *numbers], folder, f"{number}-typed", parts)
        engine.spill_seen(f"SELECT * FROM typed_rows WHERE {self._looked_at}", folder, f"{number}-typed", parts)


def _account(typed: Typed) -> str:
    """The account, or else the key or the address in its stead; NULL without any."""
    return (
        f"CASE WHEN {typed.account} <> '' THEN {typed.account} WHEN {typed.key} <> '' THEN 'key ' || {typed.key}"
        f" WHEN {typed.address} <> '' THEN 'address ' || {typed.address} END"
    )


def _literal(value: float) -> str:
    return repr(value) if np.isfinite(value) else f"'{'-' if value < 0 else ''}Infinity'::DOUBLE"
