"""A model server's own words about a failure, cut down to what a caller may read: a sentence, no trace, no exact number."""

from __future__ import annotations

import re

MAX_CHARACTERS = 500
"""Of a complaint that are passed on: enough to mend a request by."""

STACK_TRACE = re.compile(r'Traceback \(most recent call last\)|\n[ \t]+(?:at |File ")')
"""Where a stack trace of Python, Java or JavaScript begins inside a complaint: what stands before it is passed on."""

_FRACTION = re.compile(r"(\d+\.\d\d)\d+")
"""More than two decimals: no complaint needs them, and a score that stands in one would leave exact."""


def plain_sentence(text: str) -> str:
    """The beginning of a text, printable, without a stack trace, fractions cut to two decimals; empty where nothing is left."""
    before = STACK_TRACE.split(text, maxsplit=1)[0].strip()
    printable = "".join(c if c.isprintable() else " " for c in before[:MAX_CHARACTERS]).strip()
    return _FRACTION.sub(r"\1", printable)
