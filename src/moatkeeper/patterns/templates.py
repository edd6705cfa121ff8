"""Templates: one frame around ever new contents, and the contents from everywhere.

Most integrations have one template, so a template alone says nothing. A harvester fills his with the whole world, a customer
with his own business: what counts is how many texts share a frame, times how many distinct words there are for as many words in
all. Beginnings, ends and whole texts are counted in bitmaps, words in registers: the order of rows does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.hashing import row_hashes
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.wording import Wording
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.registers import Registers
from moatkeeper.sketch.sums import Sums

FRAME = 4  # words at the beginning, and at the end, that make a frame; larger: fewer texts share one by chance
MAPS = Bits(3, 1_024)  # whole texts, beginnings, ends
WORDS = Registers(9)  # distinct words; half a kilobyte, to within 5 %
SAMPLED = 16
"""Words of a text that are looked at, spread evenly over it; larger: slower, and long texts weigh more."""
HEAPS = 0.6  # the power of all words that distinct ones grow with: 0.4 to 0.7 in prose (Heaps 1978)
_POSITIVE = np.uint64(0x7FFFFFFFFFFFFFFF)


@packable
@dataclass(frozen=True, slots=True)
class FittedTemplates:
    """The logarithm of the distinct words of honest accounts, less what Heaps' law says for as many words in all."""

    ordinary: float

    def sketches(self) -> Mapping[str, Sketch]:
        """Bitmaps of texts and frames; distinct words; the number of words."""
        return {"frames": MAPS, "words": WORDS, "count": Sums(1)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The hashes of each text, its beginning, its end and its words, and how many these are."""
        return _marks(rows)

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The share of texts in a shared frame times the words' variety, 1 being that of honest accounts with as many."""
        return _shared(states["frames"], counts) * self._variety(states)

    def explain(self, states: States, counts: IntArray) -> str:
        """How many texts share a frame, and how various their words are."""
        shared, variety = _shared(states["frames"], counts)[0], self._variety(states)[0]
        return (
            f"{100 * shared:.0f} % of distinct texts begin or end like another, with {variety:.1f} times as many distinct "
            "words as honest customers' texts of that length"
        )

    def _variety(self, states: States) -> FloatArray:
        return np.asarray(np.exp(_richness(states) - self.ordinary), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Templates:
    """The detector, before it knows a model."""

    name: str = "templates"
    purpose: Purpose = Purpose.EXTRACTION
    meaning: str = "fills one template with contents from everywhere, where customers fill theirs with their own business"

    def fit(self, rows: Rows) -> Fitted | None:
        """None without texts."""
        if rows.wording is None or not len(rows.wording.words):
            return None
        accounts, owners = np.unique(rows.batch.accounts, return_inverse=True)
        marks = _marks(rows)
        states = {"words": WORDS.empty(len(accounts)), "count": Sums(1).empty(len(accounts))}
        WORDS.fold(states["words"], owners, marks["words"])
        Sums(1).fold(states["count"], owners, marks["count"])
        return FittedTemplates(float(np.mean(_richness(states))))


def _shared(frames: npt.NDArray[np.uint8], counts: IntArray) -> FloatArray:
    distinct = np.minimum(MAPS.distinct(frames), counts[:, None])
    texts = np.maximum(distinct[:, :1], 1)
    shared = 1 - np.minimum(distinct[:, 1:] / texts, 1).min(axis=1)
    return np.where(distinct[:, 0] > 0, shared, np.nan)


def _richness(states: States) -> FloatArray:
    distinct = np.maximum(WORDS.distinct(states["words"]), 1)
    total = np.maximum(Sums.values(states["count"])[:, 0], 1)
    return np.asarray(np.log(distinct) - HEAPS * np.log(total), dtype=np.float64)


def _marks(rows: Rows) -> dict[str, Marks]:
    wording = rows.wording
    if wording is None:
        nothing = np.full((len(rows), 1), -1)
        return {"frames": np.repeat(nothing, MAPS.maps, axis=1), "words": nothing, "count": np.zeros((len(rows), 1))}
    steps = np.arange(FRAME)
    early = np.broadcast_to(steps, (len(wording), FRAME))
    late = wording.counts[:, None] - 1 - steps
    ends = [row_hashes(_at(wording, places, 0), salt=salt) for salt, places in enumerate((early, late))]
    sizes = np.minimum(wording.counts, SAMPLED)[:, None]
    spread = np.arange(SAMPLED) * wording.counts[:, None] // np.maximum(sizes, 1)
    spread = np.where(np.arange(SAMPLED) < sizes, spread, -1)
    return {"frames": np.stack([rows.exact, *ends], axis=1), "words": _at(wording, spread, -1), "count": sizes}


def _at(wording: Wording, places: IntArray, nothing: int) -> IntArray:
    """The hashes of each text's words at these places, from 0 up, shape (n, m); ``nothing`` where it has no such word."""
    there = (places >= 0) & (places < wording.counts[:, None])
    words = np.full(places.shape, nothing, dtype=np.int64)
    words[there] = (wording.words & _POSITIVE)[(wording.first[:, None] + places)[there]].astype(np.int64)
    return words
