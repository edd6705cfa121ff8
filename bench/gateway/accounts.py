"""API keys in bulk: as ``moatkeeper keys add`` makes them, in one transaction and without a ledger entry each."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from random import Random

from moatkeeper.core.keyed import keyed_digest
from moatkeeper.store.keys import ID_BYTES, PREFIX, SECRET_BYTES, Keys
from moatkeeper.store.secret import load_secret
from moatkeeper.store.sqlite import connect, transaction

SEED = 20_260_103
PURPOSE = "api-key"  # what store.keys digests its keys for
TIER = "bench"


def make_keys(data: Path, accounts: int) -> list[str]:
    """The plaintext keys of so many new accounts, one each, in the data directory; the same ones in every run.

    Raises SystemExit where the key store does not know its own keys again, because the way it keeps them has changed.
    """
    generator = Random(SEED)
    Keys.open(data).close()  # makes the secret, the database and its mark
    secret, now = load_secret(data), time.time()
    made = {_letters(generator, ID_BYTES): _letters(generator, SECRET_BYTES) for _ in range(accounts)}
    keys = [f"{PREFIX}{key_id}_{rest}" for key_id, rest in made.items()]
    rows = [
        (key_id, keyed_digest(secret, PURPOSE, key.encode()), f"account-{number}", "", TIER, "", now, number + 1)
        for number, (key_id, key) in enumerate(zip(made, keys, strict=True))
    ]
    connection = connect(data)
    with transaction(connection):
        connection.executemany(
            "INSERT INTO api_keys (id, digest, account, organisation, tier, label, created, revision) VALUES (?,?,?,?,?,?,?,?)",
            rows,
        )
    connection.close()
    with Keys.open(data) as store:
        if len(store) != len(keys) or store.check(keys[-1].encode(), now) is None:
            raise SystemExit("the keys that the benchmark wrote are not those that the key store reads")
    return keys


def _letters(generator: Random, count: int) -> str:
    return base64.b32encode(generator.randbytes(count)).decode().lower()
