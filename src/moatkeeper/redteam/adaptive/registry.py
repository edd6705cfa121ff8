"""All tactics by name, one registry for each kind of question: a new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import UsageError
from moatkeeper.redteam.adaptive import invert_learned, invert_table, jitter, midpoint, mix, repeat
from moatkeeper.redteam.adaptive.base import Tactic
from moatkeeper.redteam.adaptive.invert_learned import InvertLearned
from moatkeeper.redteam.adaptive.invert_table import InvertTable
from moatkeeper.redteam.adaptive.jitter import Jitter
from moatkeeper.redteam.adaptive.known import Disguise, contract_of, least_output
from moatkeeper.redteam.adaptive.labels import Labels
from moatkeeper.redteam.adaptive.midpoint import Midpoint
from moatkeeper.redteam.adaptive.mix import Mix
from moatkeeper.redteam.adaptive.repeat import Repeat
from moatkeeper.redteam.base import Q
from moatkeeper.redteam.knowledge import RowKnowledge, TextKnowledge
from moatkeeper.redteam.trade import ROWS, TEXTS, Trade

Option = bool | int | float
Options = Mapping[str, Option]
K = TypeVar("K")


@dataclass(frozen=True)  # without slots, which Python 3.11 cannot combine with a subscripted generic
class TacticCard(Generic[K, Q]):
    """A tactic as it is told of before it is used. ``options`` are all that it takes, with their defaults."""

    name: str
    does: str
    source: str
    build: Callable[[K, Options], Tactic[Q]]
    options: Options = field(default_factory=dict)

    def make(self, knowledge: K, **given: Option) -> Tactic[Q]:
        """The tactic with its defaults, ``given`` in their place; raises UsageError for an option that it does not take."""
        unknown = sorted(set(given) - set(self.options))
        if unknown:
            raise UsageError(
                f"the tactic {self.name!r} has no option {unknown[0]!r}; it takes {sorted(self.options) or 'none'}"
            )
        return self.build(knowledge, {**self.options, **{name: _like(self.options[name], name, given[name]) for name in given}})


def _like(default: Option, name: str, given: Option) -> Option:
    """The option in its default's type; raises UsageError where it does not fit."""
    fits = isinstance(given, bool) == isinstance(default, bool) and (isinstance(default, float) or given == int(given))
    if not fits:
        raise UsageError(f"the option {name!r} takes {type(default).__name__} such as {default}; found {given!r}")
    return type(default)(given)


_DEFENCE: Options = {"decimals": 2, "top_k": 0, "label_only": False}
"""The known defence is the product's least output under this contract; another one goes to the class itself."""


def _known(options: Options) -> Disguise:
    contract = contract_of(int(options["decimals"]), int(options["top_k"]), label_only=bool(options["label_only"]))
    return least_output(contract)


def _cards(trade: Trade[Q, FloatArray]) -> tuple[TacticCard[K, Q], ...]:
    """The tactics that need to know nothing of the questions."""
    return (
        TacticCard("labels", "reduces answers to labels", "Orekondy et al. 2020, 5.2.2", lambda known, options: Labels()),
        TacticCard(
            "repeat",
            "asks each question several times and averages",
            "Orekondy et al. 2020, 5.2.3",
            lambda known, options: Repeat(trade, int(options["times"])),
            {"times": repeat.TIMES},
        ),
        TacticCard(
            "midpoint",
            "takes a rounded 0 for the small number that it stands for",
            "our own",
            lambda known, options: Midpoint(int(options["decimals"])),
            {"decimals": midpoint.DECIMALS},
        ),
        TacticCard(
            "invert-table",
            "pushes guesses through the known defence and averages those that come out as shown",
            "ModelGuard 2024, partial Bayes",
            lambda known, options: InvertTable(trade, _known(options), int(options["draws"])),
            {**_DEFENCE, "draws": invert_table.DRAWS},
        ),
        TacticCard(
            "invert-learned",
            "trains a restorer on a first copy's answers behind the known defence",
            "D-DAE 2023; D-DAE+, ModelGuard 2024",
            lambda known, options: InvertLearned(trade, _known(options), int(options["pairs"])),
            {**_DEFENCE, "pairs": invert_learned.PAIRS},
        ),
    )


RowTacticCard = TacticCard[RowKnowledge, FloatArray]
TextTacticCard = TacticCard[TextKnowledge, Sequence[str]]
_ROW_CARDS: tuple[RowTacticCard, ...] = (
    TacticCard(
        "jitter",
        "asks moved copies of each row and averages",
        "ModelGuard 2024, smoothing",
        lambda known, options: Jitter(known, int(options["times"]), float(options["fraction"])),
        {"times": repeat.TIMES, "fraction": jitter.FRACTION},
    ),
    TacticCard(
        "mix",
        "hides the questions among innocent ones",
        "our own",
        lambda known, options: Mix(known, float(options["share"]), use=bool(options["use"])),
        {"share": mix.SHARE, "use": False},
    ),
)

_ANY_ROW_CARDS: tuple[RowTacticCard, ...] = _cards(ROWS)
_TEXT_CARDS: tuple[TextTacticCard, ...] = _cards(TEXTS)

TACTICS: Mapping[str, RowTacticCard] = {card.name: card for card in (*_ANY_ROW_CARDS, *_ROW_CARDS)}
TEXT_TACTICS: Mapping[str, TextTacticCard] = {card.name: card for card in _TEXT_CARDS}


def from_words(words: str, cards: Mapping[str, TacticCard[K, Q]], knowledge: K) -> Tactic[Q]:
    """The tactic that ``words`` ask for, such as ``mix`` or ``repeat:times=4`` or ``invert-table:decimals=1,top_k=3``.

    Raises UsageError for a name that is not among ``cards``, and for options that the tactic does not take.
    """
    name, _, rest = words.partition(":")
    card = cards.get(name)
    if card is None:
        raise UsageError(f"found no tactic {name!r}; there are {sorted(cards)}")
    given = [part.partition("=") for part in rest.split(",") if part]
    return card.make(knowledge, **{option.strip(): _value(option, value) for option, _, value in given})


def _value(option: str, text: str) -> Option:
    text = text.strip().lower()
    if text in ("true", "yes", "false", "no"):
        return text in ("true", "yes")
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"the option {option!r} takes a number, or yes or no; found {text!r}") from error
