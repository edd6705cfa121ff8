"""From an attack's name and the operator's words to something that can be run: one way for each kind of question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from moatkeeper.cli.attack_guard import Guarding
from moatkeeper.cli.attack_options import Options
from moatkeeper.cli.attack_targets import Aim, chat_aim, finite, identity_of, is_address, row_aim, text_aim, token_aim
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError, UsageError
from moatkeeper.redteam.adaptive.base import wrap
from moatkeeper.redteam.adaptive.registry import TACTICS, TEXT_TACTICS, from_words
from moatkeeper.redteam.art import ART_ATTACKS
from moatkeeper.redteam.attacks.retrain import fit_substitute
from moatkeeper.redteam.base import A, Attack, Prefix, Q, S, Surrogate
from moatkeeper.redteam.cards import ChatCard, Modality, RowCard, TextCard, TokenCard
from moatkeeper.redteam.harness import Judge, Score, baseline
from moatkeeper.redteam.judges import ChatJudge, ClassJudge, EmbeddingJudge, RowJudge, TokenJudge, ValueJudge, row_judge
from moatkeeper.redteam.knowledge import ChatKnowledge, Encoder, TextKnowledge, TokenKnowledge, knowledge_of
from moatkeeper.redteam.meter import Purchases
from moatkeeper.redteam.pools import Rows, read_contexts, read_rows, read_texts, split_rows, split_texts
from moatkeeper.redteam.registry import CHAT_ATTACKS, ROW_ATTACKS, TEXT_ATTACKS, TOKEN_ATTACKS
from moatkeeper.redteam.runs import Plan, Run, perform
from moatkeeper.redteam.targets.answers import Task, array
from moatkeeper.redteam.targets.function import load_function
from moatkeeper.redteam.trade import CHATS, ROWS, TEXTS, TOKENS, Trade

ROW_CARDS: Mapping[str, RowCard] = {**ROW_ATTACKS, **ART_ATTACKS}
UNIFORM_ROWS = 2_000
UNIFORM_ROWS_REMOTE = 500
"""The judge asks an address for its truth too, and the owner may have to pay for it."""
JUDGE_SEED = 20_260_104
OWN_OUTCOMES = 500
"""Labelled rows of a thief who has outcomes of his own and needs no API."""
_CLOSE = 0.5  # of difflib's measure; larger: fewer suggestions for a misspelt name

AnyCard = RowCard | TextCard | TokenCard | ChatCard


@dataclass(frozen=True, slots=True)
class Prepared:
    """An attack that can be run, with what the journal and the report want to know of it.

    ``target`` and ``knowledge`` are digests. ``run`` gets what was bought with a seed, and whom to tell of scores.
    """

    card: AnyCard
    run: Callable[[Callable[[int], Purchases], Callable[[int, Score], None]], Run]
    target: str
    knowledge: str
    held_out: int
    fidelity_means: str
    baselines: Mapping[str, float]
    unmeasured: tuple[str, ...]


def every_card() -> list[AnyCard]:
    """All attacks, by modality and then in the order of their catalogues."""
    cards: list[AnyCard] = [*ROW_CARDS.values(), *TEXT_ATTACKS.values(), *TOKEN_ATTACKS.values(), *CHAT_ATTACKS.values()]
    places = list(Modality)
    return sorted(cards, key=lambda card: places.index(card.modality))


def prepare(name: str, options: Options, guarding: Guarding | None = None) -> Prepared:
    """The attack of that name, ready; raises UsageError for an unknown name, and what the victim and the files raise."""
    if not options.pool:
        raise UsageError("found no --pool: what does the thief have?", hint="Such as --pool rows.csv or --pool builtin:digits.")
    if name in ROW_CARDS:
        return _rows(ROW_CARDS[name], options, guarding)
    if guarding is not None:
        raise UsageError("--guarded-by guards models of rows", hint="Guard other models by a gateway.")
    if name in TEXT_ATTACKS:
        return _texts(TEXT_ATTACKS[name], options)
    if options.tactics:
        raise UsageError("tactics are for rows and texts", hint="Leave out --tactic.")
    if name in TOKEN_ATTACKS:
        return _tokens(TOKEN_ATTACKS[name], options)
    if name in CHAT_ATTACKS:
        return _chats(CHAT_ATTACKS[name], options)
    names = [card.name for card in every_card()]
    close = get_close_matches(name, names, cutoff=_CLOSE)
    hint = f"Did you mean {' or '.join(close)}?" if close else "`moatkeeper attack list` names them all."
    raise UsageError(f"no attack {name!r}", hint=hint)


def _rows(card: RowCard, options: Options, guarding: Guarding | None) -> Prepared:
    split = split_rows(options.pool, options.held_out, options.outcome)
    options = replace(options, wire=replace(options.wire, columns=split.pool.columns))
    aim = row_aim(options.victim, options, guarding)
    truth = row_aim(options.truth, replace(options, decimals=None, labels_only=False)) if options.truth else aim
    owner = finite(truth.owner)
    width = split.pool.rows.shape[1]
    if aim.columns is not None and aim.columns != width:
        raise UsageError(
            f"{options.pool}: found {width} columns, expected the {aim.columns} of the victim",
            hint="Name the column of outcomes with --outcome: it is no input.",
        )
    outputs = _outputs(owner, split.held_out.rows[:1], width)
    foreign = read_rows(options.foreign, options.outcome).rows if options.foreign else None
    knowledge = knowledge_of(split.pool.rows, outputs, foreign=foreign, regression=options.task is Task.VALUES)
    knowledge = replace(knowledge, shape=options.shape)
    held, rng = split.held_out, np.random.default_rng(JUDGE_SEED)
    outcomes = _classes(held, outputs)
    remote = truth.remote
    judge: RowJudge | ValueJudge | EmbeddingJudge[FloatArray]
    if options.task is Task.VALUES:
        judge = ValueJudge(held.rows, owner(held.rows))
    elif options.task is Task.EMBEDDINGS:
        judge = EmbeddingJudge(ROWS, held.rows, owner(held.rows))
    else:
        uniform = UNIFORM_ROWS_REMOTE if remote else UNIFORM_ROWS
        judge = row_judge(owner, held.rows, rng, outcomes=outcomes, uniform=uniform, transfers=not remote)
    tactics = [from_words(words, TACTICS, knowledge) for words in options.tactics]
    plan = _plan(lambda: wrap(card.make(knowledge), tactics), aim, judge, _of_width(ROWS, outputs), options)
    told = _digest(card.name, options.tactics, split.pool.rows, foreign, held.rows[:0], options.shape)
    means, baselines = _MEANS[options.task], _row_baselines(judge, split.pool, outputs)
    return _prepared(card, plan, aim, told, options, len(held.rows), means, baselines, guarded=guarding is not None)


def _texts(card: TextCard, options: Options) -> Prepared:
    pool, held = split_texts(read_texts(options.pool), read_texts(options.held_out) if options.held_out else ())
    embeds = card.modality is Modality.EMBEDDING
    options = replace(options, task=Task.EMBEDDINGS if embeds else Task.CLASSES)
    aim = text_aim(options.victim, options)
    owner = finite(text_aim(options.truth, options).owner if options.truth else aim.owner)
    truth = owner(held)
    judge: ClassJudge[Sequence[str]] | EmbeddingJudge[Sequence[str]]
    judge = EmbeddingJudge(TEXTS, held, truth) if embeds else ClassJudge(TEXTS, held, truth)
    foreign = read_texts(options.foreign) if options.foreign else ()
    words = sorted({word for text in (*pool, *foreign) for word in text.split()})
    encoder = _encoder(options.encoder) if options.encoder else None
    knowledge = TextKnowledge(truth.shape[1], pool, foreign, words, encoder)
    tactics = [from_words(words, TEXT_TACTICS, knowledge) for words in options.tactics]
    plan = _plan(lambda: wrap(card.make(knowledge), tactics), aim, judge, _of_width(TEXTS, truth.shape[1]), options)
    baselines = {"always the same answer": judge.constant_fidelity()} if isinstance(judge, ClassJudge) else {}
    told = _digest(card.name, options.tactics, list(pool), list(foreign), options.encoder)
    return _prepared(card, plan, aim, told, options, len(held), _MEANS[options.task], baselines)


def _tokens(card: TokenCard, options: Options) -> Prepared:
    contexts = read_contexts(options.pool)
    if not options.truth or is_address(options.truth):
        raise UsageError(
            "a next-token model is judged by all its log-probabilities, which no API shows",
            hint="Name the bare model: --truth module:function, prefixes to an array (n, vocabulary).",
        )
    if not options.vocabulary:
        raise UsageError("found no --vocabulary", hint="Say how many tokens the model knows.")
    mine, held = split_texts([str(index) for index in range(len(contexts))], ())
    prefixes = [Prefix(contexts[int(index)]) for index in held]
    truth = array(_called(options.truth, load_function(options.truth), prefixes), len(prefixes))
    aim = token_aim(options.victim, options)
    knowledge = TokenKnowledge(options.vocabulary, [contexts[int(index)] for index in mine], options.wire.shown)
    plan = _plan(lambda: card.make(knowledge), aim, TokenJudge(prefixes, truth), TOKENS, options)
    told = _digest(card.name, contexts, options.vocabulary, options.wire.shown)
    means = "share of held-out prefixes on which copy and model choose the same next token"
    return _prepared(card, plan, aim, told, options, len(prefixes), means, {})


def _chats(card: ChatCard, options: Options) -> Prepared:
    pool, held = split_texts(read_texts(options.pool), read_texts(options.held_out) if options.held_out else ())
    aim = chat_aim(options.victim, options)
    owner = chat_aim(options.truth, options).owner if options.truth else aim.owner
    foreign = read_texts(options.foreign) if options.foreign else ()
    bases = _bases(options.bases) if options.bases else {}
    plan = _plan(lambda: card.make(ChatKnowledge(pool, foreign, bases)), aim, ChatJudge(held, owner(held)), CHATS, options)
    means = "words that the copy's and the model's answers to held-out prompts have in common (F1)"
    return _prepared(
        card, plan, aim, _digest(card.name, list(pool), list(foreign), options.bases), options, len(held), means, {}
    )


_MEANS: Mapping[Task, str] = {
    Task.CLASSES: "share of held-out inputs on which copy and model decide alike",
    Task.VALUES: "share of the variance of the model's values that the copy explains (R²)",
    Task.EMBEDDINGS: "share of an input's ten nearest neighbours that copy and model have in common",
}


def _plan(
    make: Callable[[], Attack[Q, A, S]], aim: Aim[Q, A], judge: Judge[S], trade: Trade[Q, A], options: Options
) -> Plan[Q, A, S]:
    return Plan(make, aim.victim, judge, trade, options.rungs, options.seeds, aim.portion)


def _of_width(trade: Trade[Q, FloatArray], outputs: int) -> Trade[Q, FloatArray]:
    """The trade, which also faults an answer that has more or fewer numbers than the judge's truth."""

    def fault(answers: FloatArray, first: object) -> str:
        found = trade.fault(answers, first)
        if found or len(answers) == 0 or answers.shape[1] == outputs:
            return found
        return f"{answers.shape[1]} numbers an answer where the judge was given {outputs}: its classes have changed"

    return replace(trade, fault=fault)


