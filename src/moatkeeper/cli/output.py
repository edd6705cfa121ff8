"""What commands print: results on standard output, as a table for people or JSON for machines; all else on standard error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson
import typer


def say(text: str = "") -> None:
    """Prints one piece of a result."""
    typer.echo(shown(text, keep="\n"))


def note(text: str) -> None:
    """Prints something about the run that is no part of its result."""
    typer.echo(shown(text, keep="\n"), err=True)


def shown(text: str, keep: str = "") -> str:
    """Text that may come from a stranger, as a terminal may have it: what does not print is escaped, except ``keep``."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else one.encode("unicode_escape").decode() for one in text)


def say_json(value: object) -> None:
    """Prints a value as indented JSON; paths and other plain objects as their text."""
    typer.echo(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The rows as text in columns as wide as their widest cell; columns of numbers are flush right."""
    rows = list(rows)
    cells = [[shown(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    right = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(head))]
    lines = [
        "  ".join(
            cell.rjust(width) if flush else cell.ljust(width) for cell, width, flush in zip(line, widths, right, strict=True)
        )
        for line in [list(head), ["-" * width for width in widths], *cells]
    ]
    return "\n".join(line.rstrip() for line in lines)
