"""Small students of encoders, trained on the vectors that an API gives. Everything that needs torch for texts is here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import cast
from zlib import crc32

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.base import TextSurrogate
from moatkeeper.redteam.embedding_maps import MappedEncoder, at_unit_length, best_map, kept_neighbours
from moatkeeper.redteam.knowledge import Encoder
from moatkeeper.redteam.text_asking import TextRecord
from moatkeeper.redteam.text_features import pieces_of

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise MissingExtra("distillation trains a network and needs torch", hint="pip install 'moatkeeper[redteam]'") from error

BUCKETS = 2**13  # of hashed pieces of text; more: fewer pieces that share one, a larger student
WIDTH = 32  # of a piece's own vector
HIDDEN = 256
BATCH = 64
EPOCHS = 15  # passes over the answers at the most; more: a better fit, more time
RATE = 2e-3  # of AdamW
FOLD = 5  # every fifth answer is held back to count the epochs; larger: more to learn from, a less sure count
FEWEST_TO_COMPARE = 60  # with fewer answers the dozen that would be held back say little, and the map is the copy
DECAY = 1e-2
TEMPERATURE = 0.07  # of InfoNCE (as MoCO and Cont-Steal); smaller: only the nearest others count

Loss = Callable[[Tensor, Tensor], Tensor]
"""Of a batch of the student's vectors and of the victim's, both (n, d)."""


class _Student(nn.Module):
    """What the map gives, corrected by a network that sees the mapped vector and the pieces of the text."""

    def __init__(self, outputs: int, chance: torch.Generator) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):  # torch's layers know no other chance than everybody's
            torch.manual_seed(int(torch.randint(2**31, (1,), generator=chance)))
            self.pieces = nn.EmbeddingBag(BUCKETS, WIDTH, mode="mean")
            self.inner = nn.Linear(WIDTH + outputs, HIDDEN)
            self.outer = nn.Linear(HIDDEN, outputs)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, mapped: Tensor, pieces: Tensor, starts: Tensor) -> Tensor:
        found = self.pieces(pieces, starts)
        hidden = functional.gelu(self.inner(torch.cat([found, mapped], dim=1)))
        return mapped + cast(Tensor, self.outer(hidden))


@dataclass(frozen=True, slots=True)
class StudentEncoder:
    """A trained student on top of a map from a public encoder."""

    mapped: MappedEncoder
    module: nn.Module

    def scores(self, texts: Sequence[str]) -> FloatArray:
        """Vectors, shape (n, d), of length 1 where the victim's have it."""
        with _one_thread(), torch.no_grad():
            vectors = self.module(_tensor(self.mapped.scores(texts)), *_bag([_buckets(text) for text in texts]))
            vectors = functional.normalize(vectors) if self.mapped.at_unit_length else vectors
        return cast(FloatArray, vectors.double().numpy())


def squared_error(ours: Tensor, theirs: Tensor) -> Tensor:
    """The mean squared distance of the vectors."""
    return ((ours - theirs) ** 2).sum(dim=1).mean()


def info_nce(ours: Tensor, theirs: Tensor) -> Tensor:
    """Which of the batch's vectors of the victim belongs to the text, told by cosine (van den Oord et al. 2018)."""
    cosines = functional.normalize(ours) @ functional.normalize(theirs).T
    return functional.cross_entropy(cosines / TEMPERATURE, torch.arange(len(ours)))


def distil(record: TextRecord, encoder: Encoder, loss: Loss, seed: int) -> TextSurrogate:
    """A student of at least two answers: it begins as the map from ``encoder``, and learns what the map misses.

    How many epochs do good is tried on a held-back fifth: those after which most of its nearest neighbours are right. None
    may be best, and then the map is the copy.
    """
    held = np.arange(len(record.texts)) % FOLD == FOLD - 1
    epochs = 0
    if len(record.texts) >= FEWEST_TO_COMPARE:
        shown, hidden = _part(record, ~held), _part(record, held)
        judged = [
            kept_neighbours(student.scores(hidden.texts), hidden.answers) for student in _students(shown, encoder, loss, seed)
        ]
        epochs = int(np.argmax(judged))
    return next(islice(_students(record, encoder, loss, seed), epochs, None))


def _students(record: TextRecord, encoder: Encoder, loss: Loss, seed: int) -> Iterator[TextSurrogate]:
    """The map, and then the student after each epoch."""
    fitted = best_map(encoder(record.texts), record.answers)
    mapped = MappedEncoder(encoder, fitted, at_unit_length(record.answers))
    yield mapped
    begun, wanted = _tensor(mapped.scores(record.texts)), _tensor(record.answers)
    bags = [_buckets(text) for text in record.texts]
    chance = torch.Generator().manual_seed(seed)
    student = _Student(record.answers.shape[1], chance)
    optimiser = torch.optim.AdamW(student.parameters(), lr=RATE, weight_decay=DECAY)
    for _ in range(EPOCHS):
        with _one_thread():
            for batch in torch.split(torch.randperm(len(bags), generator=chance), BATCH):
                vectors = student(begun[batch], *_bag([bags[index] for index in batch.tolist()]))
                vectors = functional.normalize(vectors) if mapped.at_unit_length else vectors
                optimiser.zero_grad()
                loss(vectors, wanted[batch]).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
        yield StudentEncoder(mapped, student)


def _part(record: TextRecord, wanted: npt.NDArray[np.bool_]) -> TextRecord:
    texts = tuple(text for text, kept in zip(record.texts, wanted.tolist(), strict=True) if kept)
    return TextRecord(texts, record.answers[wanted])


def _buckets(text: str) -> list[int]:
    return [crc32(piece.encode()) % BUCKETS for piece in pieces_of(text)]


def _bag(bags: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
    starts = np.cumsum([0, *(len(bag) for bag in bags)])[:-1]
    flat = [bucket for bag in bags for bucket in bag]
    return torch.tensor(flat, dtype=torch.int64), torch.tensor(starts, dtype=torch.int64)


def _tensor(vectors: FloatArray) -> Tensor:
    return torch.tensor(vectors, dtype=torch.float32)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Holds torch to one thread: on a busy machine a second one costs more than it does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
