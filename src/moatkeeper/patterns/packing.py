"""Frozen values as bytes and back, without code in them: arrays as numpy stores them, all else JSON, and a digest."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256
from typing import TypeVar
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from moatkeeper.errors import CalibrationError

T = TypeVar("T")

MAGIC = b"moatkeeper-calibration\n"
VERSION = 1
LARGEST = 512 * 1024 * 1024
"""Bytes a file may have: a calibration with a million accounts."""
_DIGEST_BYTES = 32
_HINT = "write it again with `moatkeeper calibrate`, or restore a copy"

_CLASSES: dict[str, type] = {}

_Arrays = dict[str, npt.NDArray[np.generic]]


def packable(value: type[T]) -> type[T]:
    """Lets a frozen dataclass or an enumeration be packed, under its name."""
    _CLASSES[value.__name__] = value
    return value


def pack(value: object) -> bytes:
    """A packable value as bytes. ``TypeError`` for one that is not made of packable parts."""
    arrays: _Arrays = {}
    tree = json.dumps(_plain(value, arrays), allow_nan=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, tree=np.frombuffer(tree.encode(), dtype=np.uint8), **arrays)  # type: ignore[arg-type]
    body = bytes([VERSION]) + buffer.getvalue()
    return MAGIC + sha256(body).digest() + body


def digest(value: object) -> str:
    """A name for a packable value by what it holds, in hexadecimal: the same whatever compresses its file."""
    arrays: _Arrays = {}
    found = sha256(json.dumps(_plain(value, arrays), allow_nan=True).encode())
    for array in arrays.values():
        found.update(f"{array.dtype.newbyteorder('<').str} {array.shape}".encode())
        found.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return found.hexdigest()


def unpack(content: bytes, kind: type[T], source: str) -> T:
    """The value; raises CalibrationError that names ``source`` for anything but what ``pack`` wrote."""
    head = len(MAGIC) + _DIGEST_BYTES
    if not content.startswith(MAGIC) or len(content) > LARGEST:
        raise _broken(source, f"{len(content)} bytes that are no calibration")
    body = content[head:]
    if sha256(body).digest() != content[len(MAGIC) : head]:
        raise _broken(source, "a damaged file: its digest is not that of its content")
    if not body or body[0] != VERSION:
        raise _broken(source, f"version {body[0]}" if body else "no content")
    try:
        with np.load(io.BytesIO(body[1:]), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        value = _value(json.loads(arrays.pop("tree").tobytes()), arrays)
    except (ValueError, KeyError, TypeError, BadZipFile, EOFError) as error:
        raise _broken(source, f"a content that makes no sense ({error})") from error
    if not isinstance(value, kind):
        raise _broken(source, f"a {type(value).__name__}")
    return value


def _broken(source: str, found: str) -> CalibrationError:
    return CalibrationError(f"{source}: found {found}, expected a calibration of version {VERSION}", hint=_HINT)


def _plain(value: object, arrays: _Arrays) -> object:
    if value is None or (isinstance(value, bool | int | float | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, tuple):
        return [_plain(part, arrays) for part in value]
    if isinstance(value, Mapping):
        return {"map": [[_plain(key, arrays), _plain(part, arrays)] for key, part in value.items()]}
    name = type(value).__name__
    if _CLASSES.get(name) is not type(value):
        raise TypeError(f"{type(value).__name__} cannot be packed: it is not marked as packable")
    if isinstance(value, Enum):
        return {"type": name, "value": value.value}
    if not is_dataclass(value):
        raise TypeError(f"{name} cannot be packed: it is no dataclass")
    return {"type": name, "fields": {part.name: _plain(getattr(value, part.name), arrays) for part in fields(value)}}


def _value(tree: object, arrays: Mapping[str, npt.NDArray[np.generic]]) -> object:
    if isinstance(tree, list):
        return tuple(_value(part, arrays) for part in tree)
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]]
    if "map" in tree:
        return {_value(key, arrays): _value(part, arrays) for key, part in tree["map"]}
    kind: Callable[..., object] = _CLASSES[tree["type"]]
    if "value" in tree:
        return kind(tree["value"])
    return kind(**{name: _value(part, arrays) for name, part in tree["fields"].items()})
