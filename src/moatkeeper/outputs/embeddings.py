"""Embeddings in fewer dimensions and fewer bits: what a search still needs, and less than a copy wants."""

from __future__ import annotations

import numpy as np

from moatkeeper.core.query import FloatArray
from moatkeeper.outputs.numbers import round_numbers

MOST_BITS = 24
"""The precision of a float32; more is served as this."""

LEAST_STEP_DIGITS = 4
"""Significant digits of a row's step at the least: the length of a vector is off by at most 5 parts in 10,000 for it."""


def shorten(rows: FloatArray, dimensions: int) -> FloatArray:
    """The first ``dimensions`` columns, each row as long as it was before: unit vectors stay unit vectors.

    A row that is zero in all the kept columns stays zero. Rows of no more columns than that are left alone.
    """
    if dimensions >= rows.shape[1]:
        return rows
    kept = rows[:, : max(dimensions, 1)]
    largest = np.abs(rows).max(axis=1, keepdims=True)  # divided out first, so that no square overflows or vanishes
    scale = np.where(largest > 0.0, largest, 1.0)
    length = np.linalg.norm(kept / scale, axis=1, keepdims=True)
    factor: FloatArray = np.linalg.norm(rows / scale, axis=1, keepdims=True) / np.where(length > 0.0, length, 1.0)
    return kept * factor


def quantise(rows: FloatArray, bits: int) -> FloatArray:
    """Each coordinate as a whole multiple of its row's step, at most ``2 ** bits - 1`` different ones, symmetric around 0.

    The step is the largest magnitude over ``2 ** (bits - 1) - 1``, in so few digits that every coordinate is a short
    decimal. With one bit only the signs are left (zero counts as positive), scaled to the length of the row. A zero row
    stays zero; no coordinate is off by more than half a step, but for one bit.
    """
    bits = min(max(bits, 1), MOST_BITS)
    if bits == 1:
        scale = np.abs(rows).max(axis=1, keepdims=True)
        safe = np.where(scale > 0.0, scale, 1.0)
        step = np.sqrt(np.mean((rows / safe) ** 2, axis=1, keepdims=True)) * scale
        return np.where(rows >= 0.0, 1.0, -1.0) * round_numbers(step, LEAST_STEP_DIGITS)
    levels = 2 ** (bits - 1) - 1
    digits = max(LEAST_STEP_DIGITS, len(str(levels)) + 1)  # enough that the largest coordinate is again ``levels`` steps
    step = round_numbers(np.abs(rows).max(axis=1, keepdims=True) / levels, digits)
    multiples = np.rint(rows / np.where(step > 0.0, step, 1.0))
    return round_numbers((multiples * step).reshape(-1, 1), 15).reshape(rows.shape)


def cosine_error(rows: FloatArray, released: FloatArray) -> FloatArray:
    """One minus the cosine between each row and its released form, shape (n,); rows of zeros give 0.

    Compared over the released columns only.
    """
    kept = rows[:, : released.shape[1]]
    lengths = np.linalg.norm(kept, axis=1) * np.linalg.norm(released, axis=1)
    cosines = np.einsum("ij,ij->i", kept, released) / np.where(lengths > 0.0, lengths, 1.0)
    return np.where(lengths > 0.0, 1.0 - cosines, 0.0)
