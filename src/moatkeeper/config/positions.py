"""Where each key of a TOML document stands: tomllib tells values but not lines, and a fault needs its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from types import MappingProxyType

KeyPath = tuple[str | int, ...]
"""A place in the document: names of keys, and indices in arrays."""

_BLANK = re.compile(r"[ \t]*")
_VOID = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL_STRING = re.compile(r"'[^'\n]*'")
_LONG_BASIC_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")', re.DOTALL)
_LONG_LITERAL_STRING = re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL)
_STRINGS = (_LONG_BASIC_STRING, _LONG_LITERAL_STRING, _BASIC_STRING, _LITERAL_STRING)
_PLAIN = re.compile(r"[^,\]}#\n]+")  # numbers, booleans and dates


def key_lines(text: str) -> Mapping[KeyPath, int]:
    """The line, counted from 1, on which each key path of the document first stands.

    ``text`` is a document that ``tomllib.loads`` accepts; array items have their index as the last part of the path.
    """
    return MappingProxyType(_Scanner(text).scan())


class _Scanner:
    """One pass over a valid document; what it does not need to know, it only skips."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[KeyPath, int] = {}
        self._counts: dict[KeyPath, int] = {}  # items so far in each array of tables

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_VOID)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_VOID)
        return self._lines

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"expected a valid TOML document, found a fault at character {self._at}")
        self._at = match.end()
        return match[0]

    def _note(self, path: KeyPath) -> None:
        self._lines.setdefault(path, self._text.count("\n", 0, self._at) + 1)

    def _header(self) -> KeyPath:
        many = self._text.startswith("[[", self._at)
        self._at += 2 if many else 1
        start = self._at
        names = self._dotted()
        self._at += 2 if many else 1
        path: KeyPath = ()
        end, self._at = self._at, start
        for position, name in enumerate(names):
            path = (*path, name)
            self._note(path)
            if many and position == len(names) - 1:
                path = (*path, self._counts.get(path, 0))
                self._counts[path[:-1]] = self._counts.get(path[:-1], 0) + 1
                self._note(path)
            elif path in self._counts:
                path = (*path, self._counts[path] - 1)
        self._at = end
        return path

    def _dotted(self) -> list[str]:
        names = []
        while True:
            self._skip(_BLANK)
            quote = self._text[self._at]
            pattern = {'"': _BASIC_STRING, "'": _LITERAL_STRING}.get(quote, _BARE_KEY)
            word = self._skip(pattern)
            names.append(next(iter(tomllib.loads(f"{word} = 0"))) if quote in "\"'" else word)
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return names
            self._at += 1

    def _pair(self, table: KeyPath) -> None:
        start = self._at
        names = self._dotted()
        end, self._at = self._at, start
        path = table
        for name in names:
            path = (*path, name)
            self._note(path)
        self._at = end + 1  # past the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        opening = self._text[self._at]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        elif opening in "\"'":
            for pattern in _STRINGS:
                if pattern.match(self._text, self._at):
                    self._skip(pattern)
                    return
        else:
            self._skip(_PLAIN)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        self._skip(_VOID)
        while self._text[self._at] != "]":
            self._note((*path, index))
            self._value((*path, index))
            index += 1
            self._skip(_VOID)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_VOID)
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        self._skip(_VOID)
        while self._text[self._at] != "}":
            self._pair(path)
            self._skip(_VOID)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_VOID)
        self._at += 1
