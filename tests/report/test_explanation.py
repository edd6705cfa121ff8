"""Explanations: what people are told agrees with what detectors measured, in a terminal, as JSON and as a page."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest

from moatkeeper.core.judgement import Standing
from moatkeeper.patterns.calibration import Calibration
from moatkeeper.patterns.cases import Case, CasesInMemory
from moatkeeper.patterns.registry import DETECTORS
from moatkeeper.patterns.watch import Watch
from moatkeeper.report.explanation import AtModel, Explanation, at_model, document
from moatkeeper.report.explanation_page import as_page
from moatkeeper.report.explanation_text import BAR, bar, text
from tests.support.honest import exchange, honest_batch, honest_rows, thief_rows


@cache
def calibration() -> Calibration:
    detectors = {name: DETECTORS[name] for name in ("low-margin", "near-duplicates")}
    return Calibration.fit("model", honest_batch(1_000, 32, seed=1), detectors)


@cache
def case(*, thief: bool) -> Case:
    """What a watch knows of a thief, or of a customer, after forty rows."""
    rows = (thief_rows if thief else honest_rows)(np.random.default_rng(2), 40)
    cases = CasesInMemory()
    Watch({"model": calibration()}).look([exchange("one", rows, 5.0)], cases)
    found = cases.case("model", "one")
    assert found is not None
    return found


def explained(*, thief: bool = True) -> Explanation:
    """The account ``<one>``."""
    model = at_model("model", case(thief=thief), {"model": calibration()})
    examples = ({"at": 5.0, "inputs": {"values": [[1, 2]]}, "outputs": [{"values": [[0.5, 0.5]]}]},)
    evidence = case(thief=thief).evidence
    return Explanation("<one>", Standing.RESTRICTED, evidence, (model,), ("Held.",), ("a change",), examples)


def test_a_thiefs_strangest_sign_comes_first_with_its_words() -> None:
    (model,) = explained().models
    assert model.signs[0].detector == "low-margin"
    assert "decision boundary" in model.signs[0].words
    assert model.signs[0].one_in == pytest.approx(model.honest_accounts + 1)
    assert model.signs[0].reading > model.signs[0].honest_edge > model.signs[0].honest_middle


def test_the_strangest_look_is_that_with_the_smallest_p_value_and_of_equals_the_last() -> None:
    (model,) = explained().models
    least = min(look.p_value for look in model.looks)
    assert model.strangest == max(look.rows for look in model.looks if look.p_value == least)


def test_a_customers_signs_are_as_those_of_others() -> None:
    (model,) = explained(thief=False).models
    assert all(sign.one_in < 100 for sign in model.signs)


def test_a_case_of_another_calibration_is_told_without_comparison() -> None:
    model = at_model("model", replace(case(thief=True), calibration="another"), {"model": calibration()})
    assert (model.signs, model.comparable) == ((), False)
    assert model.looks
    told = text(replace(explained(), models=(model,)))
    assert "cannot be compared" in told


def test_the_terminal_the_document_and_the_page_say_the_same() -> None:
    told, page, values = text(explained()), as_page(explained()), document(explained())
    assert "<one>: restricted" in told
    for words in ("decision boundary", "low-margin", "Held.", "a change", "[[0.5, 0.5]]"):
        assert words in told
        assert words in page
    assert values["models"][0]["signs"][0]["detector"] == "low-margin"  # type: ignore[index]


def test_the_page_is_whole_escapes_names_and_loads_nothing() -> None:
    page = as_page(explained())
    HTMLParser().feed(page)
    assert "&lt;one&gt;" in page
    assert "<one>" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") == page.count("</svg>") == 2


def test_a_bar_grows_with_rarity_up_to_its_end() -> None:
    lengths = [len(bar(one_in)) for one_in in (0.5, 1, 10, 100, 1e4, 1e9)]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (0, BAR)


def test_who_has_never_been_seen_is_explained_too() -> None:
    nobody = Explanation("nobody", Standing.GOOD, 0.0, ())
    assert "seen nothing" in text(nobody)
    assert "nobody" in as_page(nobody)
    few = AtModel("model", 2, 0.0, (), 0, 0, (), False)
    assert "Too few rows" in text(replace(nobody, models=(few,)))
    as_page(replace(nobody, models=(few,)))
