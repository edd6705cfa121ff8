"""An attack's findings as JSON: written for machines, and read again, so that several runs can stand on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import cast

from moatkeeper.errors import UsageError
from moatkeeper.redteam.cards import Modality
from moatkeeper.redteam.curve import Curve, Interval
from moatkeeper.redteam.expenses import Expenses, PriceList
from moatkeeper.redteam.findings import Findings, Price, best, prices_of, rungs_of
from moatkeeper.redteam.harness import FIDELITY, Score

FORMAT = "moatkeeper-attack-1"
"""Named in every document; docs/reference/attack-json.md tells of each field."""


def as_json(findings: Findings) -> dict[str, object]:
    """The document of some findings: plain values, ready for any JSON writer."""
    return {
        "format": FORMAT,
        "attack": findings.attack,
        "modality": findings.modality.value,
        "source": findings.source,
        "target": findings.target,
        "fidelity_means": findings.fidelity_means,
        "held_out": findings.held_out,
        "baselines": dict(findings.baselines),
        "interrupted": findings.interrupted,
        "ended": findings.ended,
        "unmeasured": list(findings.unmeasured),
        "curves": [_curve(curve) for curve in findings.curves],
    }


def of_json(document: object, name: str = "the document") -> Findings:
    """The findings of a document; raises UsageError where it is not one."""
    try:
        fields = cast(Mapping[str, object], document)
        if fields["format"] != FORMAT:
            raise UsageError(f"{name}: found format {fields['format']!r}, expected {FORMAT!r}")
        return Findings(
            attack=str(fields["attack"]),
            modality=Modality(str(fields["modality"])),
            source=str(fields["source"]),
            target=str(fields["target"]),
            curves=tuple(map(_read_curve, cast(Sequence[Mapping[str, object]], fields["curves"]))),
            held_out=int(cast(int, fields["held_out"])),
            fidelity_means=str(fields["fidelity_means"]),
            baselines=dict(cast(Mapping[str, float], fields["baselines"])),
            unmeasured=tuple(map(str, cast(Sequence[object], fields["unmeasured"]))),
            interrupted=bool(fields["interrupted"]),
            ended=str(fields["ended"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{name}: found no findings of an attack: {error!r}", hint="Such as --json of attack run.") from error


def _curve(curve: Curve) -> dict[str, object]:
    highest = best(curve)
    return {
        "victim": curve.victim,
        "attack": curve.attack,
        "seeds": len(curve.scores),
        "fidelity": None if highest is None else asdict(highest),
        "rungs": [
            {
                "budget": rung.budget,
                "seeds": len(rung.scores),
                "queries": asdict(rung.queries),
                "money": asdict(rung.money),
                "figures": {name: asdict(figure) for name in _names(rung.scores) if (figure := rung.figure(name)) is not None},
            }
            for rung in rungs_of(curve)
        ],
        "price_of_a_copy": {f"{price.level:.2f}": _price(price) for price in prices_of(curve)},
        "prices": asdict(curve.prices),
        "scores": [[_score(score) for score in scores] for scores in curve.scores],
    }


def _names(scores: Sequence[Score]) -> list[str]:
    return sorted({name for score in scores for name in score.figures})


def _price(price: Price) -> dict[str, object]:
    def plain(value: Interval | None) -> dict[str, object] | None:
        return None if value is None else asdict(value)

    return {
        "reached_by": price.reached,
        "of_seeds": price.seeds,
        "queries": plain(price.queries),
        "money": plain(price.money),
        "days": plain(price.days),
        "accounts": plain(price.accounts),
    }


def _score(score: Score) -> dict[str, object]:
    counts = {"budget": score.budget, "queries": score.queries, "unanswered": score.unanswered, "ended": score.ended}
    return {**counts, "spent": asdict(score.spent), "figures": dict(score.figures)}


def _read_curve(fields: Mapping[str, object]) -> Curve:
    seeds = cast(Sequence[Sequence[Mapping[str, object]]], fields["scores"])
    prices = PriceList(**cast(dict[str, float], fields["prices"]))
    scores = tuple(tuple(map(_read_score, scores)) for scores in seeds)
    return Curve(str(fields["attack"]), str(fields["victim"]), scores, prices)


def _read_score(fields: Mapping[str, object]) -> Score:
    figures = {str(name): float(value) for name, value in cast(Mapping[str, float], fields["figures"]).items()}
    if FIDELITY not in figures:
        raise KeyError(FIDELITY)
    return Score(
        budget=int(cast(int, fields["budget"])),
        queries=int(cast(int, fields["queries"])),
        unanswered=int(cast(int, fields["unanswered"])),
        spent=Expenses(**cast(dict[str, int], fields["spent"])),
        figures=figures,
        ended=str(fields["ended"]),
    )
