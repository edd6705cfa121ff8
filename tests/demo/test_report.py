from __future__ import annotations

import json

import pytest

from moatkeeper.demo.report import PARAGRAPH_WIDTH, as_json, as_text
from moatkeeper.demo.run import Findings


def line(text: str, title: str) -> list[str]:
    """The cells of the first line that begins with a title."""
    found = next(row for row in text.splitlines() if row.strip().startswith(title))
    return found.strip().removeprefix(title).split()


def test_the_table_has_the_means_and_a_dash_where_a_thief_was_refused(findings: Findings) -> None:
    text = as_text(findings)
    assert line(text, "50 ") == ["0.810", "0.710", "0.710", "0.710", "0.710"]
    assert line(text, "100 ") == ["0.820", "0.720", "0.720", "0.720", "0.720"]
    assert line(text, "200 ") == ["0.830", "-", "0.730", "0.730", "0.730"]
    assert line(text, "copy after an hour") == ["0.830", "0.720", "0.730", "0.730", "0.730"]
    assert line(text, "rows answered") == ["200", "100", "200", "200", "200"]
    assert line(text, "price of them, USD") == ["0.020", "0.010", "0.020", "0.020", "0.020"]


def test_the_text_says_what_the_limits_cost_and_what_gets_through(findings: Findings) -> None:
    words = " ".join(as_text(findings).split())
    assert "from 200 rounded answers the copy agrees on 0.730, from as many exact ones on 0.830" in words
    assert "all 200 rows take an hour with one account, less than an hour with 10 free accounts" in words
    assert "one who asks for more is refused" in words
    assert "WHAT THIS DOES NOT STOP" in words


def test_no_line_is_wider_than_a_paragraph(findings: Findings) -> None:
    assert max(map(len, as_text(findings).splitlines())) <= PARAGRAPH_WIDTH


def test_the_json_has_the_headline_figures_and_survives_the_wire(findings: Findings) -> None:
    figures = json.loads(json.dumps(as_json(findings)))
    assert figures["queries"] == 200
    assert figures["bare"]["fidelity"] == pytest.approx(0.83)
    assert figures["guarded"]["fidelity"] == pytest.approx(0.72)
    assert figures["guarded"]["thief"] == "one_free_account"
    assert figures["guarded"]["strongest"]["fidelity"] == pytest.approx(0.73)
    assert figures["honest"]["labels_changed"] == figures["honest"]["refused"] == 0
    assert figures["honest"]["added_latency_p50_ms"] == 0.5
    assert figures["seeds"] == {"split": 4, "thieves": [4_000, 4_001]}
    top = figures["bare"]["ladder"][-1]
    assert (top["budget"], len(top["repetitions"])) == (200, 2)
    assert (top["fidelity_lowest"], top["fidelity_highest"]) == (pytest.approx(0.82), pytest.approx(0.84))
