"""``moatkeeper config``: check a file, show what applies, print what there is to set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from moatkeeper.cli.options import CONFIG_VARIABLE, JsonOption
from moatkeeper.cli.output import say, say_json, table
from moatkeeper.config.describe import tables, toml_text
from moatkeeper.config.load import FILE, Document, dotted, read, settings_of
from moatkeeper.config.policy import policy
from moatkeeper.config.positions import KeyPath
from moatkeeper.config.settings import Settings

app = typer.Typer(help="Check, show and explain the configuration.")

FileArgument = Annotated[
    Path, typer.Argument(metavar="[FILE]", envvar=CONFIG_VARIABLE, help="The configuration.", show_default=True)
]


@app.command()
def check(file: FileArgument = Path(FILE)) -> None:
    """Say whether a file can be used, or every fault in it with its line; a faulty file exits 3.

    Example: moatkeeper config check moatkeeper.toml
    """
    settings = settings_of(read(file))
    table_of_policy = policy(settings)
    mode = "shadow mode" if table_of_policy.shadow else "enforced"
    say(
        f"{file}: good; {len(table_of_policy.tiers)} tiers, {len(settings.models)} models, limits in {mode}".replace(
            "in enforced", "enforced"
        )
    )


@app.command()
def schema(as_json: JsonOption = False) -> None:
    """Print every setting with its type, range, default and meaning; with --json as JSON Schema.

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
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", envvar=CONFIG_VARIABLE, help="The configuration.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what applies, setting by setting, and where it comes from.

    Example: moatkeeper config show moatkeeper.toml
    """
    document = read(file) if file is not None else Document("defaults", {}, {})
    settings = settings_of(document)
    rows = [(dotted(path), value, origin(document, path)) for path, value in leaves(settings, ())]
    if as_json:
        say_json([{"key": key, "value": value, "origin": where} for key, value, where in rows])
    else:
        say(table(("setting", "value", "from"), [(key, toml_text(value), where) for key, value, where in rows]))


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
