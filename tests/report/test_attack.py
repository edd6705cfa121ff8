"""An attack's findings as a file for machines and a page for people."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from moatkeeper.errors import UsageError
from moatkeeper.redteam.cards import Modality
from moatkeeper.redteam.curve import Curve
from moatkeeper.redteam.expenses import Expenses, PriceList
from moatkeeper.redteam.findings import Findings
from moatkeeper.redteam.harness import Score
from moatkeeper.report.attack_json import as_json, of_json
from moatkeeper.report.attack_page import as_page, headline
from moatkeeper.report.attack_plot import Line, Point, legend, plot
from moatkeeper.report.attack_style import STYLE

EVIL = "<script>alert('&')</script>"


def score(budget: int, fidelity: float) -> Score:
    """A score of a campaign of one account, a day for each question."""
    spent = Expenses(requests=budget, accounts=1, elapsed_s=budget * 86_400.0)
    return Score(budget, budget, 0, spent, {"fidelity": fidelity, "accuracy": fidelity / 2})


def curve(victim: str, *seeds: tuple[float, ...]) -> Curve:
    """Fidelities at 10, 100 and 1,000 questions, by seed."""
    rungs = (10, 100, 1000)
    return Curve("equations", victim, tuple(tuple(map(score, rungs, seed)) for seed in seeds), PriceList())


FINDINGS = Findings(
    attack="equations",
    modality=Modality.TABULAR,
    source="Tramèr et al. 2016",
    target="m:predict",
    curves=(curve("bare", (0.5, 0.96, 1.0), (0.6, 0.97, 1.0)), curve("labels only", (0.3, 0.6, 0.8), (0.3, 0.6, 0.7))),
    held_out=599,
    fidelity_means="share of held-out inputs on which both decide alike",
    baselines={"always the same": 0.12},
    unmeasured=("The thief's work has no price.",),
)


def test_findings_are_read_from_json_as_they_were_written() -> None:
    assert of_json(json.loads(json.dumps(as_json(FINDINGS)))) == FINDINGS


def test_the_document_tells_the_price_of_every_level() -> None:
    (bare, labels) = json.loads(json.dumps(as_json(FINDINGS)))["curves"]
    assert set(bare["price_of_a_copy"]) == {"0.80", "0.90", "0.92", "0.95", "0.99"}
    assert bare["price_of_a_copy"]["0.95"]["queries"]["mean"] == 100
    assert bare["price_of_a_copy"]["0.95"]["money"]["mean"] == pytest.approx(0.01)
    assert labels["price_of_a_copy"]["0.80"]["reached_by"] == 1
    assert labels["price_of_a_copy"]["0.99"]["queries"] is None


@pytest.mark.parametrize("document", [None, 3, [], {}, {"format": "moatkeeper-attack-1"}, {"format": "x"}])
def test_a_document_that_is_none_is_refused(document: object) -> None:
    with pytest.raises(UsageError):
        of_json(document, "f.json")


def test_the_headline_is_the_price_of_the_best_copy_that_every_thief_got() -> None:
    assert headline(FINDINGS) == "A copy with 99% fidelity cost 1,000 queries and $0.1000 and 1000.0 days (bare)."
    weak = replace(FINDINGS, curves=(curve("bare", (0.1, 0.2, 0.3)),))
    assert headline(weak) == "No copy reached 80% fidelity within the budget; the best had 30.0%."
    half = replace(FINDINGS, curves=(curve("bare", (0.1, 0.2, 0.3), (0.1, 0.2, 0.9)),))
    assert headline(half).startswith("1 of 2 thieves got a copy with 80% fidelity")
    assert "ended before" in headline(replace(FINDINGS, curves=()))


class Page(HTMLParser):
    """Counts what a browser would load, and keeps the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = dict(attributes)
        if tag in {"script", "link", "iframe", "img", "object", "embed"} or {"src", "href", "onload"} & set(names):
            self.loads.append(tag)
        if tag not in {"meta", "line", "circle", "polygon", "polyline"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag, f"{tag} closes another element"

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_loads_nothing_and_every_element_is_closed() -> None:
    page = Page(as_page(FINDINGS))
    assert page.loads == []
    assert page.open == []
    assert "url(" not in as_page(FINDINGS)
    assert "@import" not in STYLE
    assert "http" not in as_page(FINDINGS).replace("http-equiv", "")


def test_the_page_tells_prices_defences_limits_and_what_needs_no_api() -> None:
    text = Page(as_page(FINDINGS)).text
    for told in (
        "bare",
        "labels only",
        "95%",
        "12.0%",
        "The thief's work has no price.",
        "599",
        "2 of 2",
        "Prices are assumptions",
    ):
        assert told in text, told
    assert "interrupted" not in text
    assert "interrupted" in Page(as_page(replace(FINDINGS, interrupted=True))).text
    assert "ended before its end: gone" in Page(as_page(replace(FINDINGS, ended="gone"))).text


def test_whatever_a_name_holds_is_text_on_the_page() -> None:
    named = curve(EVIL, (0.5, 0.9, 1.0))
    evil = Findings(EVIL, Modality.TABULAR, EVIL, EVIL, (named, named), 1, EVIL, {EVIL: 0.1}, (EVIL,), ended=EVIL)
    page = as_page(evil)
    assert "<script" not in page
    assert Page(page).text.count(EVIL) > 8


def test_the_picture_is_well_formed_and_has_a_line_and_a_band_for_each_defence() -> None:
    lines = [Line("a", (Point(10, 0.5, 0.4, 0.6), Point(1000, 0.9, 0.9, 0.9))), Line("b", (Point(10, 0.2, 0.2, 0.2),))]
    svg = ET.fromstring(plot(lines, {"constant": 0.1}, "questions", str))
    kinds = [element.get("class", "") for element in svg.iter()]
    assert sum(kind.startswith("line") for kind in kinds) == 2
    assert sum(kind.startswith("band") for kind in kinds) == 2
    assert sum(kind == "baseline" for kind in kinds) == 1
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', ET.tostring(svg).decode())]
    assert heights == sorted(heights, reverse=True), "a higher fidelity stands higher"


def test_points_without_a_logarithm_are_left_out_and_an_empty_picture_is_none() -> None:
    assert plot([Line("a", (Point(0, 0.5, 0.5, 0.5),))], {}, "US dollars", str) == ""
    assert plot([], {}, "US dollars", str) == ""
    assert legend(["alone"]) == ""
    assert legend(["a", EVIL]).count("<li>") == 2
    assert "<script" not in legend(["a", EVIL])


def test_a_single_perfect_rung_still_has_an_axis() -> None:
    ET.fromstring(plot([Line("a", (Point(65, 1.0, 1.0, 1.0),))], {}, "questions", str))
