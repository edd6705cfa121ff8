"""From the words after ``--victim`` and ``--truth`` to something that can be asked: by the thief, and by the judge."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Generic

import numpy as np

from moatkeeper.cli.attack_guard import Guarding, guarded
from moatkeeper.cli.attack_options import Options
from moatkeeper.core.answer import OutputKind
from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError, UsageError
from moatkeeper.redteam.base import A, NextToken, Prefix, Q, Victim
from moatkeeper.redteam.client import Client
from moatkeeper.redteam.dialects import Dialect
from moatkeeper.redteam.dialects_openai import chat_dialect, token_dialect
from moatkeeper.redteam.dialects_rows import row_dialect, text_dialect
from moatkeeper.redteam.target import place_of
from moatkeeper.redteam.targets.answers import Task, next_tokens, numbers, texts, two_classes
from moatkeeper.redteam.targets.files import digest_of, load_model
from moatkeeper.redteam.targets.function import is_function, load_function
from moatkeeper.redteam.victims import HttpVictim, LocalVictim, released

LOCAL_PORTION = 1_000
"""Questions that a model in this process is asked at once; larger: fewer writes of the journal, more lost by a kill."""


@dataclass(frozen=True, slots=True)
class Aim(Generic[Q, A]):
    """A model to be attacked. ``victim`` is made anew for each seed, whose position it is told.

    ``owner`` asks it without limits, or raises MoatkeeperError where it is refused. ``identity`` tells it from others.
    ``columns`` is what a row must have, where that is known.
    """

    victim: Callable[[int], Victim[Q, A]]
    owner: Callable[[Q], A]
    identity: str
    portion: int
    remote: bool = False
    columns: int | None = None


def is_address(spec: str) -> bool:
    """Whether a victim is asked over HTTP."""
    return "://" in spec


def row_aim(spec: str, options: Options, guarding: Guarding | None = None) -> Aim[FloatArray, FloatArray]:
    """A model of rows: an address, a function or a file, the latter two behind a guard where one is given."""
    aim = _row_aim(spec, options)
    if guarding is None:
        return aim
    if aim.remote or contract_of(options) is not None:
        raise UsageError(
            "--guarded-by guards a model in this process, and by its own contract",
            hint="Guard an address by a gateway; leave out --decimals and --labels-only.",
        )
    return replace(aim, victim=guarded(aim.owner, guarding, options.model), identity=f"{aim.identity} {guarding.identity}")


def _row_aim(spec: str, options: Options) -> Aim[FloatArray, FloatArray]:
    if is_address(spec):
        return _remote(spec, _of_task(row_dialect(options.wire), options), options)
    if is_function(spec):
        return _local(numbers(load_function(spec), options.task, options.wire.labels), f"function {spec}", options)
    loaded = load_model(Path(spec), trust_pickle=options.trust_pickle, shape=options.shape)
    answer = numbers(loaded.answer, options.task, options.wire.labels or loaded.labels)
    aim = _local(answer, f"file {digest_of(Path(spec))}", options)
    return replace(aim, columns=loaded.columns)


def text_aim(spec: str, options: Options) -> Aim[Sequence[str], FloatArray]:
    """A model of texts: an address or a function."""
    if is_address(spec):
        return _remote(spec, _of_task(text_dialect(options.wire), options), options)
    return _local(numbers(_function(spec), options.task, options.wire.labels), f"function {spec}", options)


def token_aim(spec: str, options: Options) -> Aim[Sequence[Prefix], Sequence[NextToken]]:
    """A next-token model: an address or a function."""
    if is_address(spec):
        return _remote(spec, token_dialect(options.wire), options)
    return _plain(next_tokens(_function(spec)), f"function {spec}")


def chat_aim(spec: str, options: Options) -> Aim[Sequence[str], Sequence[str]]:
    """A model that writes: an address or a function."""
    if is_address(spec):
        return _remote(spec, chat_dialect(options.wire), options)
    return _plain(texts(_function(spec)), f"function {spec}")


def contract_of(options: Options) -> Contract | None:
    """What the victim may let out, where this run restrains it itself; raises UsageError where it cannot."""
    if options.decimals is None and not options.labels_only:
        return None
    if options.task is not Task.CLASSES:
        raise UsageError("--decimals and --labels-only restrain class scores", hint="Guard other models by a gateway.")
    return replace(FULL_OUTPUT, decimals=options.decimals, label_only=options.labels_only)


def finite(owner: Callable[[Q], FloatArray]) -> Callable[[Q], FloatArray]:
    """An owner whose answers are finite; raises MoatkeeperError where they are not, for nothing can be judged by them."""

    def ask(questions: Q) -> FloatArray:
        truth = owner(questions)
        if not np.isfinite(truth).all():
            raise MoatkeeperError("the victim answers with NaN or an infinity on held-out questions: nothing can be judged")
        return truth

    return ask


def identity_of(aim_identity: str, options: Options) -> str:
    """A digest of what is attacked and how it is restrained: a journal of another cannot be gone on with."""
    told = [aim_identity, options.task.value, options.decimals, options.labels_only, list(options.wire.labels)]
    return sha256(json.dumps(told).encode()).hexdigest()


def _function(spec: str) -> Callable[..., object]:
    if not is_function(spec):
        raise UsageError(f"found victim {spec!r}, expected an address or module:function", hint="Model files take rows.")
    return load_function(spec)


def _local(answer: Callable[[Q], FloatArray], identity: str, options: Options) -> Aim[Q, FloatArray]:
    contract = contract_of(options)
    shown = answer if contract is None else released(answer, contract, OutputKind.SCORES)
    owner = finite(LocalVictim(answer).ask)
    return Aim(lambda position: LocalVictim(shown), owner, identity, LOCAL_PORTION)


def _plain(answer: Callable[[Q], A], identity: str) -> Aim[Q, A]:
    return Aim(lambda position: LocalVictim(answer), LocalVictim(answer).ask, identity, LOCAL_PORTION)


def _remote(url: str, dialect: Dialect[Q, A], options: Options) -> Aim[Q, A]:
    if options.decimals is not None or options.labels_only:
        raise UsageError("--decimals and --labels-only restrain a model in this process", hint="Guard an address by a gateway.")
    client = Client(url, options.model, dialect, ownership=options.ownership, timeout_s=options.timeout_s)
    campaigns = len(options.seeds)

    def victim(position: int) -> Victim[Q, A]:
        mine = options.keys[position::campaigns] or options.keys
        return HttpVictim(client, mine, patience_s=options.patience_s)

    def owner(questions: Q) -> A:
        answers = HttpVictim(client, options.keys, patience_s=options.patience_s).ask(questions)
        asked, answered = len(dialect.trade.keys(questions)), len(dialect.trade.split(answers))
        if answered < asked:
            raise MoatkeeperError(
                f"the victim answered {answered} of the {asked} questions of the judge",
                hint="Name the bare model with --truth, or fewer --held-out questions.",
            )
        return answers

    identity = f"{options.wire.format} {place_of(url)} {options.model}"
    return Aim(victim, owner, identity, dialect.portion, remote=True)


def _of_task(dialect: Dialect[Q, FloatArray], options: Options) -> Dialect[Q, FloatArray]:
    """The dialect with lone scores told as two classes, as those of a model in this process are."""
    if options.task is not Task.CLASSES:
        return dialect
    return replace(dialect, decode=lambda document, count: two_classes(dialect.decode(document, count)))
