"""A rehearsal as text for a terminal: what each guard was worth, and what it did to honest customers."""

from __future__ import annotations

from collections.abc import Sequence

from moatkeeper.redteam.campaign_findings import Campaign, Theft
from moatkeeper.redteam.curve import LEVELS, Curve, Interval
from moatkeeper.redteam.expenses import DAY_S, PriceList
from moatkeeper.redteam.rehearsal import Rehearsal
from moatkeeper.redteam.rehearsal_cells import Cell, cells
from moatkeeper.redteam.traffic import HOUR_S

NEVER = "not reached"
MINUTE_S = 60.0
NOTICES_SHOWN = 10  # --json has all
ARTICLE_LEVEL = 0.92  # the fidelity that the article reports of a real theft


def text(rehearsals: Sequence[Rehearsal]) -> str:
    """The whole report: each seed by itself, then all seeds together."""
    parts = []
    for rehearsal in rehearsals:
        plan = rehearsal.plan
        head = [
            f"Model {rehearsal.scene}, seed {rehearsal.seed}, {plan.days:g} days, {len(plan.population.customers):,} honest "
            f"accounts with {len(plan.population.times):,} requests.",
            "Fidelity: share of held-out rows on which the copy decides as the model does; near: of the tenth nearest to its "
            "boundary.",
        ]
        parts += ["\n".join(head), *(campaign_text(campaign, plan.prices) for campaign in rehearsal.campaigns)]
        if not rehearsal.whole:
            missing = rehearsal.planned[len(rehearsal.campaigns) :]
            left = f" Not tried: {', '.join(missing)}." if missing else ""
            parts.append(f"PARTIAL: this rehearsal was interrupted.{left}")
    parts.append(_comparison(cells(rehearsals), len(rehearsals)))
    return "\n\n".join(parts)


def campaign_text(campaign: Campaign, prices: PriceList) -> str:
    """One guard: each thief's curve, the prices of copies, who was noticed, what honest customers met with."""
    lines = [f"== {campaign.guard} =="]
    if not campaign.thefts:
        lines.append("No thief took part, and nothing was stolen.")
    else:
        lines.append(f"Without the API a thief's copy has fidelity {campaign.without_api.fidelity:.3f}.")
    for theft in campaign.thefts:
        lines += ["", *_theft_lines(theft, prices)]
    lines += ["", *_noticed(campaign), "", *_harm_lines(campaign)]
    return "\n".join(lines)


def lasting(days: float) -> str:
    """A stretch of time in the unit that suits it."""
    seconds = days * DAY_S
    if seconds < MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < HOUR_S:
        return f"{seconds / MINUTE_S:.1f} min"
    return f"{seconds / HOUR_S:.1f} h" if days < 1 else f"{days:.1f} days"


def _many(count: int, noun: str, ending: str = "s") -> str:
    return f"{count:,} {noun}{'' if count == 1 else ending}"


def _theft_lines(theft: Theft, prices: PriceList) -> list[str]:
    thief, spent = theft.thief, theft.spent
    crew = thief.crew
    lines = [
        f"{thief.name}: {thief.method}; {_many(crew.accounts, 'account')} of tier {crew.tier} ({crew.basis.value}), "
        f"{_many(crew.proxies, 'address', 'es')}, {crew.timing.value}, {crew.allocation.value}"
    ]
    rows = [
        (
            f"{score.queries:,}",
            f"{prices.total(score.queries, score.spent):,.2f}",
            lasting(score.spent.days),
            f"{score.spent.accounts:,}",
            f"{score.spent.refused:,}",
            f"{score.fidelity:.3f}",
            f"{score.figures['fidelity_near']:.3f}" if "fidelity_near" in score.figures else "",
        )
        for score in theft.scores
    ]
    lines += _table(("rows", "money", "time", "accounts", "refused", "fidelity", "near"), rows)
    lines.append("price of fidelity " + "; ".join(_price(theft, level, prices) for level in LEVELS))
    ended = f"; ended because {theft.ended}" if theft.ended else ""
    lines.append(f"answered {theft.rows:,} rows for {theft.money:,.2f} in {lasting(spent.days)}{ended}")
    if theft.refusals.rows:
        lines.append("refused by " + ", ".join(f"{name} ({rows:,} rows)" for name, rows in theft.refusals.rows.items()))
    return lines


