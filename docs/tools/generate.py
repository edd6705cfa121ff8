"""Writes the generated pages of the reference; with ``--check`` only says which are out of date, and exits 1."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from moatkeeper.cli.reference import campaign_page, commands_page, errors_page, parts_page, settings_page

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "campaign.md": campaign_page,
    "cli.md": commands_page,
    "parts.md": parts_page,
    "errors.md": errors_page,
}


def main() -> int:
    """The exit code."""
    stale = 0
    for name, page in PAGES.items():
        file, text = REFERENCE / name, page()
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        if "--check" in sys.argv[1:]:
            print(f"docs/reference/{name} is out of date: run make docs", file=sys.stderr)
            stale = 1
        else:
            REFERENCE.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
