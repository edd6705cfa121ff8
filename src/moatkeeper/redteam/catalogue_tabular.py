"""Attacks on models of rows: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.attacks.adaptive import Adaptive
from moatkeeper.redteam.attacks.boundary_probe import BoundaryProbe
from moatkeeper.redteam.attacks.equations import Equations, PoolEquations
from moatkeeper.redteam.attacks.likelihood import Likelihood
from moatkeeper.redteam.attacks.lowd_meek import LowdMeek
from moatkeeper.redteam.attacks.paths import Paths
from moatkeeper.redteam.attacks.paths_labels import LabelPaths
from moatkeeper.redteam.attacks.retrain import Retrain
from moatkeeper.redteam.cards import Modality, RowCard

_POOL = "rows of the right population"
_RANGES = "the documented range of each column"
_BOTH = f"{_RANGES}; {_POOL} help"

TABULAR: tuple[RowCard, ...] = (
    RowCard(Equations.name, Modality.TABULAR, _RANGES, "Tramèr et al. 2016, 4.1", Equations),
    RowCard(PoolEquations.name, Modality.TABULAR, _POOL, "Tramèr et al. 2016, 4.1", PoolEquations),
    RowCard(Likelihood.name, Modality.TABULAR, _RANGES, "Tramèr et al. 2016, 4.1.2, 6.2 and 7", Likelihood),
    RowCard(LowdMeek.name, Modality.TABULAR, _BOTH, "Lowd and Meek 2005, 3", LowdMeek),
    RowCard(Adaptive.name, Modality.TABULAR, _BOTH, "Tramèr et al. 2016, 6", Adaptive),
    RowCard(Paths.name, Modality.TABULAR, _BOTH, "Tramèr et al. 2016, 4.2", Paths),
    RowCard(LabelPaths.name, Modality.TABULAR, _BOTH, "Tramèr et al. 2016, 4.2 and 6", LabelPaths),
    RowCard(Retrain.name, Modality.TABULAR, _POOL, "Tramèr et al. 2016, 4", Retrain),
    RowCard(BoundaryProbe.name, Modality.TABULAR, _BOTH, "Chen, Jordan and Wainwright 2020, 3", BoundaryProbe),
)
