"""Attacks on models of rows: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.attacks.equations import Equations
from moatkeeper.redteam.attacks.retrain import Retrain
from moatkeeper.redteam.cards import Modality, RowCard

TABULAR: tuple[RowCard, ...] = (
    RowCard(Equations.name, Modality.TABULAR, "rows of the right population", "Tramèr et al. 2016, 4.1", Equations),
    RowCard(Retrain.name, Modality.TABULAR, "rows of the right population", "Tramèr et al. 2016, 4", Retrain),
)
