"""A query, the model's true answer and what was released: what detectors absorb."""

from __future__ import annotations

from dataclasses import dataclass

from moatkeeper.core.answer import Answer
from moatkeeper.core.judgement import Decision
from moatkeeper.core.query import Query
from moatkeeper.core.quick import quick


@quick
@dataclass(frozen=True, slots=True)
class Exchange:
    """One completed query. ``answer`` is what the model said, ``released`` what the caller got."""

    query: Query
    decision: Decision
    answer: Answer
    released: Answer
