"""What a visitor may try while the demo's servers are left running."""

from __future__ import annotations

import json
from shlex import quote

from moatkeeper.demo.credit import load
from moatkeeper.demo.stage import Stage
from moatkeeper.demo.victim import TREES

TOO_MANY = 101  # one row more than a free account's hour


VISITORS = {"visitor-free": "free", "visitor-labels": "labels"}
"""Accounts that the run itself leaves alone, with their tiers."""


def tour(stage: Stage) -> str:
    """Commands to paste, with keys of accounts that have used nothing yet."""
    free, labels = (stage.keys[name] for name in VISITORS)
    row = json.dumps(load().rows[0].tolist())
    path = f"v1/models/{TREES}:predict"
    guarded = f"{stage.gateway_url}/{path} -H 'Content-Type: application/json' -H 'Authorization: Bearer"
    one = f"""-d '{{"instances": [{row}]}}'"""
    many = f"""python3 -c 'import json; print(json.dumps({{"instances": [{row}] * {TOO_MANY}}}))'"""
    return "\n".join(
        (
            "",
            "The model server itself, every digit:",
            f"  curl {stage.bare_url}/{path} {one}",
            "Through the gateway, with a free account's key:",
            f"  curl -i {guarded} {free}' {one}",
            "With a contract of decisions only:",
            f"  curl {guarded} {labels}' {one}",
            f"{TOO_MANY} rows at once, more than a free account's hour:",
            f"  {many} | curl -i {guarded} {free}' -d @-",
            "What the operator sees:",
            f"  curl {stage.admin_url}/metrics",
            f"  moatkeeper ledger verify --data {quote(str(stage.data))}",
            "",
            "Ctrl-C stops both servers.",
        )
    )