def _prepared(
    card: AnyCard,
    plan: Plan[Q, A, S],
    aim: Aim[Q, A],
    knowledge: str,
    options: Options,
    held_out: int,
    means: str,
    baselines: Mapping[str, float],
    *,
    guarded: bool = False,
) -> Prepared:
    unmeasured = [
        "One attack. Another one, or an attacker who adapts to the guard, may need fewer queries.",
        "The thief's own work, computing time and risk have no price here.",
    ]
    if aim.remote and not options.truth:
        unmeasured.append("The truth came through the same door as the theft: what a guard changes for both is not seen.")
    if len(options.seeds) == 1:
        unmeasured.append("One seed: there is no interval, and another run may differ.")
    if guarded:
        unmeasured.append("The clock was simulated: an account asks at once whatever its limits allow, and waits for free.")
    elif not aim.remote:
        unmeasured.append("The victim ran in this process: no limit, no account and no detection stood in the way.")
    target = identity_of(aim.identity, options)
    run = partial(perform, plan)
    return Prepared(card, run, target, knowledge, held_out, means, baselines, tuple(unmeasured))


def _outputs(owner: Callable[[FloatArray], FloatArray], row: FloatArray, width: int) -> int:
    try:
        return int(owner(row).shape[1])
    except MoatkeeperError as error:
        raise UsageError(
            f"the victim cannot be asked with rows of {width} columns: {error.message}", hint=error.hint
        ) from error


