"""A hunt's findings as JSON values: the document of ``moatkeeper hunt --json``, described in docs/reference/hunt-json.md."""

from __future__ import annotations

from math import isfinite

from moatkeeper.hunt.findings import HuntFindings, Member, ModelFindings, Ring
from moatkeeper.patterns.finding import Finding

VERSION = 1


def as_json(findings: HuntFindings) -> dict[str, object]:
    """The whole document; numbers that there are not are null."""
    return {
        "version": VERSION,
        "found": findings.found,
        "sources": findings.sources,
        "forms": findings.forms,
        "exchanges": findings.exchanges,
        "rows": findings.rows,
        "alpha": findings.alpha,
        "took_s": round(findings.took_s, 3),
        "models": [_model(model) for model in findings.models],
        "notes": findings.notes,
    }


def _model(model: ModelFindings) -> dict[str, object]:
    return {
        "model": model.model,
        "rows": model.rows,
        "accounts": model.accounts,
        "looked_at": model.looked_at,
        "compared_with": model.basis.value,
        "rings": [_ring(ring) for ring in model.rings],
        "named": [_account(finding) for finding in model.named],
        "ranked": [_account(finding) for finding in model.ranked],
        "notes": model.notes,
    }


def _ring(ring: Ring) -> dict[str, object]:
    return {
        "since": ring.since,
        "until": ring.until,
        "share": _number(ring.share),
        "signs": [
            {"test": sign.test, "z": _number(sign.z), "allowed": _number(sign.cut), "words": sign.words} for sign in ring.signs
        ],
        "named": [_member(member) for member in ring.named],
        "likely": [_member(member) for member in ring.likely],
    }


def _member(member: Member) -> dict[str, object]:
    return {"account": member.account, "rows": member.rows, "reason": member.reason}


def _account(finding: Finding) -> dict[str, object]:
    return {
        "account": finding.account,
        "last_at": finding.at,
        "rows": finding.rows,
        "p_value": _number(finding.p_value),
        "evidence": finding.evidence,
        "signals": [
            {
                "detector": signal.reading.detector,
                "reading": _number(signal.reading.value),
                "p_value": _number(signal.p_value),
                "reason": signal.reading.reason,
            }
            for signal in finding.signals
        ],
    }


def _number(value: float) -> float | None:
    return value if isfinite(value) else None
