"""The documentation holds what the code holds: pages up to date, links that lead somewhere, examples that work."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from moatkeeper import errors
from moatkeeper.cli.main import COMMANDS
from moatkeeper.cli.reference import CommandHelp, commands
from moatkeeper.config.describe import tables
from moatkeeper.config.load import load, parse, settings_of
from moatkeeper.config.settings import Settings
from moatkeeper.errors import MoatkeeperError
from moatkeeper.wire.registry import FORMATS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```([\w-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = {"console", "sh", "shell", "bash"}
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page: its language and its text."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text[:30]!r}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    return [Block(page, language, text) for language, text in FENCE.findall(page.read_text(encoding="utf-8"))]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def broken_links(page: Path, text: str) -> list[str]:
    """The relative links of a text that lead nowhere, seen from a page."""
    targets = [first or second for first, second in LINK.findall(text)]
    files = [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    return [file for file in files if not (page.parent / file).exists()]


def command_lines(page: Path) -> Iterator[str]:
    """Every line of a shell block, or code in a sentence, that calls moatkeeper."""
    for block in blocks(page):
        if block.language in SHELL:
            for line in block.text.replace("\\\n", " ").splitlines():
                words = re.sub(r"^\s*(\$ )?(\.venv/bin/)?", "", line)
                if words.startswith("moatkeeper "):
                    yield words
    yield from re.findall(r"`(moatkeeper [^`]+)`", prose(page))


def unknown_words(line: str, known: dict[tuple[str, ...], CommandHelp]) -> list[str]:
    """The words of a command line that name no command or no option of it."""
    words = shlex.split(re.split(r"\s[|&>]|\s#|;", line)[0])[1:]
    if words and words[0] in {"--help", "--version", "--debug"}:
        return []
    if (tuple(words[:1])) not in known:
        return words[:1]
    path = tuple(words[:2]) if known[tuple(words[:1])].group and len(words) > 1 else tuple(words[:1])
    wrong = []
    alternatives = path[-1].split("|") if len(path) > 1 else [path[-1]]  # `moatkeeper keys add|list` names two
    for word in alternatives:
        command = known.get((*path[:-1], word))
        if command is None:
            wrong.append(word)
            continue
        options = set(OPTION.findall(command.text)) | {"--debug", "--help"}
        wrong += [given for given in words if given.startswith("-") and given.split("=")[0] not in options]
    return wrong


def error_classes() -> list[str]:
    """The names of all errors that Moatkeeper raises on purpose."""
    found = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, MoatkeeperError)]
    return [item.__name__ for item in found]


KNOWN = {command.words: command for command in commands()}
ALL_TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def test_the_generated_pages_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "docs/tools/generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_a_link_that_leads_nowhere_would_be_found() -> None:
    assert broken_links(ROOT / "README.md", "[a](nowhere.md#x) [b](https://x.example) [c](#here) ![d](no.png)") == [
        "nowhere.md",
        "no.png",
    ]


@pytest.mark.parametrize("block", [block for page in PAGES for block in blocks(page) if block.language == "toml"], ids=str)
def test_every_configuration_in_the_documentation_is_one(block: Block) -> None:
    settings_of(parse(block.text, str(block.page.name)))


def test_the_complete_example_is_a_configuration_that_uses_every_section() -> None:
    example = ROOT / "examples/moatkeeper.toml"
    load(example)
    text = example.read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if not re.search(rf"^#? ?\[+{name}[\].]", text, re.MULTILINE)]
    assert missing == []


def test_what_the_complete_example_leaves_commented_out_would_work_too() -> None:
    text = (ROOT / "examples/moatkeeper.toml").read_text(encoding="utf-8")
    whole = re.sub(r"^# ((?:\w+ = |\[identity\.jwt).*)$", r"\1", text, flags=re.MULTILINE)
    settings = settings_of(parse(whole, "moatkeeper.toml"))
    assert settings.identity.jwt is not None
    assert settings.identity.header is not None
    assert settings.upstream.authorization_env is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_line_in_the_documentation_names_commands_and_options_that_exist(page: Path) -> None:
    wrong = {line: unknown for line in command_lines(page) if (unknown := unknown_words(line, KNOWN))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("moatkeeper serve --upstream http://x --port 1 | tee log", []),
        ("moatkeeper keys add|list|revoke", []),
        ("moatkeeper guard", ["guard"]),
        ("moatkeeper keys ad acme", ["ad"]),
        ("moatkeeper serve --upstraem http://x", ["--upstraem"]),
        ("moatkeeper ledger verify --nonsense=1", ["--nonsense=1"]),
    ],
)
def test_a_command_line_that_is_wrong_would_be_found(line: str, unknown: list[str]) -> None:
    assert unknown_words(line, KNOWN) == unknown


@pytest.mark.parametrize(
    "name",
    [
        *(setting.path.rsplit(".", 1)[-1] for table in tables(Settings) for setting in table.settings),
        *(f"moatkeeper {name}" for name in COMMANDS),
    ],
)
def test_every_setting_and_command_is_documented(name: str) -> None:
    assert name in ALL_TEXT


@pytest.mark.parametrize("name", [*FORMATS, "generic"])
def test_every_wire_format_is_documented(name: str) -> None:
    assert f"`{name}`" in ALL_TEXT


@pytest.mark.parametrize("name", error_classes())
def test_every_error_is_documented(name: str) -> None:
    assert name in ALL_TEXT


@pytest.mark.parametrize("name", sorted(path.parent.name for path in (ROOT / "src/moatkeeper").glob("*/__init__.py")))
def test_every_package_is_documented(name: str) -> None:
    assert f"`{name}`" in ALL_TEXT or f"`{name}/`" in ALL_TEXT or f"moatkeeper.{name}" in ALL_TEXT
