"""Texts as numbers, without anybody's model: weighted words, and two small encoders that a thief can make for himself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Protocol, cast
from zlib import crc32

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.errors import MissingExtra
from moatkeeper.redteam.knowledge import Encoder, TextKnowledge

_WORD = re.compile(r"\w\w+")  # words of two letters and more: scikit-learn's default, so the likeliest of a victim's
ENCODER_DIMENSIONS = 128  # of a thief's own encoder; more: nearer to the words, more answers needed for a map from it
POWER_ROUNDS = 4  # of the subspace iteration; more: nearer to the exact singular vectors
SPARE_DIMENSIONS = 16  # carried along in it and dropped; more: the same


class Design(Protocol):
    """A matrix (n, p), dense or sparse, as far as fitting needs one."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def T(self) -> Design: ...  # noqa: N802  (numpy's own name)

    def __matmul__(self, other: FloatArray, /) -> FloatArray: ...

    def __getitem__(self, rows: npt.NDArray[np.intp], /) -> Design: ...


@lru_cache(maxsize=2**17)
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in lower case and in order, those of one letter left out."""
    return tuple(_WORD.findall(text.lower()))


def pieces_of(text: str, longest: int = 4) -> list[str]:
    """Words, pairs of neighbouring words, and runs of 3 to ``longest`` letters within a word, with its ends marked."""
    words = words_of(text)
    marked = [f"<{word}>" for word in words]
    runs = [word[at : at + n] for word in marked for n in range(3, longest + 1) for at in range(len(word) - n + 1)]
    return [*words, *(f"{a} {b}" for a, b in pairwise(words)), *runs]


@dataclass(frozen=True, slots=True)
class WeightedWords:
    """TF-IDF (Salton and Buckley 1988), smoothed as scikit-learn does.

    ``columns`` places words and ``weights`` (p,) rates them; ``others`` rates words without a column, which only make the
    rest of a text count less.
    """

    columns: Mapping[str, int]
    weights: FloatArray
    others: Mapping[str, float]

    def matrix(self, texts: Sequence[str]) -> Design:
        """Shape (n, p + 1), sparse: rows of length at most 1, and then a column of ones."""
        places: list[int] = []
        counts: list[int] = []
        starts = [0]
        beside = []
        for text in texts:
            found = Counter(words_of(text))
            known = {column: count for word, count in found.items() if (column := self.columns.get(word)) is not None}
            places += [*known, len(self.weights)]
            counts += [*known.values(), 1]
            starts.append(len(places))
            beside.append(sum((count * self.others.get(word, 0.0)) ** 2 for word, count in found.items()))
        columns = np.asarray(places, dtype=np.intp)
        values = np.asarray(counts, dtype=np.float64) * np.append(self.weights, 0.0)[columns]
        row = np.repeat(np.arange(len(texts)), np.diff(starts))
        lengths = np.sqrt(np.bincount(row, values**2, minlength=len(texts)) + np.asarray(beside))
        values /= np.where(lengths > 0, lengths, 1.0)[row]
        values[columns == len(self.weights)] = 1.0
        return _sparse(values, columns, np.asarray(starts), (len(texts), len(self.weights) + 1))


def weigh_words(texts: Sequence[str], background: Sequence[str] = ()) -> WeightedWords:
    """The words of ``texts``, rated by how few of these and of the ``background`` hold them."""
    everything = list(dict.fromkeys([*texts, *background]))
    holding = Counter(word for text in everything for word in set(words_of(text)))
    rates = {word: float(np.log((1 + len(everything)) / (1 + count)) + 1) for word, count in holding.items()}
    words = sorted({word for text in texts for word in words_of(text)})
    columns = {word: column for column, word in enumerate(words)}
    others = {word: rate for word, rate in rates.items() if word not in columns}
    return WeightedWords(columns, np.array([rates[word] for word in words], dtype=np.float64), others)


def hashed_encoder(dimensions: int = ENCODER_DIMENSIONS, *, salt: int = 0) -> Encoder:
    """A random projection of counted pieces to unit vectors (n, ``dimensions``): each piece has a direction of its own.

    It needs no corpus; encoders with different salts have nothing in common but the texts.
    """

    @lru_cache(maxsize=2**16)
    def direction(piece: str) -> FloatArray:
        return np.random.default_rng([salt, crc32(piece.encode())]).normal(size=dimensions)

    def encode(texts: Sequence[str]) -> FloatArray:
        rows = np.zeros((len(texts), dimensions))
        for row, text in zip(rows, texts, strict=True):
            for piece in pieces_of(text):
                row += direction(piece)
        return unit(rows)

    return encode


def semantic_encoder(corpus: Sequence[str], dimensions: int = ENCODER_DIMENSIONS) -> Encoder:
    """Latent semantic analysis of ``corpus`` (Deerwester et al. 1990): unit vectors (n, at most ``dimensions``).

    The first right singular vectors of its TF-IDF matrix, by subspace iteration (Halko et al. 2011, algorithm 4.4).
    """
    words = weigh_words(corpus)
    matrix = words.matrix(corpus)
    width = min(dimensions + SPARE_DIMENSIONS, *matrix.shape)
    basis = np.random.default_rng(dimensions).normal(size=(matrix.shape[1], width))
    basis[-1] = 0.0  # the column of ones is no word, and would drown them
    for _ in range(POWER_ROUNDS):
        wider = matrix.T @ (matrix @ basis)
        wider[-1] = 0.0
        basis = np.linalg.qr(wider)[0]
    _, _, turned = np.linalg.svd(matrix @ basis, full_matrices=False)
    kept = (basis @ turned.T)[:, :dimensions]

    def encode(texts: Sequence[str]) -> FloatArray:
        return unit(words.matrix(texts) @ kept)

    return encode


def encoder_of(knowledge: TextKnowledge) -> Encoder:
    """The thief's public encoder; where he has none, one that he makes from his own texts, or from none at all."""
    if knowledge.encoder is not None:
        return knowledge.encoder
    corpus = list(dict.fromkeys([*knowledge.pool, *knowledge.foreign]))
    return semantic_encoder(corpus) if len(corpus) >= ENCODER_DIMENSIONS else hashed_encoder()


def unit(vectors: FloatArray) -> FloatArray:
    """Rows of length 1; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: FloatArray = vectors / np.where(lengths > 0, lengths, 1.0)
    return scaled


def gram(design: Design) -> FloatArray:
    """The dense products of the rows with each other, shape (n, n)."""
    product: object = design @ cast(FloatArray, design.T)
    return product if isinstance(product, np.ndarray) else cast(FloatArray, product.toarray())  # type: ignore[attr-defined]


def _sparse(values: FloatArray, columns: npt.NDArray[np.intp], starts: npt.NDArray[np.intp], shape: tuple[int, int]) -> Design:
    try:
        from scipy.sparse import csr_array  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("attacks on models of texts need scipy", hint="pip install 'moatkeeper[redteam]'") from error
    return cast(Design, csr_array((values, columns, starts), shape=shape))
