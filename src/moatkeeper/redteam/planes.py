"""Copies through places of a boundary: the plane that passes nearest to them, or the most likely linear model of the labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import Record
from moatkeeper.redteam.base import Surrogate
from moatkeeper.redteam.likelihoods import most_likely
from moatkeeper.redteam.linear import Frame, SoftmaxModel, uninformed
from moatkeeper.redteam.precision import decisions
from moatkeeper.redteam.searches import Bracket

SPREAD = 2.0  # deviation of a plane's log-odds on the asked rows: labels do not tell how sure the model is
ROUNDS = 5  # of weighing brackets anew
NARROWEST = 1e-6  # of a column's range: brackets narrower than this are all trusted alike
_SMALLEST_SPREAD = 1e-6  # keeps the copy finite where all asked rows lie on the plane


def boundary_copy(record: Record, brackets: Sequence[Bracket], scale: FloatArray) -> Surrogate:
    """The linear copy of a classifier that repeats more of the record's decisions: a plane between at least d brackets,
    where there are two classes, or the most likely linear model. ``scale`` (d,) makes columns comparable."""
    if len(record.rows) == 0:
        return uninformed(record.answers.shape[1])
    likely = most_likely(record.rows, decisions(record.answers))
    if record.answers.shape[1] != 2 or len(brackets) < len(scale):
        return likely
    plane = plane_between(brackets, record, scale)
    return max((plane, likely), key=lambda copy: float(np.mean(copy.scores(record.rows).argmax(axis=1) == record.labels)))


def plane_between(brackets: Sequence[Bracket], record: Record, scale: FloatArray) -> SoftmaxModel:
    """The model of two classes whose boundary passes nearest to the brackets' middles, turned as the record's decisions say.

    A bracket that is wide across the plane, as whole columns make them, is heard less: the plane is found again with each
    middle's weight by the width across the plane before.
    """
    middles = np.array([bracket.middle for bracket in brackets])
    widths = np.array([bracket.far - bracket.near for bracket in brackets]) / scale
    frame = Frame(middles.mean(axis=0), scale)
    design = frame.design(middles)
    weight = np.ones(len(brackets))
    for _ in range(ROUNDS):
        normal = np.linalg.svd(design * weight[:, None])[2][-1]
        across = np.abs(widths @ normal[:-1]) / max(float(np.linalg.norm(normal[:-1])), _SMALLEST_SPREAD)
        weight = 1.0 / (across + NARROWEST)
        weight /= weight.max()
    log_odds = frame.design(record.rows) @ normal
    side = float(np.sum(np.where(record.labels == 1, log_odds, -log_odds)))
    normal = normal * (SPREAD * (1.0 if side >= 0 else -1.0) / max(float(log_odds.std()), _SMALLEST_SPREAD))
    return SoftmaxModel(frame, np.column_stack([-normal / 2, normal / 2]))
