"""Attacks on encoders: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.cards import TextCard

EMBEDDINGS: tuple[TextCard, ...] = ()
