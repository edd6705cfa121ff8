"""Reading the file: every fault at once, each with its line, what was found and what was expected."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel, ValidationError

from moatkeeper.config.describe import model_at, takes_at, toml_text
from moatkeeper.config.policy import generic_route, limit
from moatkeeper.config.positions import KeyPath, key_lines
from moatkeeper.config.settings import Settings
from moatkeeper.errors import ConfigError
from moatkeeper.limits.plan import Plan
from moatkeeper.wire.generic import build
from moatkeeper.wire.registry import FORMATS

VARIABLE = "MOATKEEPER_CONFIG"
"""The environment variable that names the file where no option does."""

FILE = "moatkeeper.toml"
"""The name that the file has in the documentation, and that ``moatkeeper config`` looks for."""

COMMAND_LINE = "command line"
"""Where a fault in an override is said to be."""

_SECRET = re.compile(r"secret|password|passwd|token$|api_?key|authorization$|credential", re.IGNORECASE)
_SHOWN = 60  # characters of a found value that a fault quotes
_HINT = "moatkeeper config schema prints every setting with its type, range and default"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: where (``line`` is 0 where no line holds it), under which key, what was found, what was expected."""

    source: str
    line: int
    key: str
    found: str
    expected: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        key = f"{self.key}: " if self.key else ""
        return f"{place}: {key}found {self.found}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was read: its values, and the line of each key."""

    source: str
    values: Mapping[str, object]
    lines: Mapping[KeyPath, int]

    def line(self, path: Sequence[str | int]) -> int:
        """The line of a key, or of the nearest table around it; 0 where the document does not hold it."""
        for length in range(len(path), 0, -1):
            if (found := self.lines.get(tuple(path[:length]))) is not None:
                return found
        return 0


def load(path: Path | None = None, overrides: Mapping[str, object] | None = None) -> Settings:
    """The settings of a file (None: the defaults) with ``overrides`` on top, whose keys are dotted such as ``server.port``.

    Raises ConfigError that lists every fault, one a line.
    """
    document = read(path) if path is not None else Document("defaults", {}, {})
    return settings_of(document, overrides)


def read(path: Path) -> Document:
    """The file as a document; raises ConfigError where it cannot be read or is not TOML."""
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise ConfigError(f"{path}: found {error.strerror or error}, expected a readable file", hint=_HINT) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: found bytes that are not UTF-8, expected TOML", hint=_HINT) from error
    return parse(text, str(path))


