"""Contrastively distilled embeddings: the student learns which of many vectors of the victim belongs to a text.

Cont-Steal (Sha et al. 2023), section 4, and the InfoNCE loss of Dziedzic et al. 2022. Deviations: those of
``distil-embedding``; and the negatives are the victim's vectors of the other texts in the batch, not the student's own as well.
"""

from __future__ import annotations

from moatkeeper.redteam.attacks.distil_embedding import DistilEmbedding
from moatkeeper.redteam.base import TextSurrogate
from moatkeeper.redteam.knowledge import Encoder
from moatkeeper.redteam.text_asking import TextRecord


class ContrastiveDistil(DistilEmbedding):
    """Asks as ``distil-embedding`` does."""

    name = "contrastive-distil"

    def _student(self, record: TextRecord, encoder: Encoder, seed: int) -> TextSurrogate:
        from moatkeeper.redteam.text_nets import distil, info_nce  # here, so that attacks are listed without torch

        return distil(record, encoder, info_nce, seed)
