"""Small neural networks, a thief's substitutes: trained on answers, then asked for scores and gradients. All torch is here."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.knowledge import RowKnowledge

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise MissingExtra(
        "this attack trains a neural network and needs torch", hint="pip install 'moatkeeper[redteam]'"
    ) from error

IMAGE_AXES = 3  # channels, height, width
SMALLEST_IMAGE = 16
"""Pixels a side: below it a multilayer perceptron copies better (8 x 8 digits, 300 answers: 0.98 to 0.94)."""
WIDE_IMAGE = 32
"""Pixels a side from which a third block of convolutions is added."""
CHANNELS = (16, 32, 64)  # of the blocks; more: better on hard images, slower
HIDDEN = 128
BATCH = 64
EPOCHS = 20
LEAST_STEPS, MOST_STEPS = 400, 6_000
MOST_PASSES = 200
"""Steps of a training at full effort: EPOCHS passes over the rows, but no fewer and no more steps than these; of few rows,
as many steps as MOST_PASSES allow."""
RATE = 2e-3  # Adam's peak rate, reached after WARM of the steps, then falling to nothing along half a cosine
WARM = 0.2
DECAY = 1e-2  # weight decay of AdamW
SHIFT = 0.08  # of the side: images are moved by up to this share while a copy learns, as its victim should not mind
ROWS_AT_ONCE = 1_024


@dataclass(frozen=True, slots=True)
class Net:
    """A trained network, in a thief's hands: rows (n, d) in, class scores (n, k) out."""

    module: nn.Module
    shape: tuple[int, ...]  # (channels, height, width) of an image, (d,) of a row
    centre: FloatArray
    reach: FloatArray

    def scores(self, rows: FloatArray) -> FloatArray:
        """Class probabilities, shape (n, k), rows summing to 1."""
        return cast(FloatArray, np.exp(self.log_scores(rows)))

    def log_scores(self, rows: FloatArray) -> FloatArray:
        """Logarithms of the class probabilities, shape (n, k)."""
        with one_thread(), torch.no_grad():
            parts = [functional.log_softmax(self.module(part).double(), dim=1).numpy() for part in self._parts(rows)]
        return np.concatenate(parts)

    def gradients(self, rows: FloatArray, classes: np.ndarray) -> FloatArray:
        """How the log-probability of each row's class (n,) grows with each column of the row, shape (n, d).

        The difference between two classes' gradients is that of their logits.
        """
        wanted = torch.as_tensor(classes.astype(np.int64))
        found: list[FloatArray] = []
        with one_thread():
            for part, own in zip(self._parts(rows), torch.split(wanted, ROWS_AT_ONCE), strict=True):
                part.requires_grad_(True)
                chosen = functional.log_softmax(self.module(part), dim=1).gather(1, own[:, None]).sum()
                (slope,) = torch.autograd.grad(chosen, part)
                found.append(slope.reshape(len(own), -1).double().numpy())
        return np.concatenate(found) / self.reach

    def _parts(self, rows: FloatArray) -> Iterator[Tensor]:
        for start in range(0, max(1, len(rows)), ROWS_AT_ONCE):
            yield _tensor(rows[start : start + ROWS_AT_ONCE], self.shape, self.centre, self.reach)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What networks a thief builds for a model: convolutions where a row is an image, a multilayer perceptron elsewhere."""

    outputs: int
    shape: tuple[int, ...]
    centre: FloatArray
    reach: FloatArray

    @property
    def convolves(self) -> bool:
        """Whether a row is an image that is large enough for convolutions."""
        return is_image(self.shape)

    def train(
        self,
        rows: FloatArray,
        targets: FloatArray,
        seed: int,
        *,
        effort: float = 1.0,
        weights: FloatArray | None = None,
    ) -> Net:
        """A network fitted by cross-entropy to distributions ``targets`` (n, k) on rows (n, d), the same for the same seed.

        ``effort`` scales the steps; more: a closer fit, more time. ``weights`` (n,) tell how much each row counts. Without
        rows, the network that gives every class the same score.
        """
        with one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = self._module()
            if len(rows):
                _fit(module, self._tensors(rows, targets, weights), effort, shift=self.convolves)
        module.eval()
        return Net(module, self.shape, self.centre, self.reach)

    def _tensors(self, rows: FloatArray, targets: FloatArray, weights: FloatArray | None) -> tuple[Tensor, Tensor]:
        counted = targets if weights is None else targets * weights[:, None]
        return _tensor(rows, self.shape, self.centre, self.reach), torch.as_tensor(counted, dtype=torch.float32)

    def _module(self) -> nn.Module:
        head = nn.Linear(HIDDEN, self.outputs)
        nn.init.zeros_(head.weight)  # an untrained network prefers no class
        nn.init.zeros_(head.bias)
        if not self.convolves:
            return nn.Sequential(nn.Linear(self.shape[0], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), head)
        channels, height, width = self.shape
        blocks = CHANNELS if min(height, width) >= WIDE_IMAGE else CHANNELS[:2]
        layers: list[nn.Module] = []
        for before, after in zip((channels, *blocks), blocks, strict=False):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            height, width = height // 2, width // 2
        layers += [nn.Flatten(), nn.Linear(blocks[-1] * height * width, HIDDEN), nn.ReLU(), head]
        return nn.Sequential(*layers)


def blueprint(knowledge: RowKnowledge) -> Blueprint:
    """What a thief with this knowledge builds. Columns are scaled to [-1, 1], an image's all alike."""
    lowest, highest = knowledge.lowest, knowledge.highest
    shape = knowledge.shape if is_image(knowledge.shape) else (knowledge.columns,)
    if is_image(shape):
        lowest, highest = np.full_like(lowest, lowest.min()), np.full_like(highest, highest.max())
    reach = (highest - lowest) / 2
    return Blueprint(knowledge.outputs, shape, (highest + lowest) / 2, np.where(reach > 0, reach, 1.0))


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether a shape is that of an image which is large enough for convolutions."""
    return len(shape) == IMAGE_AXES and min(shape[1:]) >= SMALLEST_IMAGE


@contextmanager
def one_thread() -> Iterator[None]:
    """Holds torch to one thread: small layers gain nothing from a second, and their sums are then always in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _tensor(rows: FloatArray, shape: tuple[int, ...], centre: FloatArray, reach: FloatArray) -> Tensor:
    scaled = torch.as_tensor((rows - centre) / reach, dtype=torch.float32).reshape(len(rows), *shape)
    return scaled.contiguous(memory_format=torch.channels_last) if is_image(shape) else scaled


