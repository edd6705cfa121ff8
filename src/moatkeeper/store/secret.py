"""The secret of one installation: 32 random bytes beside the database, readable by its owner only."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from moatkeeper.errors import StoreError
from moatkeeper.store.sqlite import storing

FILE_NAME = "secret.key"
SECRET_BYTES = 32


def load_secret(data: Path, *, create: bool = True) -> bytes:
    """The secret of ``data``, SECRET_BYTES long, made on first use; raises StoreError where it is missing or not private."""
    path = data / FILE_NAME
    with storing(path):
        if create and not path.exists():
            _create(data, path)
        return _read(path)


def _create(data: Path, path: Path) -> None:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = data / f".{FILE_NAME}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: of two processes that start together the first one's secret stands.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    directory = os.open(data, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise StoreError(
                f"{path}: mode {mode:04o}, expected 0600: others may have read the secret",
                hint=f"Run: chmod 600 {path} (and replace the API keys if others have an account on this machine).",
            )
        secret = file.read(SECRET_BYTES + 1)
    if len(secret) != SECRET_BYTES:
        raise StoreError(
            f"{path}: expected {SECRET_BYTES} bytes, found {len(secret)} or more", hint="Restore it from a backup."
        )
    return secret
