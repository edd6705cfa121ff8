"""Connected components: who hangs together through whom, whole arrays at once."""

from __future__ import annotations

import numpy as np

from moatkeeper.patterns.batch import IntArray


def components(members: IntArray, groups: IntArray, count: int) -> IntArray:
    """The component of each of ``count`` members, named by its smallest member, shape (count,).

    ``members`` and ``groups`` have shape (p,): each pair says that a member is in a group, and members of one group hang
    together. Labels spread by whole rounds, with shortcuts, until nothing changes.
    """
    labels = np.arange(count, dtype=np.int64)
    if not len(members):
        return labels
    _, group = np.unique(groups, return_inverse=True)
    while True:
        least = np.full(int(group.max()) + 1, count, dtype=np.int64)
        np.minimum.at(least, group, labels[members])
        spread = labels.copy()
        np.minimum.at(spread, members, least[group])
        np.minimum.at(spread, labels[members], least[group])
        spread = spread[spread]
        if np.array_equal(spread, labels):
            return labels
        labels = spread
