"""The attacks by name: a new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from moatkeeper.core.query import FloatArray
from moatkeeper.redteam.attacks.equations import Equations
from moatkeeper.redteam.attacks.retrain import Retrain
from moatkeeper.redteam.base import Attack

ATTACKS: Mapping[str, Callable[[FloatArray], Attack]] = {
    Equations.name: Equations,
    Retrain.name: Retrain,
}
"""Each makes an attack from the thief's own unlabelled rows, shape (m, d)."""
