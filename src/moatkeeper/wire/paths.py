"""Paths as sent: only the plainest spelling of a path is understood, so that no server behind us reads another one."""

from __future__ import annotations

import re

MAX_PATH_CHARACTERS = 1024
MAX_NAME_CHARACTERS = 256

# No "%" but for a space, no ";", no backslash, no empty segment, no trailing slash: everything that two parsers of paths
# are known to disagree about.
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._@:+=,~-]|%20)+)+", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._@-]|%20)*", re.ASCII)
_VERSION = re.compile(r"[0-9]{1,19}", re.ASCII)


def segments(path: str) -> tuple[str, ...]:
    """The segments between the slashes of a plain absolute path; empty for every other path."""
    if len(path) > MAX_PATH_CHARACTERS or _PATH.fullmatch(path) is None:
        return ()
    parts = tuple(path[1:].split("/"))
    if "." in parts or ".." in parts:
        return ()
    return parts


def model_name(segment: str) -> str:
    """The model that a segment names, spaces decoded; empty where it is no plain name."""
    if len(segment) > MAX_NAME_CHARACTERS or _NAME.fullmatch(segment) is None:
        return ""
    return segment.replace("%20", " ")


def is_version(segment: str) -> bool:
    """Whether a segment is a version number."""
    return _VERSION.fullmatch(segment) is not None
