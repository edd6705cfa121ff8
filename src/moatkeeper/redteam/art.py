"""placeholder"""

from moatkeeper.redteam.cards import RowCard

ART_ATTACKS: dict[str, RowCard] = {}
