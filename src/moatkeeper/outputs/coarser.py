"""Coarser answers: what a standing takes from a contract, and never what it adds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from moatkeeper.core.contract import Contract


@dataclass(frozen=True, slots=True)
class Coarser:
    """Upper bounds on what answers show; None leaves the contract as it was sold.

    Only reductions that keep the shape of an answer, its top label and the order of its classes are here: a declared output, a
    dimension or a log-probability that is missing would tell the caller that something has changed.
    """

    decimals: int | None = None
    significant_digits: int | None = None
    top_k: int | None = None
    label_only: bool = False
    embedding_bits: int | None = None
    max_tokens: int | None = None

    def of(self, contract: Contract) -> Contract:
        """The contract, narrowed."""
        return replace(
            contract,
            decimals=_least(contract.decimals, self.decimals),
            significant_digits=_least(contract.significant_digits, self.significant_digits),
            top_k=_least(contract.top_k, self.top_k),
            label_only=contract.label_only or self.label_only,
            embedding_bits=_least(contract.embedding_bits, self.embedding_bits),
            max_tokens=_least(contract.max_tokens, self.max_tokens),
        )


def _least(sold: int | None, most: int | None) -> int | None:
    if sold is None or most is None:
        return most if sold is None else sold
    return min(sold, most)
