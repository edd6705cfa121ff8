"""Attacks on next-token models: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.cards import TokenCard

TOKENS: tuple[TokenCard, ...] = ()
