"""The states of one owner as bytes and back: little for one who did little, and nothing else is taken for them.

    header  MAGIC, version, check of the layout, check of the body    (12 bytes)
    body    zlib of all states, each with its bytes sorted by significance, so that the zeros of small numbers stand together

The checks are CRC-32: they find damage and mistakes. Who can write the store can write anything.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from moatkeeper.errors import StoreError
from moatkeeper.sketch.base import Sketch, State

MAGIC = b"MKS"
VERSION = 1
LEVEL = 1
"""Of zlib: states are mostly zeros, of which higher levels make no less."""
_HEAD = struct.Struct("<3sBII")
_HINT = "restore the store from a copy, or let the account's sketches begin anew"


def pack(states: Mapping[str, State]) -> bytes:
    """The states of one owner (first axis 1), by name, as bytes. ``ValueError`` where a state is of more owners or of none."""
    for name, state in states.items():
        if len(state) != 1:
            raise ValueError(f"state {name!r}: found {len(state)} owners, expected 1")
    body = zlib.compress(b"".join(_shuffled(state) for state in states.values()), LEVEL)
    return _HEAD.pack(MAGIC, VERSION, _layout(states), zlib.crc32(body)) + body


def unpack(content: bytes, sketches: Mapping[str, Sketch], source: str) -> dict[str, State]:
    """The states that ``pack`` wrote of these sketches; raises StoreError that names ``source`` for anything else."""
    if len(content) < _HEAD.size or not content.startswith(MAGIC):
        raise _broken(source, f"{len(content)} bytes that are no sketches")
    _, version, layout, check = _HEAD.unpack_from(content)
    if version != VERSION:
        raise _broken(source, f"version {version}")
    body = content[_HEAD.size :]
    if zlib.crc32(body) != check:
        raise _broken(source, "damaged bytes: their check is not that of their content")
    states = {name: sketch.empty(1) for name, sketch in sketches.items()}
    if layout != _layout(states):
        raise _broken(source, "sketches of another kind or size")
    raw = _inflated(body, sum(state.nbytes for state in states.values()), source)
    start = 0
    for name, state in states.items():
        states[name] = _restored(raw[start : start + state.nbytes], state)
        start += state.nbytes
    return states


def _inflated(body: bytes, size: int, source: str) -> bytes:
    """The body, of which not a byte more is made than there has to be."""
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(body, size + 1)
    except zlib.error as error:
        raise _broken(source, f"a body that does not open ({error})") from error
    if len(raw) != size or not inflater.eof or inflater.unused_data:
        raise _broken(source, "a body of another length")
    return raw


def _layout(states: Mapping[str, State]) -> int:
    words = [f"{name} {state.dtype.newbyteorder('<').str} {state.shape[1:]}" for name, state in states.items()]
    return zlib.crc32("\n".join(words).encode())


def _shuffled(state: State) -> bytes:
    little = np.ascontiguousarray(state.astype(state.dtype.newbyteorder("<"), copy=False))
    return little.reshape(-1).view(np.uint8).reshape(-1, state.dtype.itemsize).T.tobytes()


def _restored(raw: bytes, like: State) -> State:
    columns: npt.NDArray[np.uint8] = np.frombuffer(raw, dtype=np.uint8).reshape(like.dtype.itemsize, -1)
    little = np.ascontiguousarray(columns.T).reshape(-1).view(like.dtype.newbyteorder("<"))
    return np.asarray(little.reshape(like.shape).astype(like.dtype))


def _broken(source: str, found: str) -> StoreError:
    return StoreError(f"{source}: found {found}, expected sketches of version {VERSION}", hint=_HINT)
