"""What a caller is promised to see of an answer, and no more."""

from __future__ import annotations

from dataclasses import dataclass

from moatkeeper.core.answer import OutputKind


@dataclass(frozen=True, slots=True)
class Contract:
    """The least output that still keeps the promise; the defaults apply to everybody from the first query.

    The top label and the order of classes never change, whatever is set here. ``None`` switches a reduction off.
    """

    decimals: int | None = 2  # of scores in [0, 1]; larger: more of the model leaves with each answer
    significant_digits: int | None = 4  # of unbounded numbers (regression values, margins); larger: more leaves
    top_k: int | None = None  # scores of the k best classes only, the others read 0; larger: more leaves
    label_only: bool = False  # one-hot scores: nothing but the decision
    threshold: float = 0.5  # a lone score in [0, 1] never moves to the other side of this
    log_probabilities: bool = False  # of generated tokens; True: leave them in, at most top_log_probabilities each
    top_log_probabilities: int = 5  # alternatives a token where log_probabilities is True; larger: more leaves
    outputs: frozenset[str] | None = None  # the declared outputs; None: all that the format does not know as a leak
    embedding_dimensions: int | None = None  # keep the first so many and renormalise; smaller: less leaves
    embedding_bits: int | None = 8  # levels a coordinate, as a power of two; smaller: less leaves
    kind: OutputKind | None = None  # says what undeclared numbers are; None: their values decide
    max_tokens: int | None = None  # generated tokens a choice; the request is clamped to it
    max_choices: int = 8  # alternatives (n, best_of) a request may ask for; larger: more samples a request


FULL_OUTPUT = Contract(
    decimals=None,
    significant_digits=None,
    log_probabilities=True,
    top_log_probabilities=20,
    embedding_bits=None,
    max_choices=128,
)
"""Everything the model server says; the danger is in using it, so nothing does by default."""
