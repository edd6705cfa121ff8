"""Templates: one frame around ever new contents, and the contents from everywhere.

Most integrations have one template, so a template alone says nothing. A harvester fills his with the whole world, a customer
with his own business: what counts is how many texts share a frame, times how many topics fill it. Beginnings, ends and whole
texts are counted in bitmaps, topics (a text's rarest words) in tallies: the order of rows does not matter.
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
from moatkeeper.patterns.vocabulary import Vocabulary, buckets
from moatkeeper.patterns.wording import Wording
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.counts import Counts

FRAME = 4  # words at the beginning, and at the end, that make a frame; larger: fewer texts share one by chance
MAPS = Bits(3, 1_024)  # whole texts, beginnings, ends
TOPICS = 256
"""Tallies that rare words fall into; larger: tells wide from very wide, more memory."""
RAREST = 3
"""Words of a text that stand for what it is about."""


@packable
@dataclass(frozen=True, slots=True)
class FittedTemplates:
    """The honest vocabulary, by which the rarest words of a text are found."""

    vocabulary: Vocabulary

    def sketches(self) -> Mapping[str, Sketch]:
        """Bitmaps of texts and frames; tallies of topics."""
        return {"frames": MAPS, "topics": Counts(TOPICS)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The hashes of each text, its beginning and its end, and its topics."""
        wording = rows.wording
        if wording is None:
            nothing = np.full((len(rows), MAPS.maps), -1)
            return {"frames": nothing, "topics": nothing}
        ends = [row_hashes(_words(wording, late).astype(np.int64), salt=late) for late in (False, True)]
        return {"frames": np.stack([rows.exact, *ends], axis=1), "topics": _topics(wording, self.vocabulary)}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The share of texts in a shared frame times the effective number of topics, from 0 to TOPICS."""
        return _shared(states["frames"], counts) * _spread(states["topics"])

    def explain(self, states: States, counts: IntArray) -> str:
        """How many texts share a frame, and how many topics there are."""
        shared, spread = _shared(states["frames"], counts)[0], _spread(states["topics"])[0]
        return (
            f"{100 * shared:.0f} % of distinct texts begin or end like another, with contents as varied as {spread:.0f} topics"
        )


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
        return FittedTemplates(Vocabulary.fit(rows.wording, rows.batch.accounts, paired=False))


def _shared(frames: npt.NDArray[np.uint8], counts: IntArray) -> FloatArray:
    distinct = np.minimum(MAPS.distinct(frames), counts[:, None])
    texts = np.maximum(distinct[:, :1], 1)
    return np.asarray(1 - np.minimum(distinct[:, 1:] / texts, 1).min(axis=1), dtype=np.float64)


def _spread(topics: npt.NDArray[np.int32]) -> FloatArray:
    """The inverse chance that two topics of an account are the same (Simpson)."""
    tallies = topics.astype(np.float64)
    total = tallies.sum(axis=1)
    pairs = (tallies * (tallies - 1)).sum(axis=1)
    return np.where(total > 1, np.minimum(total * (total - 1) / np.maximum(pairs, 1), TOPICS), 0.0)


def _words(wording: Wording, late: bool) -> npt.NDArray[np.uint64]:
    """The first or last FRAME words of each text, shape (n, FRAME); 0 where it has fewer."""
    places = np.arange(FRAME)
    places = wording.counts[:, None] - 1 - places if late else np.broadcast_to(places, (len(wording), FRAME))
    there = (places >= 0) & (places < wording.counts[:, None])
    words = np.zeros((len(wording), FRAME), dtype=np.uint64)
    words[there] = wording.words[(wording.first[:, None] + places)[there]]
    return words


def _topics(wording: Wording, vocabulary: Vocabulary) -> IntArray:
    """The tallies of the RAREST words of each text, shape (n, RAREST), -1 where it has fewer."""
    holders = vocabulary.holders[buckets(wording.words)].astype(np.int64)
    order = np.argsort(wording.owners() * (vocabulary.accounts + 1) + holders, kind="stable")
    places = np.broadcast_to(np.arange(RAREST), (len(wording), RAREST))
    there = places < wording.counts[:, None]
    topics = np.full((len(wording), RAREST), -1, dtype=np.int64)
    words = wording.words[order[(wording.first[:, None] + places)[there]]]
    topics[there] = (words % np.uint64(TOPICS)).astype(np.int64)
    return topics