def parse(text: str, source: str) -> Document:
    """A text as a document; raises ConfigError with the line where it is not TOML."""
    text = text.replace("\r\n", "\n")
    try:
        return Document(source, tomllib.loads(text), key_lines(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            _syntax_fault(text, source, str(error)), hint="See https://toml.io for the form of the file"
        ) from error
    except RecursionError as error:
        raise ConfigError(f"{source}: found arrays nested beyond all measure, expected a configuration", hint=_HINT) from error


def settings_of(document: Document, overrides: Mapping[str, object] | None = None) -> Settings:
    """The settings of a document with ``overrides`` on top; raises ConfigError that lists every fault, one a line."""
    overrides = overrides or {}
    values = dict(document.values)
    for key, value in overrides.items():
        values = _with(values, key.split("."), value)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults = faults_of(document, error)
        faults = [replace(fault, source=COMMAND_LINE, line=0) if fault.key in overrides else fault for fault in faults]
        raise config_error(document.source, faults) from None
    if faults := [*_dangling(document, settings), *_contradictions(document, settings)]:
        raise config_error(document.source, faults)
    return settings


def config_error(source: str, faults: Sequence[Fault], hint: str = _HINT) -> ConfigError:
    """All faults as one error, one a line."""
    ordered = sorted(faults, key=lambda fault: fault.line)
    if len(ordered) == 1:
        return ConfigError(str(ordered[0]), hint=hint)
    return ConfigError("\n".join([f"{source}: {len(ordered)} faults", *map(str, ordered)]), hint=hint)


def _syntax_fault(text: str, source: str, message: str) -> str:
    match = re.search(r"^(.*?) \(at (?:line (\d+), column \d+|end of document)\)$", message, re.DOTALL)
    what = match[1] if match else message
    line = int(match[2]) if match and match[2] else text.count("\n") + 1
    return f"{source}:{line}: found {what[:1].lower()}{what[1:]}, expected TOML"


def _with(values: Mapping[str, object], names: Sequence[str], value: object) -> dict[str, object]:
    """``values`` with one key, however deep, set."""
    first, *rest = names
    inner = values.get(first)
    return {**values, first: _with(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value}


def faults_of(document: Document, error: ValidationError, root: type[BaseModel] = Settings) -> list[Fault]:
    """What is wrong with a document that is no ``root``."""
    return [_fault(document, raw["loc"], raw["type"], raw["msg"], raw.get("input"), root) for raw in error.errors()]


def _fault(
    document: Document, path: Sequence[str | int], kind: str, message: str, found: object, root: type[BaseModel]
) -> Fault:
    if path and path[-1] == "[key]":  # how pydantic says that the name of a table is at fault
        return Fault(document.source, document.line(path[:-1]), dotted(path[:-1]), "an empty name", "a name")
    key, name = dotted(path), str(path[-1]) if path else ""
    line = document.line(path)
    if kind == "extra_forbidden":
        return Fault(document.source, line, key, "an unknown key", _known_keys(path, name, root))
    if kind == "missing":
        return Fault(document.source, line, key, "nothing", takes_at(root, path))
    if message.startswith("Value error, found "):  # a rule over several keys, worded where it is declared
        what, _, expected = message.removeprefix("Value error, found ").partition(", expected ")
        return Fault(document.source, line, key, what, expected)
    return Fault(document.source, line, key, _shown(name, found), takes_at(root, path) or message)


def dotted(path: Sequence[str | int]) -> str:
    """A key path as people write it: ``routes.override[0].fail``, names quoted where TOML would."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else toml_text(part))
    return text


def _known_keys(path: Sequence[str | int], name: str, root: type[BaseModel]) -> str:
    if _SECRET.search(name):
        return "no secret in this file: put it into an environment variable, and name that in upstream.authorization_env"
    table = model_at(root, path[:-1])
    known = list(table.model_fields) if table is not None else []
    close = get_close_matches(name, known, n=1)
    return f"{close[0]!r}, if that was meant" if close else f"one of {', '.join(known)}"


def _shown(name: str, found: object) -> str:
    # A value that may be a secret is never repeated in a log.
    if name in {"authorization_env", "url"}:
        return "something else"
    if isinstance(found, Mapping):
        return "a table"
    text = toml_text(found)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def missing_files(document: Document, settings: Settings) -> ConfigError | None:
    """What is wrong with the files that the settings name, or None. Relative paths begin at the current folder."""
    jwt = settings.identity.jwt
    named: list[tuple[KeyPath, Path | None]] = [
        (("upstream", "ca_file"), settings.upstream.ca_file),
        (("identity", "jwt", "keys_file"), jwt.keys_file if jwt is not None else None),
    ]
    faults = [
        Fault(document.source, document.line(path), dotted(path), toml_text(file), "a file that exists")
        for path, file in named
        if file is not None and not file.is_file()
    ]
    return config_error(document.source, faults) if faults else None


def _dangling(document: Document, settings: Settings) -> list[Fault]:
    """Names that point at nothing."""
    faults = []
    if settings.limits.default_tier not in settings.tiers:
        faults.append(unknown_name(document, ("limits", "default_tier"), settings.limits.default_tier, settings.tiers))
    for index, name in enumerate(settings.wire.formats or ()):
        if name not in FORMATS:
            faults.append(unknown_name(document, ("wire", "formats", index), name, FORMATS))
    return faults


def _contradictions(document: Document, settings: Settings) -> list[Fault]:
    """Limits and routes that are well formed, but not together."""
    faults = []
    shared = tuple(map(limit, settings.limits.shared))
    for name, tier in settings.tiers.items():
        try:
            Plan(tuple(map(limit, tier.limits)), shared)
        except ConfigError as error:
            faults.append(_told(document, ("tiers", name), error.message))
    routes = [generic_route(route) for route in settings.wire.generic]
    for index in range(len(routes)):
        try:
            build(routes[: index + 1])
        except ConfigError as error:
            faults.append(_told(document, ("wire", "generic", index), error.message))
            break
    return faults


def _told(document: Document, path: KeyPath, message: str) -> Fault:
    """A fault that a lower floor words: "found this, expected that"."""
    found, _, expected = message.removeprefix("found ").partition(", expected ")
    return Fault(document.source, document.line(path), dotted(path), found, expected or "no contradiction")


def unknown_name(document: Document, path: KeyPath, name: str, known: Collection[str]) -> Fault:
    """A fault where a name points at nothing."""
    close = get_close_matches(name, known, n=1)
    expected = f"{toml_text(close[0])}, if that was meant" if close else f"one of {', '.join(known)}"
    return Fault(document.source, document.line(path), dotted(path), toml_text(name), expected)
