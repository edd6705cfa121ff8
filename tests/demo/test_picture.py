from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from moatkeeper.demo.picture import draw
from moatkeeper.demo.run import Findings
from moatkeeper.demo.theft import Campaign

PNG = b"\x89PNG\r\n\x1a\n"


def test_the_picture_is_a_png_and_the_same_for_the_same_findings(findings: Findings, tmp_path: Path) -> None:
    draw(findings, tmp_path / "one.png")
    draw(findings, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes().startswith(PNG)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_a_thief_who_was_refused_from_the_first_rung_can_be_drawn(findings: Findings, tmp_path: Path) -> None:
    first = findings.guarded[0]
    refused = Campaign(first.thief, tuple(tuple(replace(score, unanswered=1) for score in scores) for scores in first.scores))
    draw(replace(findings, guarded=(refused, *findings.guarded[1:])), tmp_path / "refused.png")
    assert (tmp_path / "refused.png").read_bytes().startswith(PNG)
