"""Findings: what detectors make of an account after one more checkpoint, before anybody decides what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from moatkeeper.core.judgement import Signal


@dataclass(frozen=True, slots=True)
class Finding:
    """One look at one account at one model, ``rows`` rows into its life there.

    ``p_value`` ranks this look among honest accounts. ``evidence`` is the account's sum so far, in the mean over all calibrated
    models and never decreasing while these are as many: an honest account's ever reaches 1 / alpha with a chance of at most
    alpha. ``signals`` are the detectors' readings, strangest first, with their p-values against honest accounts; ``ranks_only``
    says that there are too few honest accounts for the evidence to mean anything but an order.
    """

    account: str
    model: str
    at: float
    rows: int
    p_value: float
    evidence: float
    signals: tuple[Signal, ...]
    ranks_only: bool = False
