from __future__ import annotations

from moatkeeper.redteam.attacks.adapter_theft import FINGERPRINTS, AdapterTheft
from moatkeeper.redteam.attacks.imitation import Imitation
from moatkeeper.redteam.harness import climb
from moatkeeper.redteam.knowledge import ChatKnowledge
from moatkeeper.redteam.open_models import Part
from moatkeeper.redteam.tiny_lm import TinyLm
from moatkeeper.redteam.trade import CHATS
from tests.support.chats import Chat, open_base, scratch, world


def steal(budget: int, base: TinyLm, shuffled: bool = False) -> dict[str, float]:
    attack = AdapterTheft(ChatKnowledge(world().prompts, bases={"base": base}))
    victim = Chat(world().victim, shuffled=shuffled)
    (score,) = climb(attack, victim, world().judge, CHATS, [budget], seed=0)
    return dict(score.figures)


def test_whoever_has_the_base_steals_the_adapter_with_answers_that_teach_another_model_little() -> None:
    stolen = steal(120, open_base())
    from_scratch = Imitation(ChatKnowledge(world().prompts, bases={"new": scratch(5)}))
    (score,) = climb(from_scratch, Chat(world().victim), world().judge, CHATS, [120], seed=0)
    assert stolen["exact"] > 0.5
    assert stolen["exact"] > score.figures["exact"] + 0.15
    assert stolen["part"] == list(Part).index(Part.ADAPTER)
    assert steal(120, scratch(8))["exact"] < stolen["exact"] / 2, "a wrong base, whose layers know nothing"


def test_shuffled_answers_teach_nothing() -> None:
    assert steal(120, open_base(), shuffled=True)["accuracy"] < 0.15


def test_the_base_is_found_among_several_by_a_few_foreign_prompts() -> None:
    victim = Chat(world().victim)
    loot = AdapterTheft(world().knowledge(b=scratch(3), a=open_base()))
    (score,) = climb(loot, victim, world().judge, CHATS, [60], seed=0)
    assert sum(prompt.startswith("summarise") for prompt in victim.asked) == FINGERPRINTS
    assert score.figures["base_margin"] > 1.0
    assert score.figures["exact"] > 0.2
