"""Texts for tests: questions of a bank's customers from a small grammar, and foreign ones from Python's own documentation."""

from __future__ import annotations

import email.message
import fractions
import logging
import re
import statistics
import textwrap
from collections.abc import Sequence
from types import ModuleType

import numpy as np

_OPENINGS = ["hello", "hi there", "good morning", "please help", "i have a question", "excuse me", "quick one"]
_FRAMES = ["why is {}", "what about {}", "can you explain {}", "i need help with {}", "tell me more on {}", "there is {}"]
_CLOSINGS = ["thanks", "many thanks", "right now", "as soon as possible", "since yesterday", "again", "this week", "today"]
INTENTS = {
    "lost card": ["my lost card", "a stolen card", "the missing debit card", "my card gone in town", "blocking my card"],
    "exchange": [
        "the exchange rate",
        "changing euros to dollars",
        "a foreign currency fee",
        "the rate for pounds",
        "currency abroad",
    ],
    "top up": ["topping up my account", "a failed top up", "the top up limit", "adding money by voucher", "my pending top up"],
    "identity": ["verifying my identity", "the passport check", "uploading my photo", "proof of address", "identity documents"],
    "transfer": [
        "a transfer to my landlord",
        "my pending transfer",
        "the transfer fee",
        "sending money home",
        "a wrong transfer",
    ],
    "pin": ["my forgotten pin", "changing the pin", "a blocked pin", "the pin by letter", "entering the wrong pin"],
}
"""Six things that a bank's customers ask about."""


def intent_texts(count: int, seed: int) -> list[str]:
    """Different questions, all about one of INTENTS, at most some thousands."""
    return [text for text, _ in labelled_texts(count, seed)]


def labelled_texts(count: int, seed: int) -> list[tuple[str, int]]:
    """The same with the number of the intent."""
    rng = np.random.default_rng(seed)
    found: dict[str, int] = {}
    while len(found) < count:
        intent = int(rng.integers(len(INTENTS)))
        subject = _one(list(INTENTS.values())[intent], rng)
        text = " ".join([_one(_OPENINGS, rng), _one(_FRAMES, rng).format(subject), _one(_CLOSINGS, rng), _one(_CLOSINGS, rng)])
        found.setdefault(text, intent)
    return list(found.items())


def foreign_texts() -> list[str]:
    """Some hundred sentences from docstrings of the standard library, in an order that does not change."""
    modules: list[ModuleType] = [statistics, textwrap, logging, fractions, email.message]
    found = []
    for module in modules:
        for thing in [module, *vars(module).values()]:
            documentation = getattr(thing, "__doc__", None)
            if isinstance(documentation, str) and getattr(thing, "__module__", module.__name__) == module.__name__:
                found += [" ".join(part.split()) for part in re.split(r"\.\s|\n\n", documentation)]
    return [text for text in dict.fromkeys(found) if text]


def words_in(texts: Sequence[str]) -> list[str]:
    """The words of the texts, in alphabetical order."""
    return sorted({word for text in texts for word in re.findall(r"\w\w+", text.lower())})


def _one(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