def _fit(module: nn.Module, learned: tuple[Tensor, Tensor], effort: float, *, shift: bool) -> None:
    rows, targets = learned
    batch = min(BATCH, len(rows))
    a_pass = math.ceil(len(rows) / batch)
    least = min(LEAST_STEPS, MOST_PASSES * a_pass)
    steps = max(1, round(effort * min(MOST_STEPS, max(least, EPOCHS * a_pass))))
    optimiser = torch.optim.AdamW(module.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    order = torch.empty(0, dtype=torch.int64)
    for step in range(steps):
        if len(order) < batch:
            order = torch.randperm(len(rows))
        chosen, order = order[:batch], order[batch:]
        for group in optimiser.param_groups:
            group["lr"] = RATE * _share(step / steps)
        seen = _moved(rows[chosen]) if shift else rows[chosen]
        loss = -(targets[chosen] * functional.log_softmax(module(seen), dim=1)).sum(dim=1).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def _share(done: float) -> float:
    return done / WARM if done < WARM else 0.5 * (1 + math.cos(math.pi * (done - WARM) / (1 - WARM)))


def _moved(images: Tensor) -> Tensor:
    """Each image moved by a few pixels of its own, its edge repeated."""
    count, _, height, width = images.shape
    most = max(1, round(SHIFT * min(height, width)))
    moves = torch.randint(-most, most + 1, (2, count, 1))
    down = (torch.arange(height)[None] + moves[0]).clamp(0, height - 1)
    across = (torch.arange(width)[None] + moves[1]).clamp(0, width - 1)
    own = torch.arange(count)[:, None, None]
    picked = images.permute(0, 2, 3, 1)[own, down[:, :, None], across[:, None, :]]
    return picked.permute(0, 3, 1, 2)
