"""Windows on disk: the pieces of all parts are the whole window."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from moatkeeper.hunt.windows import WindowKey, keep, whole
from moatkeeper.patterns.profile import Profile
from moatkeeper.patterns.window import windows_of
from tests.support.honest import honest_batch

KEY = WindowKey(0, 3)


def test_pieces_of_parts_are_the_window(tmp_path: Path) -> None:
    batch = honest_batch(80, 8, 5, "kündin")
    profile = Profile.fit("m", batch)
    ((_, window),) = windows_of(profile, batch, 0.0)
    half = np.arange(80) < 30
    for number, chosen in enumerate((half, ~half)):
        ((_, piece),) = windows_of(profile, batch.of_accounts(chosen), 0.0)
        keep(tmp_path, KEY, str(number), piece)
    found = whole(tmp_path, KEY)
    assert found.names == window.names
    for name in ("rows", "readings", "owners", "buckets"):
        assert np.array_equal(getattr(found, name), getattr(window, name), equal_nan=name == "readings"), name
