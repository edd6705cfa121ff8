"""Data-free theft: make images out of chance, and ask those of them that the copy so far is least sure of.

Truong et al. 2021 (DFME) and Kariyappa et al. 2021 (MAZE) train a generator towards images on which copy and victim disagree,
and pay for most of its gradients with queries: 20 million for CIFAR-10. Deviation, for budgets that an API would grant: the
generator is a fixed law of smooth random fields, of all coarsenesses, contrasts and brightnesses, and what learns is the choice
among them. CANDIDATES times as many images are made as are asked; those of the highest entropy under the copy are (as in
activethief_uncertainty), and every question is one that the copy learns from. Labels are enough for it.

What it cannot do: reach a model that decides by the texture of natural photographs, which such fields do not have.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.activethief_uncertainty import most_uncertain
from moatkeeper.redteam.attacks.pool_rounds import (
    EFFORT,
    GROWTH,
    Bought,
    Situation,
    classifier_only,
    copy_of,
    draw_seed,
    drawing_board,
    lawful,
    nothing_bought,
    soft,
)
from moatkeeper.redteam.base import Loot, RowVictim, Surrogate
from moatkeeper.redteam.knowledge import RowKnowledge

IMAGE_AXES = 3  # channels, height, width
FIRST = 200  # images asked before there is a copy to choose by
CANDIDATES = 10  # images made for one that is asked; more: a stricter choice, more time
COARSEST = 2  # control points a side of a field
FINEST_SHARE = 0.75  # of the side of an image, for the most control points; larger: finer detail
CONTRAST = (0.5, 4.0)  # slopes of the curve that turns a field into brightness; higher: nearer to black and white
BRIGHTNESS = 0.7  # spread of the mean of a field, in its own deviations
SMALLEST_SPREAD = 1e-9


class DataFree:
    """Asks images that nobody took; needs no more than the documented ranges."""

    name = "data-free"

    def __init__(self, knowledge: RowKnowledge) -> None:
        classifier_only(knowledge, self.name)
        self._knowledge = knowledge

    def run(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Loot[Surrogate]:
        """A network trained on at most ``budget`` answers."""
        return Loot(copy_of(self._knowledge, self._ask(victim, budget, rng), rng))

    def _ask(self, victim: RowVictim, budget: int, rng: np.random.Generator) -> Bought:
        board, bought = drawing_board(self._knowledge), nothing_bought(self._knowledge)
        coming = self._made(FIRST, rng)
        while len(bought) < budget:
            asked = coming[: budget - len(bought)]
            answers = victim.ask(asked)
            bought = bought.and_then(asked, answers)
            if len(answers) < len(coming):
                break
            net = board.train(bought.rows, soft(bought.answers), draw_seed(rng), effort=EFFORT)
            count = round(GROWTH * len(bought))
            candidates = self._made(CANDIDATES * count, rng)
            coming = candidates[most_uncertain(Situation(net, bought, candidates, count, rng))[:count]]
        return bought

    def _made(self, count: int, rng: np.random.Generator) -> FloatArray:
        knowledge = self._knowledge
        shape = knowledge.shape if len(knowledge.shape) == IMAGE_AXES else (knowledge.columns, 1, 1)
        brightness = random_fields(count, shape, rng).reshape(count, -1)
        return lawful(knowledge.lowest + brightness * (knowledge.highest - knowledge.lowest), knowledge)


def random_fields(count: int, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Smooth random images in [0, 1], shape (count, channels, height, width); a side of 1 pixel is plain chance."""
    channels, height, width = shape
    finest = max(COARSEST, round(FINEST_SHARE * max(height, width)))
    sizes = rng.integers(COARSEST, finest + 1, size=count)
    fields = np.empty((count, channels, height, width))
    for size in np.unique(sizes):
        own = sizes == size
        points = rng.normal(size=(int(own.sum()), channels, size, size))
        fields[own] = _blend(size, height) @ points @ _blend(size, width).T
    spread = fields.std(axis=(1, 2, 3), keepdims=True)
    fields = (fields - fields.mean(axis=(1, 2, 3), keepdims=True)) / np.maximum(spread, SMALLEST_SPREAD)
    shift = BRIGHTNESS * rng.normal(size=(count, 1, 1, 1))
    slope = rng.uniform(*CONTRAST, size=(count, 1, 1, 1))
    return cast(FloatArray, 1 / (1 + np.exp(-slope * (fields + shift))))


def _blend(points: int, pixels: int) -> FloatArray:
    """Weights (pixels, points) of linear interpolation between control points that are spread evenly over a side."""
    places = np.linspace(0, points - 1, pixels)
    return cast(FloatArray, np.maximum(0.0, 1 - np.abs(places[:, None] - np.arange(points)[None])))
