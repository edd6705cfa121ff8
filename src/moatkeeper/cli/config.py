"""``moatkeeper config``: check a file, show what applies, print what there is to set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from moatkeeper.cli.options import CONFIG_VARIABLE, JsonOption
from moatkeeper.cli.output import say, say_json, table
from moatkeeper.config.describe import tables, value_text
from moatkeeper.config.load import FILE, Document, dotted, missing_files, read, settings_of
from moatkeeper.config.positions import KeyPath
from moatkeeper.config.settings import Settings

app = typer.Typer(help="Check, show and explain the configuration.")

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", envvar=CONFIG_VARIABLE, help="The configuration.", show_default=True)
]


@app.command()
def check(file: FileArgument = Path(FILE)) -> None:
    """Say whether a file can be used.

    If not, every fault is printed with its line, what was found and what was expected, and the exit code is 3.

    Example: moatkeeper config check moatkeeper.toml
    """
    document = read(file)
    settings = settings_of(document)
    if (problem := missing_files(document, settings)) is not None:
        raise problem
    limits = "are enforced" if settings.limits.mode == "enforce" else "run in shadow mode"
    say(f"{file}: good. Limits {limits}; tiers: {', '.join(settings.tiers)}.")


@app.command()
def schema(as_json: JsonOption = False) -> None:
    """Print every setting there is.

    Each with its type, range, default and meaning; with --json as JSON Schema.

    Example: moatkeeper config schema
    """
    if as_json:
        say_json(Settings.model_json_schema())
        return
    for place in tables(Settings):
        say(f"{place.header}\n# {place.help}")
        for setting in place.settings:
            name = setting.path.rsplit(".", 1)[-1]
            default = "required" if setting.required else f"default {setting.default or 'none'}"
            say(f"  {name}  ({setting.takes}; {default})\n      {setting.help}")
        say()


@app.command()
def show(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", envvar=CONFIG_VARIABLE, help="The configuration.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what applies, and where it comes from.

    Example: moatkeeper config show moatkeeper.toml
    """
    document = read(file) if file is not None else Document("defaults", {}, {})
    settings = settings_of(document)
    found = list(leaves(settings, ()))
    if as_json:
        say_json([{"key": dotted(path), "value": value, "origin": origin(document, path)} for path, value in found])
    else:
        say(
            table(
                ("setting", "value", "from"),
                [(dotted(path), value_text(Settings, path, value), origin(document, path)) for path, value in found],
            )
        )


def leaves(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    """Every setting below ``value`` that is not itself a table, with its key path."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from leaves(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def origin(document: Document, path: KeyPath) -> str:
    """Where a setting comes from: the line of the file that gives it, or ``default``."""
    line = document.lines.get(path)
    return f"{document.source}:{line}" if line is not None else "default"
