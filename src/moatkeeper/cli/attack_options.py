"""The words of ``moatkeeper attack run``: what each option means, and all of them in one value."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated

import typer

from moatkeeper.errors import UsageError
from moatkeeper.redteam.client import TIMEOUT_S
from moatkeeper.redteam.dialects import Wire
from moatkeeper.redteam.targets.answers import Task

FORMATS = "tensorflow, kserve, mlflow, generic, openai-chat, openai-completions, openai-embeddings"
_WHOLE = frozenset({"shown", "max_tokens"})
_LISTS = frozenset({"labels", "tokens"})
_SETTABLE = tuple(field.name for field in fields(Wire) if field.name not in {"format", "columns", "labels"})

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The attack, as `moatkeeper attack list` names it.")]
FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Findings that `attack run --json` wrote, of one model.")
]
VictimOption = Annotated[
    str,
    typer.Option("--victim", metavar="FILE|URL|MODULE:FUNCTION", help="The model: a file, an address, a Python function."),
]
BudgetOption = Annotated[int, typer.Option("--budget", "-n", help="Questions for each seed, at most. A hard limit.")]
PoolOption = Annotated[
    str,
    typer.Option("--pool", metavar="FILE|builtin:NAME", help="What the thief has: rows (.csv, .npy) or texts, one a line."),
]
HeldOutOption = Annotated[
    str,
    typer.Option("--held-out", metavar="FILE", help="What only the judge has; else half of the pool is kept from the thief."),
]
OutcomeOption = Annotated[
    str, typer.Option("--outcome", metavar="COLUMN", help="Column of the .csv with what became of each row; no input.")
]
ForeignOption = Annotated[str, typer.Option("--foreign", metavar="FILE", help="Rows or texts of another population.")]
EncoderOption = Annotated[
    str, typer.Option("--encoder", metavar="MODULE:FUNCTION", help="A public encoder of texts on which the victim may rest.")
]
RungsOption = Annotated[str, typer.Option("--rungs", metavar="N,N,...", help="Budgets at which the copy is judged on the way.")]
SeedsOption = Annotated[int, typer.Option("--seeds", min=1, max=100, help="Campaigns. More: narrower intervals, longer.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="The first campaign's seed; the others count up from it.")]
TaskOption = Annotated[Task, typer.Option("--task", help="What the model's numbers are.")]
LabelsOption = Annotated[
    str, typer.Option("--labels", metavar="A,B,...", help="Classes in order, where the model answers with one of them.")
]
GuardedOption = Annotated[
    Path | None,
    typer.Option("--guarded-by", metavar="FILE", help="Put this configuration's guard in front, on a simulated clock."),
]
AccountsOption = Annotated[int, typer.Option("--accounts", min=1, max=100_000, help="With --guarded-by: the thief's accounts.")]
TierOption = Annotated[str, typer.Option("--tier", metavar="NAME", help="With --guarded-by: the tier of those accounts.")]
DaysOption = Annotated[float, typer.Option("--days", min=0.0, help="With --guarded-by: give up after so many simulated days.")]
TacticOption = Annotated[
    list[str] | None,
    typer.Option("--tactic", metavar="NAME[:KEY=VALUE,...]", help="Adapt the attack to the defence; may stand several times."),
]
BasesOption = Annotated[
    str, typer.Option("--bases", metavar="MODULE:FUNCTION", help="Open models that a thief of chats may tune, by name.")
]
DecimalsOption = Annotated[
    int | None, typer.Option("--decimals", min=0, max=12, help="Let scores out at so many decimals, as a contract would.")
]
LabelsOnlyOption = Annotated[bool, typer.Option("--labels-only", help="Let only the decision out, as a contract would.")]
FormatOption = Annotated[str, typer.Option("--format", metavar="NAME", help=f"What the address speaks: {FORMATS}.")]
ModelOption = Annotated[str, typer.Option("--model", metavar="NAME", help="The model's name at its address.")]
WireOption = Annotated[
    list[str] | None,
    typer.Option("--wire", metavar="KEY=VALUE", help=f"More on the format; keys: {', '.join(_SETTABLE)}."),
]
KeyFileOption = Annotated[
    Path | None, typer.Option("--key-file", metavar="FILE", help="API keys, one a line, asked with in turn: an account each.")
]
PatienceOption = Annotated[
    float, typer.Option("--patience", min=0.0, metavar="SECONDS", help="Wait so long where every account is refused.")
]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="Wait so long for an answer.")]
TruthOption = Annotated[
    str,
    typer.Option("--truth", metavar="FILE|URL|MODULE:FUNCTION", help="The bare model, for the judge; else the victim itself."),
]
OwnershipOption = Annotated[
    Path | None,
    typer.Option("--ownership", metavar="FILE", help="Statement that names the host you own, where it is another machine."),
]
TrustOption = Annotated[
    bool, typer.Option("--trust-pickle", help="Load pickle and joblib files, which run any code that is in them.")
]
ShapeOption = Annotated[str, typer.Option("--shape", metavar="C,H,W", help="The shape of a row that is an image.")]
VocabularyOption = Annotated[int, typer.Option("--vocabulary", min=0, help="Tokens of a next-token model.")]
PricesOption = Annotated[
    Path | None,
    typer.Option("--prices", metavar="FILE", help="TOML of per_row, per_token, per_request, per_account, per_proxy."),
]
PricePerRowOption = Annotated[
    float | None, typer.Option("--price-per-row", min=0.0, metavar="USD", help="What an answered question costs.")
]
JsonFileOption = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the findings there; - prints them.")]
HtmlOption = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one page for people there.")]
JournalOption = Annotated[
    Path | None, typer.Option("--journal", metavar="FILE", help="Keep every answer there as it is bought, in a new file.")
]
ResumeOption = Annotated[
    Path | None, typer.Option("--resume", metavar="FILE", help="Go on with a journal; what it holds is not asked again.")
]


@dataclass(frozen=True, slots=True)
class Options:
    """All that an attack was told. ``keys`` come from a file, and are in no report, journal or ledger."""

    victim: str
    budget: int
    rungs: tuple[int, ...]
    seeds: tuple[int, ...]
    pool: str
    wire: Wire
    held_out: str = ""
    outcome: str = ""
    foreign: str = ""
    encoder: str = ""
    task: Task = Task.CLASSES
    decimals: int | None = None
    labels_only: bool = False
    model: str = "model"
    keys: tuple[str, ...] = ("",)
    patience_s: float = 0.0
    timeout_s: float = TIMEOUT_S
    truth: str = ""
    ownership: str | None = None
    trust_pickle: bool = False
    shape: tuple[int, ...] = ()
    vocabulary: int = 0
    tactics: tuple[str, ...] = ()
    bases: str = ""


def wire_of(name: str, settings: list[str], labels: str) -> Wire:
    """The format and what was said of it; raises UsageError for a key that is none."""
    wire = Wire(name, labels=tuple(part.strip() for part in labels.split(",") if part.strip()))
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or key not in _SETTABLE:
            raise UsageError(f"--wire {setting}: expected KEY=VALUE", hint=f"The keys are {', '.join(_SETTABLE)}.")
        given: object = value
        if key in _WHOLE:
            given = whole(f"--wire {key}", value)
        elif key in _LISTS:
            given = _vocabulary(value)
        wire = replace(wire, **{key: given})  # type: ignore[arg-type]
    return wire


def whole(option: str, text: str) -> int:
    """A whole number; raises UsageError."""
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{option}: found {text!r}, expected a whole number") from None


def wholes(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers between commas; raises UsageError."""
    return tuple(whole(option, part) for part in text.split(",") if part.strip())


def read_keys(path: Path | None) -> tuple[str, ...]:
    """The keys of a file, one a line; without a file, one empty key: no credential. Raises UsageError for an empty file."""
    if path is None:
        return ("",)
    found = tuple(dict.fromkeys(line.strip() for line in read_text(path).splitlines() if line.strip()))
    if not found or not all(key.isprintable() and key.isascii() for key in found):
        raise UsageError(f"{path}: expected API keys, one a line")
    return found


def read_text(path: Path) -> str:
    """The text of a small file; raises UsageError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}", hint="Name a readable file in UTF-8.") from error


def _vocabulary(path: str) -> tuple[str, ...]:
    """The texts of tokens, one a line in the order of their numbers, ``\\n`` and the like written as in Python."""
    lines = read_text(Path(path)).splitlines()
    return tuple(line.encode("latin-1", "backslashreplace").decode("unicode_escape") for line in lines)
