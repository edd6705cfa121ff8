"""What a campaign is about: a model, the rows that customers ask, what thieves bring along, and who judges the copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.base import Surrogate
from moatkeeper.redteam.harness import Judge
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.world import RowModel


@dataclass(frozen=True, slots=True)
class Scene:
    """One model and everybody's rows, which no two parties share: customers, thieves and the judge have rows of their own.

    ``without_api`` is the copy of a thief who asks nobody; every theft has to beat it.
    """

    name: str
    model: RowModel
    rows: FloatArray  # (m, d), what honest customers ask
    knowledge: RowKnowledge
    judge: Judge[Surrogate]
    without_api: Surrogate


def remembering(model: RowModel, *known: FloatArray) -> RowModel:
    """The model, with its answers to ``known`` rows computed once, because a campaign asks the same rows many times."""
    rows = np.concatenate(known)
    answers = dict(zip([row.tobytes() for row in rows], model(rows), strict=True))

    def remembered(asked: FloatArray) -> FloatArray:
        found = [answers.get(row.tobytes()) for row in asked]
        kept = [answer for answer in found if answer is not None]
        return np.stack(kept) if kept and len(kept) == len(found) else model(asked)

    return remembered
