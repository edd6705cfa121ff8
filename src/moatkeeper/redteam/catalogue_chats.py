"""Attacks on models that write: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.cards import ChatCard

CHATS: tuple[ChatCard, ...] = ()
