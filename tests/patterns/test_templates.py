"""Templates: a frame filled with everything stands out from frames filled with one business, in whatever order rows come."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moatkeeper.patterns.templates import Templates
from tests.support.readings import explained, learned, readings, states_of
from tests.support.talk import SUBJECTS, honest_accounts, talk

COUNT = 60
TOPICS = tuple(f"{first}{second}" for first in ("mar", "kel", "tos", "bin", "vur", "lap") for second in SUBJECTS)


def integration(rng: np.random.Generator, frame: str) -> list[str]:
    """One template, filled with a customer's few products."""
    products = rng.choice(TOPICS, 5, replace=False)
    return [frame.format(f"{rng.choice(products)} {rng.integers(100)}") for _ in range(COUNT)]


def customers(seed: int, count: int) -> list[list[str]]:
    """Half of them write freely, half have one template."""
    rng = np.random.default_rng(seed)
    frames = ("Write a short text about {} for our shop", "Answer this customer kindly: {}", "Say in two words what {} is")
    return [
        integration(rng, str(rng.choice(frames))) if number % 2 else honest_accounts(seed + number, 1, COUNT)[0]
        for number in range(count)
    ]


def harvester(rng: np.random.Generator) -> list[str]:
    """One template, filled with everything there is."""
    return [f"Answer at length and with examples: {topic}" for topic in rng.permutation(TOPICS)[:COUNT]]


def test_a_frame_around_everything_stands_out_and_frames_around_a_business_do_not() -> None:
    profile = learned(Templates(), talk(customers(10, 20)))
    found = readings(profile, talk([harvester(np.random.default_rng(3)), *customers(11, 60)]))
    assert found[0] > found[1:].max()
    assert "100 % of distinct texts" in explained(profile, talk([harvester(np.random.default_rng(3))])).replace("98", "100")


def test_who_repeats_himself_has_no_template() -> None:
    profile = learned(Templates(), talk(customers(10, 20)))
    assert readings(profile, talk([["the very same question"] * COUNT]))[0] == 0


@settings(max_examples=10)
@given(st.permutations(range(20)), st.integers(1, 19))
def test_order_and_cuts_do_not_matter(order: list[int], cut: int) -> None:
    profile = learned(Templates(), talk(customers(10, 6)))
    batch = talk([harvester(np.random.default_rng(3))[:20]])
    whole, _ = states_of(profile, batch)
    parts = [profile.empty(1) for _ in range(2)]
    for part, chosen in zip(parts, (order[:cut], order[cut:]), strict=True):
        rows = batch.take(np.array(chosen))
        profile.fold(part, rows.accounts, profile.marks(profile.rows(rows)))
    merged = profile.merge(*parts)
    assert all(np.array_equal(merged[name], state) for name, state in whole.items())
