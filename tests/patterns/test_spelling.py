"""Spelling: phrases are found where they stand, by the bytes that they begin with, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.patterns.spelling import LENGTHS, PAD, Phrases, clean, eights, fours

PHRASES = Phrases.of({"fruit": (" apple pie", " cherry"), "tool": (" hammer and nail", " cherry picker"), "多": ("苹果派",)})


def found(text: str) -> set[tuple[int, int]]:
    """Where which concepts are found."""
    four = fours(np.frombuffer(clean(text), dtype=np.uint8))
    places, concepts = PHRASES.find(four, eights(four))
    return set(zip(places.tolist(), concepts.tolist(), strict=True))


@given(st.text())
def test_any_text_becomes_letters_digits_and_spaces(text: str) -> None:
    raw = clean(text)
    assert raw.startswith(b" ")
    assert raw.endswith(b" " * PAD)
    assert all(byte == ord(" ") or byte >= 0x80 or chr(byte).isalnum() for byte in raw)


@given(st.binary(max_size=40))
def test_fours_and_eights_are_the_bytes_that_follow(content: bytes) -> None:
    four = fours(np.frombuffer(content, dtype=np.uint8))
    assert four.tolist() == [int.from_bytes(content[place : place + 4], "little") for place in range(len(content))]
    assert eights(four).tolist() == [int.from_bytes(content[place : place + 8], "little") for place in range(len(content))]


def test_phrases_are_found_at_the_begin_of_words_and_by_their_stems() -> None:
    assert found("An Apple-Pie, please") == {(3, 1)}
    assert found("cherries and a cherry-picker") == {(0, 1), (15, 1), (15, 2)}
    assert found("cherry") == {(0, 1)}
    assert found("hammer and nails") == {(0, 2)}
    assert found("pineapple pie") == set()
    assert found("我想吃苹果派") == {(1 + 3 * 3, 4)}


def test_a_phrase_does_not_reach_over_what_parts_it() -> None:
    assert found("apple") == found("pie") == set()
    assert found("apple. pie") == set()


def test_short_phrases_and_too_many_concepts_are_refused() -> None:
    with pytest.raises(ValueError, match=f"at least {LENGTHS[0]} bytes"):
        Phrases.of({"short": (" of",)})
    with pytest.raises(ValueError, match="63 concepts"):
        Phrases.of({str(number): (" something",) for number in range(63)})
