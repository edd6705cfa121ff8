"""Honest customers who write, in sentences made from a small grammar, each about his own business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moatkeeper.patterns.batch import Batch

SUBJECTS = (
    "card",
    "refund",
    "password",
    "invoice",
    "parcel",
    "account",
    "payment",
    "order",
    "contract",
    "delivery",
    "address",
    "receipt",
    "balance",
    "transfer",
    "limit",
)
VERBS = ("check", "change", "cancel", "find", "renew", "explain", "send", "update")
OPENINGS = ("please", "can you", "how do i", "i want to", "why can i not", "could you help me to")
CLOSINGS = ("today", "before friday", "for my company", "again", "without a fee", "in the app", "thank you")


def honest_texts(rng: np.random.Generator, count: int) -> list[str]:
    """The texts of one customer: some subjects more than others, his own numbers."""
    weights = rng.dirichlet(np.full(len(SUBJECTS), 0.5))
    texts = []
    for _ in range(count):
        subject = SUBJECTS[int(rng.choice(len(SUBJECTS), p=weights))]
        opening, verb, closing = (str(rng.choice(part)) for part in (OPENINGS, VERBS, CLOSINGS))
        texts.append(f"{opening} {verb} the {subject} {rng.integers(1_000)} {closing}?")
    return texts


def talk(
    accounts: Sequence[Sequence[str]],
    systems: Sequence[Sequence[str]] | None = None,
    turns: Sequence[Sequence[int]] | None = None,
    tokens: Sequence[Sequence[int]] | None = None,
) -> Batch:
    """A batch of what each account wrote, in its order, a row a request."""
    sizes = [len(texts) for texts in accounts]
    n = sum(sizes)
    batch = Batch(
        tuple(f"account-{number}" for number in range(len(sizes))),
        np.repeat(np.arange(len(sizes)), sizes),
        np.arange(n, dtype=np.float64),
        np.arange(n),
        texts=tuple(text for texts in accounts for text in texts),
    )
    if systems is not None:
        batch = replace(batch, systems=tuple(system for part in systems for system in part))
    if turns is not None:
        batch = replace(batch, turns=np.array([turn for part in turns for turn in part], dtype=np.int64))
    if tokens is not None:
        batch = replace(batch, tokens=np.array([count for part in tokens for count in part], dtype=np.int64))
    return batch


def honest_accounts(seed: int, accounts: int = 24, count: int = 25) -> list[list[str]]:
    """What so many customers wrote."""
    rng = np.random.default_rng(seed)
    return [honest_texts(rng, count) for _ in range(accounts)]
