"""Reading the file again while the process runs: a bad file is refused, and what cannot change is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from moatkeeper.config.load import parse, settings_of
from moatkeeper.config.settings import Settings
from moatkeeper.errors import ConfigError

FIXED = (
    "server.host",
    "server.port",
    "server.admin_host",
    "server.admin_port",
    "server.drain_s",
    "server.data",
    "upstream.url",
    "upstream.connect_timeout_s",
    "upstream.first_byte_timeout_s",
    "upstream.idle_timeout_s",
    "upstream.keep_alive_s",
    "upstream.connections",
    "upstream.ca_file",
    "patterns.most_cases",
    "ledger.enabled",
    "ledger.flush_s",
    "ledger.queue_limit",
    "telemetry.log_level",
    "telemetry.json_logs",
    "telemetry.opentelemetry",
)
"""Settings that are read once, at the start: sockets, files and libraries are opened with them."""


class Watcher:
    """Looks at one file whenever it is asked to. It has no thread and no clock: its caller decides when."""

    def __init__(self, path: Path, settings: Settings, overrides: Mapping[str, object] | None = None) -> None:
        """``settings`` is what the process runs with, read from ``path`` under the same ``overrides``."""
        self._path = path
        self._overrides = dict(overrides or {})
        self._settings = settings
        self._seen = self._read()

    @property
    def settings(self) -> Settings:
        """The last settings that were good."""
        return self._settings

    def poll(self) -> Settings | None:
        """The new settings if the file has changed, else None.

        Raises ConfigError once for each change that cannot be used: a file that is faulty or gone, or that changes a
        setting of ``FIXED``. ``settings`` then stays what it was.
        """
        found = self._read()
        if found == self._seen:
            return None
        self._seen = found
        if found is None:
            raise ConfigError(f"{self._path}: found no readable file, expected the configuration", hint=_KEPT)
        try:
            text = found.decode()
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self._path}: found bytes that are not UTF-8, expected TOML", hint=_KEPT) from error
        settings = settings_of(parse(text, str(self._path)), self._overrides)
        if fixed := changed(self._settings, settings):
            raise ConfigError(
                f"{self._path}: found another {', '.join(fixed)}, expected no change while the process runs",
                hint=f"Restart to change it. {_KEPT}",
            )
        self._settings = settings
        return settings

    def _read(self) -> bytes | None:
        # The whole content, not its time stamp: two writes within one tick of the file system's clock would look alike.
        try:
            return self._path.read_bytes()
        except OSError:
            return None


_KEPT = "The configuration from before stays in force."


def changed(old: Settings, new: Settings) -> tuple[str, ...]:
    """The settings of ``FIXED`` that differ, by name."""
    return tuple(name for name in FIXED if _value(old, name) != _value(new, name))


def _value(settings: Settings, name: str) -> object:
    section, key = name.split(".")
    return getattr(getattr(settings, section), key)
