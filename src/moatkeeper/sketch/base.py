"""What a sketch is: a summary of fixed size that many hands can fill and merge in any order.

The states of many owners lie side by side: an array whose first axis is the owner. The laws, over which tests/contracts runs:

    merge(a, b) == merge(b, a)        merge(a, merge(b, c)) == merge(merge(a, b), c)        merge(a, empty) == a
    fold of a whole == merge of the folds of its parts, in any order and however it is cut

They hold to the last bit: sums are whole numbers of a fixed unit, so that the order of additions does not matter.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Owners = npt.NDArray[np.int64]
"""Shape (n,): which owner each mark belongs to, from 0 up."""
Marks = npt.NDArray[Any]
"""Shape (n, ...): what each observation adds; its form is the sketch's own."""
State = npt.NDArray[Any]
"""Shape (owners, ...): one sketch an owner."""


class Sketch(Protocol):
    """One kind of summary. It holds no data: states do."""

    def empty(self, owners: int) -> State:
        """The states of so many owners who have done nothing yet."""
        ...

    def fold(self, state: State, owners: Owners, marks: Marks) -> None:
        """Adds marks of shape (n, ...) to the states of their owners, in place: ``state`` is the caller's own.

        Marks that say nothing (NaN, a negative position) are passed over.
        """
        ...

    def merge(self, first: State, second: State) -> State:
        """The states of both, owner by owner: what one hand would have, had it seen all."""
        ...
