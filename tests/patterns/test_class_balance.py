"""Class balance: even and single classes are compared with what honest accounts get, never with a half."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from moatkeeper.patterns.batch import Batch
from moatkeeper.patterns.class_balance import ClassBalance
from tests.support.honest import batch_of, honest_batch, honest_rows
from tests.support.readings import explained, profile_of, readings, silent

CLASSES = 4


def labelled(shares: np.ndarray, rows: int, seed: int) -> Batch:
    """Accounts whose answers have these shares of classes, shape (accounts, CLASSES); the rows themselves do not matter."""
    rng = np.random.default_rng(seed)
    batch = batch_of([honest_rows(rng, rows) for _ in shares], "account")
    labels = np.concatenate([rng.choice(CLASSES, rows, p=one) for one in shares])
    return replace(batch, scores=None, labels=labels)


def customers(accounts: int, rows: int, seed: int) -> Batch:
    """The first class is frequent and the last rare, somewhat more or less by customer."""
    rng = np.random.default_rng(seed)
    return labelled(rng.dirichlet(np.array([6.0, 2.0, 1.5, 0.5]) * 3, accounts), rows, seed)


def test_even_and_single_classes_are_stranger_than_customers() -> None:
    profile = profile_of(ClassBalance(), customers(200, 64, 1))
    honest = readings(profile, customers(500, 64, 2))
    even = readings(profile, labelled(np.full((20, CLASSES), 0.25), 64, 3))
    single = readings(profile, labelled(np.tile([0.0, 0.0, 0.0, 1.0], (20, 1)), 64, 4))
    cut = np.quantile(honest, 0.99)
    assert np.mean(even > cut) >= 0.8
    assert np.all(single > cut)
    assert np.mean(readings(profile, customers(200, 64, 5)) > cut) <= 0.05


def test_where_customers_have_even_classes_those_are_no_sign() -> None:
    shares = np.random.default_rng(6).dirichlet(np.full(CLASSES, 100.0), 200)
    profile = profile_of(ClassBalance(), labelled(shares, 64, 6))
    honest = readings(profile, labelled(shares, 64, 7))
    even = readings(profile, labelled(np.full((20, CLASSES), 0.25), 64, 8))
    assert np.mean(even > np.quantile(honest, 0.99)) <= 0.2


def test_it_says_the_shares() -> None:
    profile = profile_of(ClassBalance(), customers(200, 64, 1))
    found = explained(profile, labelled(np.array([[0.0, 0.0, 0.0, 1.0]]), 10, 9))
    assert "of 10 answers 100% are of the most frequent of 4 classes" in found


def test_without_classes_it_says_nothing() -> None:
    assert silent(ClassBalance(), replace(honest_batch(100, 8, seed=1), scores=None))
