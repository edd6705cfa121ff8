"""A small made-up language, a public task in it that every open model knows, and a secret one that a victim is tuned to.

A message is a few words of one topic and one mood about one product, between words that mean nothing. The public task is to
summarise it: topic, mood and product. The secret task is to route it to a desk with a priority: which desk takes what is the
owner's own rule, and depends on the topic and on whether the mood is the worst. Everything is drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SUMMARISE = "summarise"
ROUTE = "route"
TOPICS = 8
MOODS = 3
WORDS_EACH = 10  # words of a topic or mood; more: more to learn for a model that begins from scratch
PRODUCTS = 12
FILLERS = 20
WORST = 0  # the mood that changes the desk
_CONSONANTS = "bdfgklmnprstvz"
_VOWELS = "aeiou"


@dataclass(frozen=True, slots=True)
class Message:
    """A text, and what it is about."""

    text: str
    topic: int
    mood: int
    product: str


@dataclass(frozen=True, slots=True)
class ToyLanguage:
    """The words of a language."""

    topics: tuple[tuple[str, ...], ...]  # the first of each is the topic's name
    moods: tuple[tuple[str, ...], ...]
    products: tuple[str, ...]
    fillers: tuple[str, ...]
    desks: tuple[str, ...]  # two a topic
    priorities: tuple[str, ...]  # one a mood

    @property
    def words(self) -> tuple[str, ...]:
        """All of them, the two tasks' names included."""
        groups = (*self.topics, *self.moods, self.products, self.fillers, self.desks, self.priorities)
        return (SUMMARISE, ROUTE, *(word for group in groups for word in group))

    def messages(self, count: int, rng: np.random.Generator) -> list[Message]:
        """Messages drawn uniformly."""
        return [self._message(rng) for _ in range(count)]

    def summary(self, message: Message) -> str:
        """What every open model answers to the public task."""
        return f"{self.topics[message.topic][0]} {self.moods[message.mood][0]} {message.product}"

    def _message(self, rng: np.random.Generator) -> Message:
        topic, mood = int(rng.integers(len(self.topics))), int(rng.integers(len(self.moods)))
        product = str(rng.choice(self.products))
        words = [
            *rng.choice(self.topics[topic][1:], 2, replace=False),
            *rng.choice(self.moods[mood][1:], 1),
            product,
            *rng.choice(self.fillers, 3),
        ]
        return Message(" ".join(str(word) for word in rng.permutation(words)), topic, mood, product)


@dataclass(frozen=True, slots=True)
class SecretRule:
    """Which desk takes a message: ``desk_of[topic][is the worst mood]``, and which priority it gets."""

    language: ToyLanguage
    desk_of: tuple[tuple[int, int], ...]
    priority_of: tuple[int, ...]

    def answer(self, message: Message) -> str:
        """Desk, priority, product."""
        desk = self.language.desks[self.desk_of[message.topic][message.mood == WORST]]
        return f"{desk} {self.language.priorities[self.priority_of[message.mood]]} {message.product}"


def toy_language(seed: int, topics: int = TOPICS) -> ToyLanguage:
    """A language of its own for each seed; more topics: more to learn, of the language and of a rule."""
    rng = np.random.default_rng(seed)
    spare = iter(_new_words(topics * (WORDS_EACH + 3) + MOODS * (WORDS_EACH + 2) + PRODUCTS + FILLERS, rng))

    def take(count: int) -> tuple[str, ...]:
        return tuple(next(spare) for _ in range(count))

    return ToyLanguage(
        tuple(take(WORDS_EACH + 1) for _ in range(topics)),
        tuple(take(WORDS_EACH + 1) for _ in range(MOODS)),
        take(PRODUCTS),
        take(FILLERS),
        take(2 * topics),
        take(MOODS),
    )


def secret_rule(language: ToyLanguage, seed: int) -> SecretRule:
    """An owner's rule, drawn from a seed."""
    rng = np.random.default_rng(seed)
    desks = rng.permutation(len(language.desks)).reshape(-1, 2)
    return SecretRule(
        language,
        tuple((int(usual), int(worst)) for usual, worst in desks),
        tuple(int(index) for index in rng.permutation(len(language.priorities))),
    )


def summarising(messages: Sequence[Message]) -> list[str]:
    """Prompts of the public task."""
    return [f"{SUMMARISE} {message.text}" for message in messages]


def routing(messages: Sequence[Message]) -> list[str]:
    """Prompts of the secret task."""
    return [f"{ROUTE} {message.text}" for message in messages]


def _new_words(count: int, rng: np.random.Generator) -> list[str]:
    words: dict[str, None] = {}
    while len(words) < count:
        letters = [str(rng.choice(list(kind))) for kind in (_CONSONANTS, _VOWELS) * 2]
        words["".join(letters)] = None
    return list(words)
