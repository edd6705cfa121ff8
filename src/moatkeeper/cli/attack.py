"""``moatkeeper attack``: steal a model of one's own, and see what a copy of it costs."""

from __future__ import annotations

import json
import math
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import typer

from moatkeeper.cli.attack_guard import Guarding
from moatkeeper.cli.attack_options import (
    AccountsOption,
    BasesOption,
    BudgetOption,
    DaysOption,
    DecimalsOption,
    EncoderOption,
    FilesArgument,
    ForeignOption,
    FormatOption,
    GuardedOption,
    HeldOutOption,
    HtmlOption,
    JournalOption,
    JsonFileOption,
    KeyFileOption,
    LabelsOnlyOption,
    LabelsOption,
    ModelOption,
    NameArgument,
    Options,
    OutcomeOption,
    OwnershipOption,
    PatienceOption,
    PoolOption,
    PricePerRowOption,
    PricesOption,
    ResumeOption,
    RungsOption,
    SeedOption,
    SeedsOption,
    ShapeOption,
    TacticOption,
    TaskOption,
    TierOption,
    TimeoutOption,
    TrustOption,
    TruthOption,
    VictimOption,
    VocabularyOption,
    WireOption,
    read_keys,
    read_text,
    wholes,
    wire_of,
)
from moatkeeper.cli.attack_ownership import own_or_refuse
from moatkeeper.cli.attack_plans import Prepared, every_card, prepare
from moatkeeper.cli.attack_table import as_text
from moatkeeper.cli.attack_targets import is_address
from moatkeeper.cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption
from moatkeeper.cli.output import note, say, say_json, table
from moatkeeper.errors import UsageError
from moatkeeper.redteam.curve import Curve
from moatkeeper.redteam.expenses import PriceList
from moatkeeper.redteam.findings import Findings
from moatkeeper.redteam.journal import Heading, Journal
from moatkeeper.redteam.meter import Purchases
from moatkeeper.redteam.runs import Run, checked_rungs, rungs_to
from moatkeeper.redteam.target import place_of
from moatkeeper.redteam.targets.answers import Task
from moatkeeper.report.attack_json import as_json, of_json
from moatkeeper.report.attack_page import as_page

EXIT_ENDED = 1
EXIT_INTERRUPTED = 130

app = typer.Typer(no_args_is_help=True, help="Steal a model of your own, and see what a copy of it costs.")


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """Name every attack: what it steals, what the thief needs, where it comes from.

    Example: moatkeeper attack list --json
    """
    cards = every_card()
    if as_json:
        say_json(
            [{"name": one.name, "modality": one.modality.value, "needs": one.needs, "source": one.source} for one in cards]
        )
        return
    head = ("attack", "steals", "the thief needs", "source")
    say(table(head, [(one.name, one.modality.value, one.needs, one.source) for one in cards]))


