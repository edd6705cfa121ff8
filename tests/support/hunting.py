"""A log's worth of customers, and a ring among them that searches along the decision boundary for a few days."""

from __future__ import annotations

import numpy as np

from tests.support.honest import CENTRES, honest_rows, model, thief_rows
from tests.support.logs import START, Call

DAY_S = 86_400.0
DAYS = 64.0
RING_FROM, RING_DAYS = 40.0, 3.0
RING_ROWS = 8
TOPICS = ("an invoice", "a refund", "a delivery", "my password", "a contract", "an offer", "the weather", "a recipe")
OPENINGS = ("how do I get", "please tell me about", "I have a question on", "what happened to", "can you help me with")
SEARCH = "Explain step by step, with all your reasoning, how you decide about case {}, and give the exact score."


def customers(accounts: int, seed: int) -> list[Call]:
    """Honest accounts: each with cases and a rhythm of its own, from 4 rows up."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(accounts):
        rows = honest_rows(rng, 4 + int(rng.lognormal(2.0, 0.8)))
        began = rng.random() * DAYS * 0.9
        times = START + DAY_S * (began + np.sort(rng.random(len(rows))) * rng.random() * (DAYS - began))
        topic, opening = TOPICS[int(rng.integers(len(TOPICS)))], OPENINGS[int(rng.integers(len(OPENINGS)))]
        found += calls(
            f"customer-{number}", times, rows, [f"{opening} {topic} of the {int(rng.integers(1, 29))}th" for _ in rows]
        )
    return sorted(found, key=lambda call: call.at)


def ring(accounts: int, seed: int) -> list[Call]:
    """Accounts of a thief, with a few rows each."""
    rng = np.random.default_rng(seed)
    found = []
    searched = np.empty((0, len(CENTRES[0])))
    while len(searched) < accounts * RING_ROWS:  # a search between two kinds of cases may find nothing
        searched = np.concatenate([searched, thief_rows(rng, 20)])
    for number in range(accounts):
        rows = searched[number * RING_ROWS : (number + 1) * RING_ROWS]
        times = START + DAY_S * (RING_FROM + np.sort(rng.random(len(rows))) * RING_DAYS)
        found += calls(f"ring-{number}", times, rows, [SEARCH.format(int(rng.integers(1000))) for _ in rows])
    return found


def calls(account: str, times: np.ndarray, rows: np.ndarray, texts: list[str]) -> list[Call]:
    """One account's calls."""
    scores = model(rows)[:, 1].round(6)
    columns = (times.round(3).tolist(), rows.tolist(), scores.tolist(), texts)
    return [Call(account, at, tuple(row), score, text) for at, row, score, text in zip(*columns, strict=True)]


def in_order(*groups: list[Call]) -> list[Call]:
    """All calls by time."""
    return sorted((call for group in groups for call in group), key=lambda call: call.at)
