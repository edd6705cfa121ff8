"""Paths into a JSON document: ``$.results[*].scores``, ``$.items[0]``. No filters, no recursion, no expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from moatkeeper.errors import ConfigError


class Every(Enum):
    """The step ``[*]``: every item of a list."""

    ITEM = "[*]"


Step = str | int | Every

_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\[(0|[1-9][0-9]{0,5})\]|(\[\*\])|\[\"([^\"\\]+)\"\]", re.ASCII)


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A parsed path: names of fields, positions in lists, and ``[*]``."""

    text: str
    steps: tuple[Step, ...]

    def overlaps(self, other: JsonPath) -> bool:
        """Whether one of two paths leads to, or through, what the other leads to."""
        return all(_meets(mine, theirs) for mine, theirs in zip(self.steps, other.steps, strict=False))


def _meets(mine: Step, theirs: Step) -> bool:
    if isinstance(mine, str) or isinstance(theirs, str):
        return mine == theirs
    return mine == theirs or mine is Every.ITEM or theirs is Every.ITEM


def parse_path(text: str) -> JsonPath:
    """The path that a text writes; raises ConfigError, saying where it stops being one."""
    if not text.startswith("$"):
        raise ConfigError(f"found path {text!r}, expected one that begins with $", hint="write $.field, $.list[*] or $.list[0]")
    steps: list[Step] = []
    position = 1
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            raise ConfigError(
                f'found {text[position:]!r} in path {text!r}, expected .name, [0], [*] or ["name"]',
                hint="write $.field, $.list[*] or $.list[0]",
            )
        name, index, every, quoted = found.groups()
        steps.append(Every.ITEM if every else int(index) if index is not None else name or quoted)
        position = found.end()
    return JsonPath(text, tuple(steps))


class Absent(Enum):
    """What a path finds where it leads nowhere."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


def find(document: object, steps: tuple[Step, ...]) -> object:
    """What lies at a path; a list with an item for each where it passes ``[*]``; ABSENT where any of it is missing."""
    for position, step in enumerate(steps):
        if step is Every.ITEM:
            if not isinstance(document, list):
                return ABSENT
            rest = steps[position + 1 :]
            found = [find(item, rest) for item in document] if rest else document
            return ABSENT if any(item is ABSENT for item in found) else found
        document = _step(document, step)
        if document is ABSENT:
            return ABSENT
    return document


def _step(document: object, step: Step) -> object:
    if isinstance(step, str):
        return document.get(step, ABSENT) if isinstance(document, dict) else ABSENT
    if isinstance(step, int) and isinstance(document, list) and step < len(document):
        return document[step]
    return ABSENT


def replace(document: object, steps: tuple[Step, ...], value: object) -> object:
    """The document with another value at a path that ``find`` found; where it passes ``[*]``, an item of it for each."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(document, dict) and isinstance(step, str):
        return {**document, step: replace(document[step], rest, value)}
    if isinstance(document, list) and step is Every.ITEM:
        if not rest or not isinstance(value, list):
            return value
        return [replace(item, rest, each) for item, each in zip(document, value, strict=True)]
    if isinstance(document, list) and isinstance(step, int):
        return [replace(item, rest, value) if index == step else item for index, item in enumerate(document)]
    return document


@dataclass(slots=True)
class Tree:
    """Several paths as one tree, by which a document is cut down to what they lead to."""

    whole: bool = False
    branches: dict[Step, Tree] = field(default_factory=dict)

    def keep(self, document: object) -> object:
        """The document without anything that no path leads to; in lists, null stands for what was between."""
        if self.whole:
            return document
        if isinstance(document, dict):
            kept = {name: self._branch(name, value) for name, value in document.items() if name in self.branches}
            return {name: value for name, value in kept.items() if value is not ABSENT}
        if isinstance(document, list):
            items = [self._item(index, item) for index, item in enumerate(document)]
            return [None if item is ABSENT else item for item in items]
        return ABSENT

    def _branch(self, step: Step, value: object) -> object:
        return self.branches[step].keep(value)

    def _item(self, index: int, item: object) -> object:
        here, every = self.branches.get(index), self.branches.get(Every.ITEM)
        branch = here.merged(every) if here is not None and every is not None else here or every
        return ABSENT if branch is None else branch.keep(item)

    def merged(self, other: Tree) -> Tree:
        """The tree of the paths of both."""
        steps = {**self.branches, **other.branches}
        both = {step: self.branches[step].merged(other.branches[step]) for step in self.branches.keys() & other.branches.keys()}
        return Tree(self.whole or other.whole, {**steps, **both})


def tree_of(paths: Iterable[tuple[Step, ...]]) -> Tree:
    """The tree of some paths."""
    root = Tree()
    for steps in paths:
        node = root
        for step in steps:
            node = node.branches.setdefault(step, Tree())
        node.whole = True
    return root
