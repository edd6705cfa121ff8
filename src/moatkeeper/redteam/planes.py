"""Copies through points of a boundary: the plane that passes nearest to them, or the most likely linear model of the labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.asking import Record
from moatkeeper.redteam.base import Surrogate
from moatkeeper.redteam.likelihoods import most_likely
from moatkeeper.redteam.linear import Frame, SoftmaxModel, uninformed
from moatkeeper.redteam.precision import decisions

SPREAD = 2.0  # deviation of a plane's log-odds on the asked rows: labels do not tell how sure the model is
_SMALLEST_SPREAD = 1e-6  # keeps the copy finite where all asked rows lie on the plane


def boundary_copy(record: Record, points: Sequence[FloatArray], scale: FloatArray) -> Surrogate:
    """The linear copy of a classifier that repeats more of the record's decisions: a plane through at least d points (d,),
    where there are two classes, or the most likely linear model. ``scale`` (d,) makes columns comparable."""
    if len(record.rows) == 0:
        return uninformed(record.answers.shape[1])
    likely = most_likely(record.rows, decisions(record.answers))
    if record.answers.shape[1] != 2 or len(points) < len(scale):
        return likely
    plane = plane_through(np.array(points), record, scale)
    return max((plane, likely), key=lambda copy: float(np.mean(copy.scores(record.rows).argmax(axis=1) == record.labels)))


def plane_through(points: FloatArray, record: Record, scale: FloatArray) -> SoftmaxModel:
    """The model of two classes whose boundary passes nearest to the points (m, d), turned as the record's decisions say."""
    frame = Frame(points.mean(axis=0), scale)
    normal = np.linalg.svd(frame.design(points))[2][-1]
    log_odds = frame.design(record.rows) @ normal
    side = float(np.sum(np.where(record.labels == 1, log_odds, -log_odds)))
    normal = normal * (SPREAD * (1.0 if side >= 0 else -1.0) / max(float(log_odds.std()), _SMALLEST_SPREAD))
    return SoftmaxModel(frame, np.column_stack([-normal / 2, normal / 2]))
