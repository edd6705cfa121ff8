"""What is kept of each event: who, when, what was decided and why. Never a raw input, never a credential.

Each function returns the fields of one kind of record; the ledger adds ``kind`` and ``at``. Durations are microseconds.
"""

from __future__ import annotations

from collections.abc import Sequence

from moatkeeper.core.answer import Usage
from moatkeeper.core.caller import Account
from moatkeeper.core.judgement import Decision, Standing
from moatkeeper.core.query import Query
from moatkeeper.evidence.canonical import Value, microseconds

QUERY = "query"
START = "start"
STOP = "stop"
CONFIG = "config"
KEY_ADDED = "key.add"
KEY_REVOKED = "key.revoke"
STANDING = "standing"
HOLD = "standing.hold"
ALLOWANCE = "standing.allowance"
PROPOSAL = "standing.proposal"
TIE = "standing.tie"
GAP = "gap"
ATTACK = "attack"


def query_record(
    query: Query,
    decision: Decision,
    *,
    format: str,  # noqa: A002  (the field's name in the ledger)
    operation: str,
    status: int,
    usage: Usage | None = None,
    request_digest: str = "",
    released_digest: str = "",
    latency_s: float = 0.0,
) -> dict[str, Value]:
    """One query. ``usage`` is what it truly cost, or None where it never ran: then nothing was used."""
    caller = query.caller
    return {
        "id": query.id,
        "account": caller.account.id,
        "organisation": caller.account.organisation,
        "tier": caller.account.tier,
        "key": caller.key_id,
        "basis": caller.basis._value_,  # ``value`` is a property that takes as long as five fields
        "address": caller.address,
        "model": query.model,
        "format": format,
        "operation": operation,
        "asked_rows": query.cost.rows,
        "rows": usage.rows if usage is not None else 0,
        "tokens": usage.tokens if usage is not None else 0,
        "admitted": decision.admitted,
        "would_admit": decision.would_admit,
        "reason": decision.reason,
        "standing": decision.standing._value_,
        "status": status,
        "request": request_digest,
        "released": released_digest,
        "latency_us": microseconds(latency_s),
    }


def start_record(*, version: str, process: int, upstreams: Sequence[str] = (), shadow: bool = True) -> dict[str, Value]:
    """A gateway came up. ``upstreams`` are the model servers' addresses without credentials."""
    return {"version": version, "process": process, "upstreams": list(upstreams), "shadow": shadow}


def stop_record(*, process: int, reason: str) -> dict[str, Value]:
    """A gateway went down in good order; a start without a stop before it is a crash or a kill."""
    return {"process": process, "reason": reason}


def config_record(*, digest: str, accepted: bool, problem: str = "", who: str = "") -> dict[str, Value]:
    """A configuration was read: its SHA-256, and the problem where it was refused."""
    return {"digest": digest, "accepted": accepted, "problem": problem, "who": who}


def key_record(key_id: str, account: Account, *, who: str, label: str = "", expires: float | None = None) -> dict[str, Value]:
    """An API key was made or revoked; never the key itself."""
    return {
        "key": key_id,
        "account": account.id,
        "organisation": account.organisation,
        "tier": account.tier,
        "label": label,
        "expires": None if expires is None else microseconds(expires),
        "who": who,
    }


def standing_record(account: str, before: Standing, after: Standing, *, reason: str, note: str, who: str) -> dict[str, Value]:
    """Somebody changed an account's standing, with a reason code and a note."""
    return {"account": account, "before": before.value, "after": after.value, "reason": reason, "note": note, "who": who}


def hold_record(account: str, until: float, evidence: float, *, reason: str, note: str, who: str) -> dict[str, Value]:
    """Somebody said that an account's standing is not to be raised before ``until``, at so much evidence."""
    held: dict[str, Value] = {"account": account, "until": microseconds(until), "evidence": _short(evidence)}
    return {**held, "reason": reason, "note": note, "who": who}


def allowance_record(scope: str, name: str, until: float, *, reason: str, note: str, who: str) -> dict[str, Value]:
    """Somebody took an account or an organisation onto the allow-list, or off it (``until`` is then the time of that)."""
    return {"scope": scope, "name": name, "until": microseconds(until), "reason": reason, "note": note, "who": who}


def tie_record(account: str, before: str, after: str, *, reason: str, note: str, who: str) -> dict[str, Value]:
    """Somebody made an account share the limits of an actor (``after``), or stand alone again (``after`` is empty)."""
    return {"account": account, "before": before, "after": after, "reason": reason, "note": note, "who": who}


def proposal_record(
    account: str, standing: Standing, state: str, *, reason: str, words: str, evidence: float, who: str
) -> dict[str, Value]:
    """A standing was proposed to a person (state ``open``), who later approved or dismissed it."""
    proposed: dict[str, Value] = {"account": account, "standing": standing.value, "state": state}
    return {**proposed, "reason": reason, "words": words, "evidence": _short(evidence), "who": who}


def _short(evidence: float) -> str:
    """A number as text, because records hold no fractions."""
    return f"{evidence:.6g}"


def attack_record(
    *, attack: str, target: str, model: str, budget: int, seeds: int, statement_digest: str, who: str
) -> dict[str, Value]:
    """Somebody let the red team loose on a machine that is not this one, on the strength of a written statement.

    ``target`` is the address without credentials, ``budget`` the questions for each of ``seeds`` campaigns, and
    ``statement_digest`` the SHA-256 of the statement of ownership, as hex.
    """
    return {
        "attack": attack,
        "target": target,
        "model": model,
        "budget": budget,
        "seeds": seeds,
        "statement": statement_digest,
        "who": who,
    }


def gap_record(refused: int, problem: str) -> dict[str, Value]:
    """So many records could not be taken since the one before: the ledger says where it is blind."""
    return {"refused": refused, "problem": problem}
