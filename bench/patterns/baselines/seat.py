"""SEAT (Zhang, Chen and Wagner 2021): an account that asks many pairs of similar queries is stealing.

Section 3: queries are mapped by a similarity encoder that is trained to put an adversarial example near its original. A query
whose nearest earlier query of the account lies within a distance is a match; MATCHES matches cancel the account, and its
memory is cleared. The distance is chosen on honest queries so that RATE accounts are cancelled a query. The encoder begins as a
trained classifier without its last layer and learns ``MSE(f(x), f(x+)) + max(0, m^2 - MSE(f(x), f(x-)))`` with x+ a projected
gradient step that fools the classifier, x- another image (`train_encoder`).

Deviations: matches are counted on past the cancellation, so that accounts can be ranked; the distance is a quantile of honest
distances rather than a search for it, which is the same number; memory holds all of an account's queries (the authors keep
100,000). The same query again is no match: customers who resend would leave no distance to choose. A table or a text has no
adversarially trained encoder: it is standardised, or weighted words on their main axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bench.patterns.baselines.prada import pairwise
from moatkeeper.core.query import FloatArray

if TYPE_CHECKING:
    import torch

MATCHES = 50
RATE = 1e-4  # accounts cancelled a honest query
MARGIN = 10.0  # m^2, with m the square root of 10
SAME = 2e-3  # distance below which two queries are one, within the precision of the sums
_AT_ONCE = 4_000_000


def nearest(points: FloatArray) -> FloatArray:
    """How far each query is from the account's nearest earlier one, (accounts, n, d) -> (accounts, n); the first: infinity."""
    accounts, n, _ = points.shape
    found = np.empty((accounts, n))
    later = np.triu(np.ones((n, n), dtype=bool))
    portion = max(1, _AT_ONCE // (n * n))
    for start in range(0, accounts, portion):
        apart = pairwise(points[start : start + portion].astype(np.float32))
        apart[:, later] = np.inf
        apart[apart < SAME] = np.inf
        found[start : start + portion] = apart.min(axis=2)
    return found


def honest_distance(points: FloatArray, *, rate: float = RATE) -> float:
    """The distance within which honest queries match so often that ``rate`` accounts are cancelled a query."""
    found = nearest(points)
    return float(np.quantile(found[np.isfinite(found)], rate * MATCHES, method="lower"))


def matches(points: FloatArray, distance: float, looks: Sequence[int]) -> FloatArray:
    """Matches of each account among its first so many queries, shape (accounts, looks)."""
    counts: npt.NDArray[np.int64] = np.cumsum(nearest(points) < distance, axis=1)
    return counts[:, [look - 1 for look in looks]].astype(np.float64)


def cancellations(near: npt.NDArray[np.bool_]) -> int:
    """How many accounts one thief has used up who matched so; the memory is cleared at each, as the paper's metric wants."""
    return int(near.sum()) // MATCHES


def train_encoder(
    classifier: torch.nn.Module,
    body: torch.nn.Module,
    images: torch.Tensor,
    *,
    passes: int,
    reach: float = 8 / 255,
    steps: int = 3,
    rate: float = 1e-3,
) -> torch.nn.Module:
    """``body``, the classifier without its last layer, trained in place; ``images`` (n, ...) in [0, 1].

    ``reach`` is the L-infinity radius of the adversarial positives, ``steps`` how many gradient steps make one.
    """
    import torch
    from torch.nn import functional

    optimiser = torch.optim.Adam(body.parameters(), lr=rate)
    for _ in range(passes):
        for part in torch.randperm(len(images)).split(64):  # type: ignore[no-untyped-call]
            plain = images[part]
            close = _fooling(classifier, plain, reach, steps)
            optimiser.zero_grad()
            own, other = body(plain).flatten(1), body(close).flatten(1)
            gap = functional.mse_loss(own, own.roll(1, 0), reduction="none").mean(dim=1)
            loss = functional.mse_loss(own, other) + torch.clamp(MARGIN - gap, min=0).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return body.eval()


def _fooling(classifier: torch.nn.Module, images: torch.Tensor, reach: float, steps: int) -> torch.Tensor:
    import torch
    from torch.nn import functional

    said = classifier(images).argmax(dim=1).detach()
    moved = torch.clamp(images + reach * (2 * torch.rand_like(images) - 1), 0, 1)
    for _ in range(steps):
        moved = moved.detach().requires_grad_(True)
        loss = functional.cross_entropy(classifier(moved), said)
        (slope,) = torch.autograd.grad(loss, moved)
        moved = torch.clamp(torch.clamp(moved + 2 * reach / steps * slope.sign(), images - reach, images + reach), 0, 1)
    return moved.detach()