@app.command("run")
def run(
    name: NameArgument,
    victim: VictimOption = "",
    budget: BudgetOption = 0,
    pool: PoolOption = "",
    held_out: HeldOutOption = "",
    outcome: OutcomeOption = "",
    foreign: ForeignOption = "",
    encoder: EncoderOption = "",
    rungs: RungsOption = "",
    seeds: SeedsOption = 3,
    seed: SeedOption = 0,
    task: TaskOption = Task.CLASSES,
    labels: LabelsOption = "",
    shape: ShapeOption = "",
    vocabulary: VocabularyOption = 0,
    trust_pickle: TrustOption = False,
    tactic: TacticOption = None,
    bases: BasesOption = "",
    guarded_by: GuardedOption = None,
    accounts: AccountsOption = 1,
    tier: TierOption = "",
    days: DaysOption = math.inf,
    decimals: DecimalsOption = None,
    labels_only: LabelsOnlyOption = False,
    format: FormatOption = "tensorflow",  # noqa: A002 - the option's name
    model: ModelOption = "model",
    wire: WireOption = None,
    key_file: KeyFileOption = None,
    patience: PatienceOption = 0.0,
    timeout: TimeoutOption = 30.0,
    truth: TruthOption = "",
    ownership: OwnershipOption = None,
    prices: PricesOption = None,
    price_per_row: PricePerRowOption = None,
    json_file: JsonFileOption = None,
    html: HtmlOption = None,
    journal: JournalOption = None,
    resume: ResumeOption = None,
    config: ConfigOption = None,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Steal a model and tell what a copy of it costs.

    The copy is judged on inputs that the thief never had, at growing budgets, over several seeds. What the victim answered is
    paid once: with --journal a run that was stopped is gone on with by --resume.

    Example: moatkeeper attack run equations --victim examples.digits_victim:predict --pool builtin:digits --budget 65

    Exit codes: 0 done (a victim that refuses for its limits has done its work); 1 the victim failed or answered nonsense, the
    report holds what was learned until then; 2 wrong usage; 3 an extra is missing; 4 the journal cannot be read or written;
    130 interrupted, the report holds the scores up to then.
    """
    if not victim:
        raise UsageError("found no --victim", hint="Such as --victim model.onnx, http://127.0.0.1:8501 or module:function.")
    climbed = checked_rungs(wholes("--rungs", rungs), budget) if rungs else rungs_to(budget)
    price_list = _prices(prices, price_per_row)
    _require_folders(json_file, html, journal)
    options = Options(
        victim=victim,
        budget=budget,
        rungs=climbed if budget > 0 else rungs_to(budget),
        seeds=tuple(range(seed, seed + seeds)),
        pool=pool,
        wire=wire_of(format, wire or [], labels),
        held_out=held_out,
        outcome=outcome,
        foreign=foreign,
        encoder=encoder,
        task=task,
        decimals=decimals,
        labels_only=labels_only,
        model=model,
        keys=read_keys(key_file),
        patience_s=patience,
        timeout_s=timeout,
        truth=truth,
        ownership=own_or_refuse(name, [victim, truth], ownership, config, data, model=model, budget=budget, seeds=seeds),
        trust_pickle=trust_pickle,
        shape=wholes("--shape", shape),
        vocabulary=vocabulary,
        tactics=tuple(tactic or ()),
        bases=bases,
    )
    guarding = None if guarded_by is None else Guarding(guarded_by, accounts, tier, days)
    prepared = prepare(name, options, guarding)
    done = _perform(prepared, options, journal, resume)
    defence = guarding.title if guarding is not None else _defence(options)
    _report(_findings(prepared, options, done, price_list, defence), json_file, html)
    if done.failure is not None:
        raise done.failure
    if done.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if done.ended:
        raise typer.Exit(EXIT_ENDED)


@app.command("report")
def report(
    files: FilesArgument,
    json_file: JsonFileOption = None,
    html: HtmlOption = None,
) -> None:
    """Put several runs on one page: the same theft bare and behind each defence, a line for each.

    Example: moatkeeper attack report bare.json two-decimals.json --html theft.html
    """
    _require_folders(json_file, html)
    every = [of_json(_read_json(path), str(path)) for path in files]
    first = every[0]
    if any(one.fidelity_means != first.fidelity_means for one in every):
        raise UsageError("the files measure different fidelities", hint="Put runs of one task on a page.")
    unmeasured = dict.fromkeys(text for one in every for text in one.unmeasured)
    together = Findings(
        attack=" and ".join(dict.fromkeys(one.attack for one in every)),
        modality=first.modality,
        source="; ".join(dict.fromkeys(one.source for one in every)),
        target="; ".join(dict.fromkeys(one.target for one in every)),
        curves=tuple(curve for one in every for curve in one.curves),
        held_out=first.held_out,
        fidelity_means=first.fidelity_means,
        baselines=first.baselines,
        unmeasured=tuple(unmeasured),
        interrupted=any(one.interrupted for one in every),
        ended="; ".join(dict.fromkeys(one.ended for one in every if one.ended)),
    )
    _report(together, json_file, html)


def _perform(prepared: Prepared, options: Options, journal: Path | None, resume: Path | None) -> Run:
    heading = Heading(prepared.card.name, options.seeds[0], prepared.target, prepared.knowledge, options.budget)
    if journal is not None and resume is not None:
        raise UsageError("found --journal and --resume", hint="--resume goes on in the journal that it names.")
    with _progress(prepared.card.name, options) as told:
        if journal is None and resume is None:
            return prepared.run(lambda seed: Purchases(keep=lambda batch: told(len(batch))), lambda seed, score: None)
        kept = Journal.resume(resume, heading) if resume is not None else Journal.begin(journal or Path(), heading)
        try:
            return prepared.run(lambda seed: kept.purchases(seed, told), lambda seed, score: None)
        finally:
            kept.close()


@contextmanager
def _progress(name: str, options: Options) -> Iterator[Callable[[int], None]]:
    """A bar of the answers that are bought; nothing where standard error is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    total = options.budget * len(options.seeds)
    with typer.progressbar(length=total, label=name, file=sys.stderr, show_pos=True) as bar:
        yield bar.update


def _findings(prepared: Prepared, options: Options, done: Run, prices: PriceList, defence: str) -> Findings:
    scores = tuple(mine for mine in done.scores if mine)
    title = place_of(options.victim) if is_address(options.victim) else options.victim
    attack = "+".join((prepared.card.name, *options.tactics))
    curves = (Curve(attack, defence, scores, prices),) if scores else ()
    return Findings(
        attack=attack,
        modality=prepared.card.modality,
        source=prepared.card.source,
        target=title,
        curves=curves,
        held_out=prepared.held_out,
        fidelity_means=prepared.fidelity_means,
        baselines=prepared.baselines,
        unmeasured=prepared.unmeasured,
        interrupted=done.interrupted,
        ended=done.ended,
    )


def _defence(options: Options) -> str:
    if is_address(options.victim):
        accounts = len([key for key in options.keys if key])
        return f"through its address, {accounts} account{'s' if accounts != 1 else ''}" if accounts else "through its address"
    if options.labels_only:
        return "labels only"
    if options.decimals is None:
        return "bare"
    return f"scores at {options.decimals} decimal{'' if options.decimals == 1 else 's'}"


def _report(findings: Findings, json_file: Path | None, html: Path | None) -> None:
    document = as_json(findings)
    if json_file is not None and str(json_file) != "-":
        _write(json_file, json.dumps(document, indent=2) + "\n")
    if html is not None:
        _write(html, as_page(findings))
    if json_file is not None and str(json_file) == "-":
        say_json(document)
    else:
        say(as_text(findings))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        note(f"{path}: {error.strerror}; the findings follow here only")


def _require_folders(*files: Path | None) -> None:
    """Before anything is asked, so that nothing is bought whose findings cannot be written."""
    for path in files:
        if path is not None and str(path) != "-" and not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: no such folder", hint="Name a file in a folder that exists.")


def _prices(path: Path | None, per_row: float | None) -> PriceList:
    given: dict[str, float] = {}
    if path is not None:
        try:
            document = tomllib.loads(read_text(path))
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{path}: {error}", hint="Such as per_row = 0.002") from error
        known = {field.name for field in fields(PriceList)}
        for name, value in document.items():
            if name not in known or isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise UsageError(f"{path}: found {name} = {value!r}", hint=f"US dollars for {', '.join(sorted(known))}.")
            given[name] = float(value)
    if per_row is not None:
        given["per_row"] = per_row
    return PriceList(**given)


def _read_json(path: Path) -> object:
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise UsageError(f"{path}: {error}", hint="Findings are what `attack run --json` wrote.") from error
