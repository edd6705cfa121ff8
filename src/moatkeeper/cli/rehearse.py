"""``moatkeeper rehearse``: months of honest customers and thieves before several guards, in minutes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from moatkeeper.cli.output import say, table
from moatkeeper.cli.rehearse_page import page_of
from moatkeeper.cli.rehearse_plan import defences_of, plan_of, scene_of, thief_of, unknown_names, watching
from moatkeeper.config.campaign import campaign_of
from moatkeeper.config.load import Document, read
from moatkeeper.config.settings_campaign import CampaignSettings
from moatkeeper.errors import UsageError
from moatkeeper.redteam.registry import CHAT_ATTACKS
from moatkeeper.redteam.rehearsal import Rehearsal, Tell
from moatkeeper.redteam.rehearsal import rehearse as rehearsed
from moatkeeper.redteam.rehearsal_document import document
from moatkeeper.redteam.rehearsal_text import text
from moatkeeper.redteam.stories import ADAPTER, ADAPTER_ATTACK, ADAPTER_SAYS, STORIES, Story, verdicts

INTERRUPTED = 130
BAR_WIDTH = 30
NO_FILE = Document("defaults", {}, {})


def rehearse(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="The campaign; a scenario needs none.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures there as JSON.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one page for people there.")] = None,
    days: Annotated[float | None, typer.Option(min=0.01, max=3650, help="Length of the campaign, in days.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Draws customers, rows, and what thieves ask.")] = None,
    repetitions: Annotated[
        int | None, typer.Option(min=1, max=20, help="Seeds to repeat it with, for intervals. More: surer figures, longer.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(metavar="NAME", help="A named story instead of the file's thieves and days.")
    ] = None,
    scenarios: Annotated[bool, typer.Option("--scenarios", help="List the named stories.")] = False,
) -> None:
    """Rehearse thefts: months of customers and thieves before several guards.

    Everything runs in this process on a simulated clock. Prints, for each guard, what thieves got for their money and
    time, who was noticed, and what honest customers met with. Ctrl-C leaves a partial report.

    Example: moatkeeper rehearse --config examples/campaign.toml --json figures.json

    Exit codes: 0 done, 2 wrong usage, 3 the campaign's file is wrong or scikit-learn is missing, 130 interrupted.
    """
    if scenarios:
        listed: list[tuple[str, str, str]] = [(one.name, f"{one.days:g}", one.says) for one in STORIES.values()]
        if ADAPTER_ATTACK in CHAT_ATTACKS:
            listed.append((f"{ADAPTER} (see attack {ADAPTER_ATTACK})", "", ADAPTER_SAYS))
        say(table(("name", "days", "the article says"), listed))
        return
    story = _story(scenario)
    if config is None and story is None:
        raise UsageError(
            "found nothing to rehearse, expected --config or --scenario", hint="Begin with examples/campaign.toml."
        )
    source = read(config) if config is not None else NO_FILE
    settings = _settings(source, days if days is not None or story is None else story.days, seed, repetitions)
    _writable(json_file)
    _writable(html)
    rehearsals = _perform(settings, source, config.parent if config is not None else Path(), story)
    if json_file is not None:
        told = {**document(rehearsals), "scenario": story.name if story is not None else None}
        json_file.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    if html is not None:
        html.write_text(page_of(rehearsals), encoding="utf-8")
    say(text(rehearsals))
    if story is not None:
        say("\n" + verdicts(story, rehearsals))
    if not all(rehearsal.whole for rehearsal in rehearsals):
        raise typer.Exit(INTERRUPTED)


def _perform(settings: CampaignSettings, source: Document, folder: Path, story: Story | None) -> list[Rehearsal]:
    """One rehearsal a seed; after an interruption no further one is begun."""
    defences = defences_of(settings, source, folder)
    done: list[Rehearsal] = []
    for seed in range(settings.seed, settings.seed + settings.repetitions):
        _progress(f"seed {seed}: training the model and drawing the customers")
        drawn = settings.model_copy(update={"seed": seed})
        scene = scene_of(drawn.model, seed)
        given = [thief_of(thief, place, seed) for place, thief in enumerate(drawn.thieves)]
        plan = plan_of(drawn, scene, given if story is None else story.seeded(seed))
        bar = _bar([f"seed {seed}, {defence.name}" for defence in defences], drawn.days)
        done.append(rehearsed(scene, plan, watching(defences, drawn, scene, seed), seed, bar))
        if not done[-1].whole:
            break
    _progress("")
    return done


def _story(name: str | None) -> Story | None:
    if name == ADAPTER:
        raise UsageError(f"the scenario {name!r} is about a model that writes, which no campaign has: see {ADAPTER_ATTACK}")
    if name is not None and name not in STORIES:
        raise UsageError(
            f"the scenario {name!r} is not known; expected one of {', '.join(STORIES)}",
            hint="moatkeeper rehearse --scenarios says what each is about",
        )
    return STORIES[name] if name is not None else None


def _settings(source: Document, days: float | None, seed: int | None, repetitions: int | None) -> CampaignSettings:
    """The file's settings with the command's on top; raises ConfigError that lists every fault, one a line."""
    settings = campaign_of(source)
    if (problem := unknown_names(settings, source)) is not None:
        raise problem
    given = {"days": days, "seed": seed, "repetitions": repetitions}
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})


def _writable(file: Path | None) -> None:
    """Before anything is measured, so that no minute is lost to a file that cannot be written."""
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{file}: found {error.strerror or error}, expected a file that can be written") from error
    if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError(f"{file}: found {'a folder' if file.is_dir() else 'no right to write'}, expected a file to write")


def _bar(guards: list[str], days: float) -> Tell:
    """A bar over all guards' days, drawn anew with each day; nothing where standard error is no terminal."""

    def tell(place: int, day: float) -> None:
        share = (place + min(1.0, day / days)) / len(guards)
        filled = round(BAR_WIDTH * share)
        _progress(f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {share:4.0%}  {guards[place]}, day {day:.0f} of {days:g}")

    return tell


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()