def _classes(rows: Rows, outputs: int) -> npt.NDArray[np.int64] | None:
    """The outcomes as class numbers; None where they are none."""
    whole = rows.outcomes.astype(np.int64)
    fits = len(whole) and (whole == rows.outcomes).all() and whole.min() >= 0 and whole.max() < outputs
    return whole if fits else None


def _row_baselines(judge: Judge[Surrogate], pool: Rows, outputs: int) -> Mapping[str, float]:
    """What a thief gets who asks nobody: a constant, and a learner on outcomes of his own where the pool has them."""
    if not isinstance(judge, RowJudge):
        return {"always the same answer": 0.0} if isinstance(judge, ValueJudge) else {}
    found = {"always the same answer": judge.constant_fidelity()}
    labels = _classes(pool, outputs)
    if labels is not None:
        own = labels[:OWN_OUTCOMES]
        copy = fit_substitute(pool.rows[: len(own)], np.eye(outputs)[own], outputs)
        found[f"learning from {len(own)} outcomes of one's own"] = baseline(judge, copy).fidelity
    return found


def _bases(spec: str) -> Mapping[str, object]:
    found = _called(spec, load_function(spec))
    if not isinstance(found, Mapping):
        raise UsageError(f"{spec}: found {type(found).__name__}, expected open models by name", hint="Return a dictionary.")
    return found


def _encoder(spec: str) -> Encoder:
    function = load_function(spec)

    def encode(texts: Sequence[str]) -> FloatArray:
        return array(_called(spec, function, texts), len(texts))

    return encode


def _called(spec: str, function: Callable[..., object], *given: object) -> object:
    """What a function of the operator's gives; raises UsageError where it fails."""
    try:
        return function(*given)
    except MoatkeeperError:
        raise
    except Exception as error:
        raise UsageError(f"{spec} failed with {type(error).__name__}: {error}") from error


def _digest(*parts: object) -> str:
    """A digest of what the thief brings along, on which his questions depend."""
    hashed = sha256()
    for part in parts:
        raw = part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode()
        hashed.update(len(raw).to_bytes(8, "big") + raw)
    return hashed.hexdigest()
