"""Attacks on classifiers of texts: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.cards import TextCard

TEXTS: tuple[TextCard, ...] = ()
