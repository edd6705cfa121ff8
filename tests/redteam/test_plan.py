from __future__ import annotations

from dataclasses import replace

from tests.support.campaigns import thief


def test_rungs_double_roughly_and_end_with_the_most_rows() -> None:
    assert thief(most_rows=300).rungs == (50, 100, 200, 300)
    assert thief(most_rows=1_000).rungs == (50, 100, 200, 500, 1_000)
    assert thief(most_rows=7).rungs == (7,)


def test_accounts_are_named_after_the_thief() -> None:
    assert thief("farm", accounts=3).accounts == ("farm-0", "farm-1", "farm-2")


def test_the_method_names_attack_and_tactics() -> None:
    assert replace(thief(), tactics=("labels", "repeat")).method == "equations+labels+repeat"
