"""Tensors of the Open Inference Protocol: their data types, in JSON and in the binary extension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from moatkeeper.core.query import FloatArray

MAX_AXES = 16
MAX_LENGTH = 2**31 - 1
"""Of one axis: what every server's own index can hold."""

_LENGTH_BYTES = 4
_BFLOAT_SHIFT = 16
_LARGEST = {
    "FP16": float(np.finfo(np.float16).max),
    "FP32": float(np.finfo(np.float32).max),
    "FP64": float(np.finfo(np.float64).max),
    "BF16": (2.0 - 2.0**-7) * 2.0**127,
}
"""The largest number of each floating-point type."""


class TensorFault(ValueError):
    """A tensor contradicts itself; whoever reads it knows whether the client or the server is to blame."""


@dataclass(frozen=True, slots=True)
class DataType:
    """One data type: numpy's type of an element on the wire, and whether its numbers are measured or counted.

    ``code`` is None for BYTES, whose elements carry their own length.
    """

    code: np.dtype[np.generic] | None
    real: bool = False


DATA_TYPES: Mapping[str, DataType] = MappingProxyType(
    {
        "BOOL": DataType(np.dtype(np.bool_)),
        "UINT8": DataType(np.dtype("<u1")),
        "UINT16": DataType(np.dtype("<u2")),
        "UINT32": DataType(np.dtype("<u4")),
        "UINT64": DataType(np.dtype("<u8")),
        "INT8": DataType(np.dtype("<i1")),
        "INT16": DataType(np.dtype("<i2")),
        "INT32": DataType(np.dtype("<i4")),
        "INT64": DataType(np.dtype("<i8")),
        "FP16": DataType(np.dtype("<f2"), real=True),
        "FP32": DataType(np.dtype("<f4"), real=True),
        "FP64": DataType(np.dtype("<f8"), real=True),
        "BF16": DataType(np.dtype("<u2"), real=True),  # the upper half of a float32; numpy has no such type
        "BYTES": DataType(None),
    }
)
"""Data types of the protocol by name; all little-endian on the wire."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a tensor says of itself before its data."""

    name: str
    shape: tuple[int, ...]
    datatype: str

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def real(self) -> bool:
        """Whether its elements are floating-point numbers."""
        return DATA_TYPES[self.datatype].real


def signature(tensor: Mapping[str, object]) -> Signature:
    """Name, shape and data type of a tensor; raises TensorFault where one is missing or impossible."""
    name, shape, datatype = tensor.get("name"), tensor.get("shape"), tensor.get("datatype")
    if not isinstance(name, str) or not name:
        raise TensorFault("a tensor has no name")
    if not isinstance(datatype, str) or datatype not in DATA_TYPES:
        raise TensorFault("a tensor has an unknown datatype")
    if not isinstance(shape, list) or len(shape) > MAX_AXES:
        raise TensorFault("a tensor has no shape, or one of too many axes")
    if not all(type(length) is int and 0 <= length <= MAX_LENGTH for length in shape):
        raise TensorFault("a shape must hold whole numbers that are not negative")
    return Signature(name, tuple(shape), datatype)


def flatten(data: object, size: int) -> list[object]:
    """The elements of flat or nested lists in row-major order; raises TensorFault unless there are ``size``."""
    if not isinstance(data, list):
        raise TensorFault("the data of a tensor must be a list")
    depth = 0
    while data and type(data[0]) is list:
        depth += 1
        if depth > MAX_AXES or set(map(type, data)) != {list}:
            raise TensorFault("the data of a tensor is ragged")
        if len(set(map(len, data))) != 1:
            raise TensorFault("the data of a tensor is ragged")
        data = list(chain.from_iterable(data))
    if len(data) != size or list in set(map(type, data)):
        raise TensorFault("the data of a tensor does not fit its shape")
    return data


def decode(raw: bytes, tensor: Signature) -> npt.NDArray[np.generic]:
    """A tensor's numbers from its binary form, in its shape and own type (BF16 as float32).

    Raises TensorFault for another length than shape and type say, and for NaN and infinities.
    """
    code = DATA_TYPES[tensor.datatype].code
    if code is None or len(raw) != tensor.size * code.itemsize:
        raise TensorFault(f"the binary data of tensor {tensor.name!r} does not fit its shape")
    array: npt.NDArray[np.generic] = np.frombuffer(raw, dtype=code)
    if tensor.datatype == "BF16":
        array = (array.astype(np.uint32) << _BFLOAT_SHIFT).view(np.float32)
    if tensor.real and not np.isfinite(array).all():
        raise TensorFault(f"tensor {tensor.name!r} holds NaN or infinities")
    return array.reshape(tensor.shape)


def encode(values: FloatArray, datatype: str) -> bytes:
    """Numbers in the binary form of a floating-point type, each the nearest that the type has; no finite one overflows."""
    code = DATA_TYPES[datatype].code
    if datatype == "BF16":
        return _encode_bfloat(values)
    largest = _LARGEST[datatype]
    return np.clip(values, -largest, largest).astype(code).tobytes()


def _encode_bfloat(values: FloatArray) -> bytes:
    """The upper halves of float32 numbers, rounded half to even."""
    largest = _LARGEST["BF16"]
    bits = np.clip(values, -largest, largest).astype(np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> _BFLOAT_SHIFT) & 1)) >> _BFLOAT_SHIFT
    return rounded.astype("<u2").tobytes()


def split_strings(raw: bytes, size: int) -> list[bytes]:
    """The elements of a BYTES tensor; raises TensorFault unless there are ``size`` that fill ``raw``."""
    elements: list[bytes] = []
    offset = 0
    while offset < len(raw):
        start = offset + _LENGTH_BYTES
        offset = start + int.from_bytes(raw[offset:start], "little")
        if start > len(raw) or offset > len(raw):
            raise TensorFault("a BYTES tensor ends inside an element")
        elements.append(raw[start:offset])
    if len(elements) != size:
        raise TensorFault("the binary data of a BYTES tensor does not fit its shape")
    return elements


def join_strings(elements: Sequence[bytes]) -> bytes:
    """The binary form of a BYTES tensor."""
    return b"".join([len(each).to_bytes(_LENGTH_BYTES, "little") + each for each in elements])


def take_binary(parameters: object, body: bytes, offset: int) -> bytes | None:
    """The binary data of the tensor whose ``parameters`` these are; None where it has none.

    Raises TensorFault for a size that is no whole number or reaches past the end.
    """
    if not isinstance(parameters, Mapping) or "binary_data_size" not in parameters:
        return None
    size = parameters["binary_data_size"]
    if type(size) is not int or not 0 <= size <= len(body) - offset:
        raise TensorFault("binary_data_size does not fit the body")
    return body[offset : offset + size]
