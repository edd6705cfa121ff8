"""Victims for attacks: a model in this process, the same with less output, one behind HTTP asked by a farm of accounts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic

from moatkeeper.core.answer import Answer, Output, OutputKind
from moatkeeper.core.contract import Contract
from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MoatkeeperError, UnexpectedAnswer
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.redteam.base import A, Q, Victim
from moatkeeper.redteam.client import Client
from moatkeeper.redteam.dialects_rows import ROWS_PER_REQUEST
from moatkeeper.redteam.expenses import Expenses

__all__ = ["ROWS_PER_REQUEST", "Continued", "HttpVictim", "LocalVictim", "released"]


class LocalVictim(Generic[Q, A]):
    """A model in this process, asked by one account that nobody limits."""

    def __init__(self, answer: Callable[[Q], A]) -> None:
        self._answer = answer
        self._began = time.monotonic()
        self._requests = 0

    @property
    def spent(self) -> Expenses:
        """The calls so far. The time is real."""
        return Expenses(self._requests, accounts=1, elapsed_s=time.monotonic() - self._began)

    def ask(self, questions: Q) -> A:
        """What the model says; raises UnexpectedAnswer where its code fails, whatever the failure."""
        self._requests += 1
        try:
            return self._answer(questions)
        except MoatkeeperError:
            raise
        except Exception as error:
            raise UnexpectedAnswer(f"the victim failed with {type(error).__name__}: {error}") from error


def released(answer: Callable[[Q], FloatArray], contract: Contract, kind: OutputKind) -> Callable[[Q], FloatArray]:
    """A model as a gateway with this contract would let it speak: the same code, without the gateway."""
    policy = LeastOutput()

    def ask(questions: Q) -> FloatArray:
        true = Answer((Output("scores", kind, answer(questions)),))
        values = policy.release(true, contract).outputs[0].values
        if values is None:
            raise UnexpectedAnswer("the contract lets no numbers out")
        return values

    return ask


class HttpVictim(Generic[Q, A]):
    """Asks through each of ``keys`` in turn; an account that was refused is left alone until its Retry-After has passed.

    What no account can get within ``patience_s`` counts as refused; larger: more answers, later. By default it never waits.
    An empty key stands for no credential at all.
    """

    def __init__(self, client: Client[Q, A], keys: Sequence[str] = ("",), *, patience_s: float = 0.0) -> None:
        self._client = client
        self._free_at = dict.fromkeys(keys, 0.0)
        self._patience_s = patience_s
        self._began = time.monotonic()
        self._requests = 0
        self._refused = 0
        self._tokens = 0
        self._used: set[str] = set()

    @property
    def spent(self) -> Expenses:
        """What was sent so far; accounts are those that were asked with. The time is real."""
        elapsed_s = time.monotonic() - self._began
        return Expenses(self._requests, self._refused, self._tokens, len(self._used), elapsed_s=elapsed_s)

    def ask(self, questions: Q) -> A:
        """The answers of the first m questions; m < n where every account was refused."""
        dialect = self._client.dialect
        trade, count = dialect.trade, len(dialect.trade.keys(questions))
        answered: list[object] = []
        for start in range(0, count, dialect.portion):
            batch = trade.take(questions, range(start, min(start + dialect.portion, count)))
            answers = self._ask_patiently(batch)
            if answers is None:
                break
            answered += trade.split(answers)
        return trade.join(answered)

    def _ask_patiently(self, batch: Q) -> A | None:
        while True:
            answers = self._ask_once(batch)
            wait_s = min(self._free_at.values(), default=0.0) - time.monotonic()
            if answers is not None or wait_s > self._patience_s or self._patience_s <= 0:
                return answers
            time.sleep(max(0.0, wait_s))

    def _ask_once(self, batch: Q) -> A | None:
        for key, free_at in self._free_at.items():
            if time.monotonic() < free_at:
                continue
            self._requests += 1
            self._used.add(key)
            reply = self._client.ask(batch, key)
            self._tokens += reply.tokens
            if reply.answers is not None:
                return reply.answers
            self._refused += 1
            self._free_at[key] = time.monotonic() + reply.retry_after_s
        return None


class Continued(Generic[Q, A]):
    """A victim that is asked further: what an earlier, interrupted run had spent is counted along."""

    def __init__(self, victim: Victim[Q, A], before: Expenses) -> None:
        self._victim = victim
        self._before = before

    @property
    def spent(self) -> Expenses:
        """Both runs together. Accounts are those of the larger run: the same keys were most likely used again."""
        now, before = self._victim.spent, self._before
        return replace(
            now,
            requests=now.requests + before.requests,
            refused=now.refused + before.refused,
            tokens=now.tokens + before.tokens,
            accounts=max(now.accounts, before.accounts),
            proxies=max(now.proxies, before.proxies),
            elapsed_s=now.elapsed_s + before.elapsed_s,
            extra_rows=now.extra_rows + before.extra_rows,
        )

    def ask(self, questions: Q) -> A:
        """What the victim says."""
        return self._victim.ask(questions)
