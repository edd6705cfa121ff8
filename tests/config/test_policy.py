"""From settings to the engine: nothing is lost on the way."""

from __future__ import annotations

from moatkeeper.config.load import parse, settings_of
from moatkeeper.config.policy import fail_open, formats, policy
from moatkeeper.config.settings import Settings
from moatkeeper.core.contract import Contract
from moatkeeper.core.judgement import Standing
from moatkeeper.guard.guard import Guard, Price
from moatkeeper.limits.base import Limit, Scope, Unit
from moatkeeper.outputs.coarser import Coarser
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.wire.registry import FORMATS


def written(text: str) -> Settings:
    """The settings that a file with this text gives."""
    return settings_of(parse(text, "moatkeeper.toml"))


def test_the_default_contract_of_the_settings_is_that_of_the_engine() -> None:
    tiers = policy(Settings()).tiers
    assert {tier.contract for tier in tiers.values()} == {Contract()}


def test_the_engine_takes_the_policy_that_needs_no_configuration() -> None:
    Guard(policy(Settings()), LeastOutput())


def test_a_configuration_to_check_by_hand() -> None:
    made = policy(
        written("""
        [limits]
        mode = "enforce"
        default_tier = "gold"
        shared = [{ scope = "all", unit = "money", amount = 50, per = "day" }]

        [tiers.gold]
        limits = [{ scope = "key", unit = "tokens", amount = 1000, per = 60, burst = 100 }]
        contract = { decimals = "off", outputs = ["label"] }

        [models.credit]
        contract = { label_only = true }
        price = { per_row = 0.01 }

        [standing]
        restricted = 0.1

        [standing.answers.watched]
        top_k = 3

        [standing.answers.restricted]
        decimals = 0

        [patterns]
        mode = "act"
        """)
    )
    assert not made.shadow
    assert made.default_tier == "gold"
    assert made.shared == (Limit(Scope.ALL, Unit.MONEY, 50, 86_400),)
    assert made.tiers["gold"].limits == (Limit(Scope.KEY, Unit.TOKENS, 1000, 60, 100),)
    assert made.tiers["gold"].contract == Contract(decimals=None, outputs=frozenset({"label"}))
    assert made.contracts == {"credit": Contract(label_only=True)}
    assert made.prices == {"credit": Price(per_row=0.01)}
    assert made.factors[Standing.RESTRICTED] == 0.1
    assert made.factors[Standing.WATCHED] == 1
    assert made.coarser == {
        Standing.WATCHED: Coarser(top_k=3),
        Standing.RESTRICTED: Coarser(decimals=0, significant_digits=2, embedding_bits=6),
    }
    assert made.rules.act


def test_without_a_word_only_restricted_accounts_see_less_and_detectors_act_on_nobody() -> None:
    made = policy(Settings())
    assert made.coarser == {Standing.RESTRICTED: Coarser(decimals=1, significant_digits=2, embedding_bits=6)}
    assert not made.rules.act


def test_without_a_word_every_format_of_the_registry_is_asked() -> None:
    assert [spoken.name for spoken in formats(Settings())] == list(FORMATS)


def test_only_the_named_formats_are_asked_and_in_their_order() -> None:
    names = list(FORMATS)[::-1][:2]
    assert [spoken.name for spoken in formats(written(f"[wire]\nformats = {names}"))] == names


def test_declared_routes_are_asked_before_the_known_formats() -> None:
    spoken = formats(written('[[wire.generic]]\nmatch = "POST /score"\ninput = "$.rows"\nscores = "$.p"'))
    assert spoken[0].name == "generic"
    assert spoken[0].match("POST", "/score") is not None
    assert len(spoken) == 1 + len(FORMATS)


def test_the_first_override_that_matches_decides_what_fails_open() -> None:
    settings = written("""
    [routes]
    fail = "closed"
    override = [{ match = "/v1/*", fail = "open" }, { match = "/v1/embeddings", fail = "closed" }]
    """)
    assert fail_open(settings, "/v1/embeddings")
    assert not fail_open(settings, "/invocations")
    assert fail_open(Settings(), "/anything")