def _price(theft: Theft, level: float, prices: PriceList) -> str:
    found = Curve(theft.thief.attack, theft.thief.name, (theft.scores,), prices).reached(level)[0]
    return f"{level:.2f}: " + (NEVER if found is None else f"{found.money:,.2f} and {lasting(found.days)}")


def _noticed(campaign: Campaign) -> list[str]:
    if not campaign.notices:
        return ["Nobody noticed anything: no standing changed. Limits refuse; they accuse nobody."]
    lines = ["Standings that changed:"]
    for notice in campaign.notices[:NOTICES_SHOWN]:
        side = "thief" if notice.hostile else "HONEST"
        change = f"{notice.before.value} -> {notice.after.value}"
        lines.append(f"  day {notice.day:.2f}  {notice.account} ({side}, {notice.party})  {change}")
    if len(campaign.notices) > NOTICES_SHOWN:
        hostile = sum(notice.hostile for notice in campaign.notices)
        lines.append(f"  ... {len(campaign.notices):,} in all, {hostile:,} of thieves")
    return lines


def _harm_lines(campaign: Campaign) -> list[str]:
    groups = [*campaign.harm_by_kind.items(), *((f"tier {name}", harm) for name, harm in campaign.harm_by_tier.items())]
    rows = [
        (
            name,
            f"{harm.customers:,}",
            f"{harm.touched:,}",
            f"{harm.rows:,}",
            f"{harm.refused_rows:,}",
            f"{harm.labels_changed:,}",
            f"{harm.mean_distance:.4f}",
        )
        for name, harm in [*groups, ("everybody", campaign.harm)]
        if harm.customers
    ]
    if not rows:
        return ["No honest customers took part."]
    head = ("honest customers", "accounts", "refused once", "rows", "refused rows", "labels changed", "mean L1")
    return _table(head, rows)


def _comparison(compared: Sequence[Cell], seeds: int) -> str:
    head = ("guard", "thief", "best copy", "time", f"price of {ARTICLE_LEVEL:.2f}", "honest rows refused")
    rows = [
        (
            cell.guard,
            cell.curve.victim,
            _with_interval(cell.best),
            lasting(cell.time.mean),
            _prices(cell),
            f"{cell.refused.mean:.2%}",
        )
        for cell in compared
    ]
    over = (
        "one seed: repeat before you believe a small difference" if seeds == 1 else f"means over {seeds} seeds, 95 % intervals"
    )
    return "\n".join([f"== compared ({over}) ==", *(_table(head, rows) if rows else ["No thief took part."])])


def _with_interval(found: Interval) -> str:
    return f"{found.mean:.3f}" if found.seeds == 1 else f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _prices(cell: Cell) -> str:
    """The mean money and time over the seeds that reached the level, and how many they were."""
    reached = [found for found in cell.curve.reached(ARTICLE_LEVEL) if found is not None]
    seeds = len(cell.curve.scores)
    if not reached:
        return NEVER
    money = sum(found.money for found in reached) / len(reached)
    days = sum(found.days for found in reached) / len(reached)
    return f"{money:,.2f} and {lasting(days)}" + (f" ({len(reached)} of {seeds})" if seeds > 1 else "")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell, the first flush left where it holds names."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for line in (head, ["-" * width for width in widths], *rows):
        cells = [
            cell.rjust(width) if _number(rows, place) else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def _number(rows: Sequence[Sequence[str]], place: int) -> bool:
    return bool(rows) and all(row[place][:1].isdigit() for row in rows)
