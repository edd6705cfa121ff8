"""The command ``moatkeeper``: its tree of commands, its exit codes, and what an error looks like."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated

import typer

from moatkeeper import __version__
from moatkeeper.errors import MoatkeeperError

EXIT_UNEXPECTED = 70
"""An error that nobody foresaw: sysexits.h calls it EX_SOFTWARE."""

EXIT_INTERRUPTED = 130
"""Stopped from the keyboard: 128 plus the number of SIGINT, as shells say it."""

DEBUG = "--debug"


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: the module that holds it, its name there, and the help that the list of commands shows.

    The help stands here so that listing the commands imports none of them.
    """

    module: str
    attribute: str
    help: str


COMMANDS = {
    "serve": Entry("moatkeeper.cli.serve", "serve", "Protect a model server."),
    "demo": Entry(
        "moatkeeper.cli.demo", "demo", "Steal a real model, bare and behind Moatkeeper, and show what the guard is worth."
    ),
    "attack": Entry("moatkeeper.cli.attack", "app", "Steal a model of your own, and see what a copy of it costs."),
    "config": Entry("moatkeeper.cli.config", "app", "Check, show and explain the configuration."),
    "keys": Entry("moatkeeper.cli.keys", "app", "Add, list and revoke API keys."),
    "calibrate": Entry("moatkeeper.cli.calibrate", "calibrate", "Learn what honest traffic looks like, from a log of it."),
    "standing": Entry("moatkeeper.cli.standing", "app", "Show and change the standing of accounts."),
    "explain": Entry("moatkeeper.cli.explain", "explain", "Say why an account stands where it stands."),
    "ledger": Entry("moatkeeper.cli.ledger", "app", "Verify, show and export the ledger."),
    "rehearse": Entry(
        "moatkeeper.cli.rehearse", "rehearse", "Rehearse thefts: months of customers and thieves before several guards."
    ),
    "hunt": Entry("moatkeeper.cli.hunt", "hunt", "Look for thieves and rings in past logs; no traffic moves."),
    "replay": Entry("moatkeeper.cli.replay", "replay", "Run an old log through a configuration."),
}
"""Every command, in the order of the help."""


def application(wanted: Collection[str] = tuple(COMMANDS)) -> typer.Typer:
    """The tree of commands, in which those not ``wanted`` have a name and a help but no code: that keeps start-up fast."""
    app = typer.Typer(
        name="moatkeeper",
        help="Keeps a machine-learning model from being copied through its own API.\n\n"
        "Example: moatkeeper serve --upstream http://127.0.0.1:8000",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name, entry in COMMANDS.items():
        if name not in wanted:
            app.command(name, help=entry.help)(_nothing)
            continue
        command = getattr(import_module(entry.module), entry.attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, help=entry.help, no_args_is_help=True)
        else:
            app.command(name)(command)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and leaves with its exit code; without ``--debug``, an error is one line and a hint."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in words
    words = [word for word in words if word != DEBUG]
    wanted = [word for word in words if not word.startswith("-")][:1]
    try:
        application(wanted)(words, prog_name="moatkeeper")
    except MoatkeeperError as error:
        _leave(error, error.message, error.hint, error.exit_code, debug=debug)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        _leave(error, message, "this should not happen; run again with --debug for the details", EXIT_UNEXPECTED, debug=debug)


def _leave(error: Exception, message: str, hint: str, code: int, *, debug: bool) -> None:
    if debug:
        raise error
    typer.echo(f"error: {message}", err=True)
    if hint:
        typer.echo(f"hint: {hint}", err=True)
    sys.exit(code)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"moatkeeper {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)] = False,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error; may stand anywhere.")] = False,
) -> None:
    """Options of the whole command; ``main`` has already looked for the second."""


def _nothing() -> None:
    """Stands in the list of commands for one that this run does not use."""
