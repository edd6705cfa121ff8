"""Attacks on models of images: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.cards import RowCard

IMAGES: tuple[RowCard, ...] = ()
