"""A fresh data directory for each test."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory that nobody has made yet."""
    return tmp_path / "data"
