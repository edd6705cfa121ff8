"""A hunt's findings as JSON and as a page for people."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

from moatkeeper.core.judgement import Reading, Signal
from moatkeeper.hunt.findings import Basis, HuntFindings, Member, ModelFindings, Ring
from moatkeeper.patterns.finding import Finding
from moatkeeper.patterns.rings_report import Sign
from moatkeeper.report.hunt_json import as_json
from moatkeeper.report.hunt_page import as_page, headline

EVIL = "<script>alert('&')</script>"
NAN = float("nan")
RING = Ring(0.0, 86_400.0, (Sign("shared cells", 9.0, 3.0, NAN, EVIL),), (Member(EVIL, 8, "near"),), ())
ACCOUNT = Finding(EVIL, "m", 5.0, 64, NAN, 2_000.0, (Signal(Reading("grain", NAN, EVIL), 0.001),))


def findings(rings: tuple[Ring, ...] = (RING,), named: tuple[Finding, ...] = (ACCOUNT,)) -> HuntFindings:
    """One model with these findings."""
    model = ModelFindings(EVIL, 100, 10, 9, Basis.CROSS_FIT, rings, named, (ACCOUNT,), ("a note",))
    return HuntFindings(("log",), ("moatkeeper",), 100, 100, 0.001, (model,), ("read",), 1.5)


def test_the_headline_counts_what_was_found() -> None:
    assert headline(findings()) == "1 ring and 1 account stand out."
    assert headline(findings(named=())) == "1 ring stands out."
    assert headline(findings((), (ACCOUNT, ACCOUNT))) == "2 accounts stand out."
    assert headline(findings((), ())) == "Nobody stands out beyond the stated rate."
    assert not findings((), ()).found


def test_json_has_no_numbers_that_json_does_not_have() -> None:
    document = json.loads(json.dumps(as_json(findings()), allow_nan=False))
    model = document["models"][0]
    assert document["found"] is True
    assert (model["rings"][0]["share"], model["named"][0]["p_value"]) == (None, None)
    assert model["compared_with"] == "the log itself"


def test_the_page_is_well_formed_and_nothing_in_it_runs_or_loads() -> None:
    page = as_page(findings())
    root = ET.fromstring(
        page.replace("<!doctype html>\n", "")
        .replace('<meta charset="utf-8">', "")
        .replace('<meta name="viewport" content="width=device-width, initial-scale=1">', "")
        .replace("content=\"default-src 'none'; style-src 'unsafe-inline'\">", 'content=""/>')
    )
    assert root.tag == "html"
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert (
        page.index("A ring, 1970-01-01 00:00 UTC")
        < page.index("Accounts that stand out")
        < page.index("How the logs were read")
    )
