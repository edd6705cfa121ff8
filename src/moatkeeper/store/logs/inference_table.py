"""Inference tables of MLflow model serving on Databricks, exported as Parquet, JSON or CSV.

Column names are those of Databricks' documentation: AI Gateway-enabled tables have ``request_time``, ``databricks_request_id``,
``client_request_id``, ``status_code``, ``served_entity_id``, ``requester``, ``request`` and ``response``; the older ones have
``timestamp_ms`` and ``request_metadata`` (with ``model_name``) instead. A batch is one row of the table. ``requester`` is the
account: a user or service principal of the workspace, behind whom there may be many customers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moatkeeper.store.logs.base import Entry, Passed, Reading, Record, Unreadable, count_of, have, text_of
from moatkeeper.store.logs.bodies import answered, asked, document
from moatkeeper.store.logs.times import moment

_FAILED_FROM = 400  # HTTP


@dataclass(frozen=True, slots=True)
class InferenceTable:
    """The form ``inference-table``."""

    name: str = "inference-table"
    holds: str = "MLflow and Databricks inference tables: contents and requester; no keys, addresses or agents"

    def recognises(self, records: Sequence[Record]) -> bool:
        """By Databricks' request identity beside the bodies."""
        return have(records, ("databricks_request_id", "request", "response"))

    def read(self, record: Record) -> Reading:
        """The exchange in a row; raises Unreadable."""
        if count_of(record.get("status_code")) >= _FAILED_FROM:
            return Passed("the call failed")
        if record.get("request") is None:
            raise Unreadable("found no request: the table drops bodies that are too large")
        question = asked(document(record["request"], "request"))
        answer = answered(document(record.get("response") or {}, "response"), question.rows)
        metadata = document(record.get("request_metadata") or {}, "request_metadata")
        named = text_of(metadata, "model_name", "endpoint_name") if isinstance(metadata, Mapping) else ""
        return Entry(
            account=text_of(record, "requester"),
            at=moment(record.get("request_time", record.get("timestamp_ms")), "request_time"),
            model=text_of(record, "served_entity_id") or named or question.model,
            request=text_of(record, "databricks_request_id"),
            numbers=question.numbers,
            columns=question.columns,
            texts=question.texts,
            rows=question.rows,
            scores=answer.scores,
            labels=answer.labels,
            system=question.system,
            turns=question.turns,
            tokens=answer.tokens,
        )
