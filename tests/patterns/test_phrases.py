"""Phrases: every concept can be told, in every language that is claimed."""

from __future__ import annotations

import pytest

from moatkeeper.patterns.phrases import CONCEPTS
from moatkeeper.patterns.wording import Wording


@pytest.mark.parametrize("concept", CONCEPTS)
def test_every_phrase_speaks_of_its_concept(concept: str) -> None:
    assert Wording.of(CONCEPTS[concept]).says(concept).all()


@pytest.mark.parametrize("concept", CONCEPTS)
def test_every_concept_has_chinese_and_russian_phrases(concept: str) -> None:
    letters = {character for phrase in CONCEPTS[concept] for character in phrase}
    assert any("一" <= letter <= "鿿" for letter in letters)
    assert any("а" <= letter <= "я" for letter in letters)


def test_a_plain_sentence_speaks_of_no_concept() -> None:
    assert Wording.of(("The weather in Bergen was mild in the afternoon.",)).concepts.tolist() == [0]
