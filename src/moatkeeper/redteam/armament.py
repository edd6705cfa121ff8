"""What a thief makes of knowing the guard: his attack inside his tactics, and his crew under the limits that it has to pass."""

from __future__ import annotations

from dataclasses import replace

from moatkeeper.core.contract import Contract
from moatkeeper.errors import UsageError
from moatkeeper.guard.guard import Guard
from moatkeeper.redteam.adaptive.base import wrap
from moatkeeper.redteam.adaptive.crew_plan import CrewPlan
from moatkeeper.redteam.adaptive.registry import TACTICS, Option, RowTacticCard
from moatkeeper.redteam.base import RowAttack
from moatkeeper.redteam.knowledge import RowKnowledge
from moatkeeper.redteam.plan import Thief
from moatkeeper.redteam.registry import ROW_ATTACKS

DECIMALS = "decimals"
"""The option of every tactic that undoes an output policy, and of no other."""


def armed(thief: Thief, knowledge: RowKnowledge, guard: Guard | None) -> RowAttack:
    """The thief's attack inside his tactics, which are told what answers to his tier show.

    A tactic that undoes rounding is left out where nothing is rounded. Raises UsageError for names that are not known.
    """
    if thief.attack not in ROW_ATTACKS:
        raise UsageError(f"the attack {thief.attack!r} is not known; expected one of {', '.join(sorted(ROW_ATTACKS))}")
    contract = _contract(guard, thief.crew.tier)
    cards = [_card(name) for name in thief.tactics]
    useful = [card for card in cards if DECIMALS not in card.options or (contract and contract.decimals is not None)]
    tactics = [card.make(knowledge, **_options(card, contract)) for card in useful]
    return wrap(ROW_ATTACKS[thief.attack].make(knowledge), tactics)


def informed(thief: Thief, guard: Guard | None) -> CrewPlan:
    """The crew's plan, with every limit that its requests meet."""
    if guard is None:
        return thief.crew
    tier = guard.policy.tiers.get(thief.crew.tier, guard.policy.tiers[guard.policy.default_tier])
    return replace(thief.crew, limits=(*tier.limits, *guard.policy.shared))


def _card(name: str) -> RowTacticCard:
    if name not in TACTICS:
        raise UsageError(f"the tactic {name!r} is not known; expected one of {', '.join(sorted(TACTICS))}")
    return TACTICS[name]


def _contract(guard: Guard | None, tier: str) -> Contract | None:
    if guard is None:
        return None
    return guard.policy.tiers.get(tier, guard.policy.tiers[guard.policy.default_tier]).contract


def _options(card: RowTacticCard, contract: Contract | None) -> dict[str, Option]:
    """What a tactic wants to know of the contract."""
    if contract is None:
        return {}
    known: dict[str, Option | None] = {
        DECIMALS: contract.decimals,
        "top_k": contract.top_k or 0,
        "label_only": contract.label_only,
    }
    return {name: value for name, value in known.items() if name in card.options and value is not None}
