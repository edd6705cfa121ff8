"""Whom an attack may be let loose on: this machine, or what a written statement names, which then goes into the ledger."""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from moatkeeper.cli.attack_options import read_text
from moatkeeper.cli.attack_targets import is_address
from moatkeeper.cli.keys import operator
from moatkeeper.config.load import load
from moatkeeper.evidence.records import ATTACK, attack_record
from moatkeeper.redteam.target import check_target, is_here, place_of
from moatkeeper.store.ledger import Ledger


def own_or_refuse(
    attack: str,
    specs: Sequence[str],
    file: Path | None,
    config: Path | None,
    data: Path,
    *,
    model: str,
    budget: int,
    seeds: int,
) -> str | None:
    """The statement of ownership that an attack rests on, written to the ledger; None where all targets are on this machine.

    Raises UsageError where a target is elsewhere and no statement names its host, StoreError where the ledger cannot be
    written: nothing is asked then.
    """
    addresses = [spec for spec in specs if is_address(spec)]
    elsewhere = [url for url in addresses if not is_here(url)]
    statement: str | None = None
    if elsewhere:
        statement = read_text(file) if file is not None else load(config).redteam.ownership or None
    for url in addresses:
        check_target(url, statement)
    if elsewhere and statement is not None:
        digest = sha256(statement.encode()).hexdigest()
        with Ledger.open(data) as ledger:
            for url in elsewhere:
                record = attack_record(
                    attack=attack,
                    target=place_of(url),
                    model=model,
                    budget=budget,
                    seeds=seeds,
                    statement_digest=digest,
                    who=operator(),
                )
                ledger.append(ATTACK, time.time(), record)
    return statement
