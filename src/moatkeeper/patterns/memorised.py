"""Memorised text: fishing for what the model knows by heart.

Carlini et al. 2021, Extracting Training Data from Large Language Models: many samples from an empty or short prefix, or
from prefixes of web texts, repeated at a high temperature. Nasr et al. 2023: a word to be repeated for ever. Looked for
here are openings without a request, requests to recite, words repeated within a text, and one text again and again with long
answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray
from moatkeeper.patterns.base import Fitted, Purpose, States
from moatkeeper.patterns.batch import IntArray
from moatkeeper.patterns.hashing import mixed
from moatkeeper.patterns.packing import packable
from moatkeeper.patterns.rows import Rows
from moatkeeper.patterns.shares import Share
from moatkeeper.patterns.speech import MOST, Speech, Weights, weighed
from moatkeeper.patterns.wording import Wording
from moatkeeper.sketch.base import Marks, Sketch
from moatkeeper.sketch.bits import Bits
from moatkeeper.sketch.counts import Counts

SHORT = 3
"""Words up to which a text that asks for nothing is an opening."""
REPETITIVE = 4.0
"""How often a text's words occur in it on average, from which on it repeats itself; prose of 50 words has 1.3."""
MAPS = Bits(1, 2_048)
_WEIGHTS: Weights = (
    (2, ("recite",)),
    (3, ("forever",), ("telling", "making")),
)
_MANY_WORDS = 8  # below which nothing is repetitive
_LONG = 0.5  # quantile of honest answers from which on an answer is long


def degrees(wording: Wording) -> IntArray:
    """How plainly each text fishes for memorised text, shape (n,), from 0 to MOST."""
    asks = wording.says("asking")
    total = (
        weighed(wording, _WEIGHTS)
        + (~asks).astype(np.int64)
        + 2 * (~asks & (wording.counts <= SHORT))
        + 3 * _repetitive(wording)
    )
    return np.asarray(np.clip(total, 0, MOST), dtype=np.int64)


def _repetitive(wording: Wording) -> npt.NDArray[np.bool_]:
    owners = wording.owners()
    own = wording.words + mixed(owners.astype(np.uint64))  # the same only for the same word in the same text
    distinct = np.bincount(owners[np.unique(own, return_index=True)[1]], minlength=len(wording))
    return (wording.counts >= _MANY_WORDS) & (wording.counts >= REPETITIVE * distinct)


@packable
@dataclass(frozen=True, slots=True)
class FittedMemorised:
    """Ranks of honest texts, tokens from which on an answer is long, and the honest share of repeats among such."""

    speech: Speech
    long: float
    repeats: Share

    def sketches(self) -> Mapping[str, Sketch]:
        """Tallies of p-values, a bitmap of texts with long answers, and their number."""
        return {**self.speech.sketches(), "asked": MAPS, "long": Counts(1)}

    def marks(self, rows: Rows) -> Mapping[str, Marks]:
        """The bin of each row's p-value, and the hash of a text with a long answer."""
        long = _long(rows, self.long)
        asked, one = np.where(long, rows.exact, -1), np.where(long, 0, -1)
        return {**self.speech.marks(rows, degrees), "asked": asked[:, None], "long": one[:, None]}

    def read(self, states: States, counts: IntArray) -> FloatArray:
        """The larger excess, of fishing texts or of repeats, in standard deviations between honest accounts."""
        repeated, long = _repeated(states)
        return np.fmax(self.speech.read(states, counts), np.maximum(self.repeats.excess(repeated, long), 0.0))

    def explain(self, states: States, counts: IntArray) -> str:
        """How many texts fish, or how many were repeated."""
        repeated, long = _repeated(states)
        excess = self.repeats.excess(repeated, long)[0]
        if np.isfinite(excess) and excess > 0 and not excess <= self.speech.read(states, counts)[0]:
            return f"{repeated[0]:.0f} of {long[0]:.0f} texts with long answers were asked again, word for word"
        return self.speech.explain(
            states,
            "open a text without a request, or ask to recite or repeat",
            "follow instructions to recite or repeat, or to none",
        )


@dataclass(frozen=True, slots=True)
class Memorised:
    """The detector, before it knows a model."""

    name: str = "memorised"
    purpose: Purpose = Purpose.MEMORY
    meaning: str = "fishes for text that the model knows by heart, with openings, recitals and repeats"

    def fit(self, rows: Rows) -> Fitted | None:
        """None where the model does not generate text."""
        speech = Speech.fit(rows, degrees)
        if speech is None:
            return None
        tokens = rows.batch.tokens
        known = np.empty(0) if tokens is None else tokens[tokens >= 0].astype(np.float64)
        long = max(float(np.quantile(known, _LONG)), 1.0) if len(known) else 1.0
        accounts, owners = np.unique(rows.batch.accounts, return_inverse=True)
        chosen = np.flatnonzero(_long(rows, long))
        asked, count = MAPS.empty(len(accounts)), Counts(1).empty(len(accounts))
        MAPS.fold(asked, owners[chosen], rows.exact[chosen, None])
        Counts(1).fold(count, owners[chosen], np.zeros((len(chosen), 1), dtype=np.int64))
        return FittedMemorised(speech, long, Share.fit(*_repeated({"asked": asked, "long": count})))


def _long(rows: Rows, least: float) -> npt.NDArray[np.bool_]:
    tokens = rows.batch.tokens
    return np.zeros(len(rows), dtype=bool) if tokens is None else tokens >= least


def _repeated(states: States) -> tuple[FloatArray, FloatArray]:
    """Repeats among texts with long answers, and their number."""
    long = states["long"][:, 0].astype(np.float64)
    return long - np.minimum(MAPS.distinct(states["asked"])[:, 0], long), long
