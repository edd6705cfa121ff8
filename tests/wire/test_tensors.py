"""Binary tensors: our bytes are the official client's bytes, both ways."""

from __future__ import annotations

import numpy as np
import pytest
import tritonclient.http as triton
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tritonclient.utils import deserialize_bytes_tensor

from moatkeeper.wire.tensors import (
    DATA_TYPES,
    Signature,
    TensorFault,
    decode,
    encode,
    flatten,
    join_strings,
    signature,
    split_strings,
)

NUMPY_TYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}
shapes = arrays.array_shapes(max_dims=3, max_side=4)


@pytest.mark.parametrize("datatype", NUMPY_TYPES)
@given(data=st.data())
def test_what_tritonclient_writes_is_what_we_read(datatype: str, data: st.DataObject) -> None:
    elements = {"allow_nan": False, "allow_infinity": False} if datatype.startswith("FP") else {}
    array = data.draw(arrays.arrays(NUMPY_TYPES[datatype], shapes, elements=elements or None))
    tensor = triton.InferInput("x", list(array.shape), datatype)
    tensor.set_data_from_numpy(array)
    raw = tensor._get_binary_data()
    assert np.array_equal(decode(raw, Signature("x", array.shape, datatype)), array)


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "BF16"])
@given(data=st.data())
def test_numbers_survive_being_encoded_and_decoded(datatype: str, data: st.DataObject) -> None:
    raw = data.draw(st.binary(min_size=8, max_size=64).map(lambda each: each[: len(each) // 8 * 8]))
    code = DATA_TYPES[datatype].code
    assert code is not None
    described = Signature("x", (len(raw) // code.itemsize,), datatype)
    try:
        numbers = decode(raw, described)
    except TensorFault:
        return  # NaN or infinities were drawn
    assert encode(numbers.astype(np.float64), datatype) == raw


@given(st.lists(st.binary(max_size=6), max_size=6))
def test_byte_strings_survive_and_are_read_alike_by_tritonclient(elements: list[bytes]) -> None:
    raw = join_strings(elements)
    assert split_strings(raw, len(elements)) == elements
    assert list(deserialize_bytes_tensor(raw)) == elements


@given(st.binary(max_size=30), st.integers(0, 4))
def test_arbitrary_bytes_are_strings_or_a_fault(raw: bytes, size: int) -> None:
    try:
        elements = split_strings(raw, size)
    except TensorFault:
        return
    assert join_strings(elements) == raw


def test_bfloat_is_the_upper_half_of_a_float32_rounded_half_to_even() -> None:
    # 1.0 is 3F80 0000; one step of bfloat16 above 1 is 2^-7, so half a step is 2^-8 and a tie.
    values = np.array([1.0, 1.0 + 2**-8, 1.0 + 3 * 2**-8, -2.0])
    assert encode(values, "BF16") == bytes.fromhex("803f 803f 823f 00c0")


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "BF16"])
def test_a_number_too_large_for_its_type_becomes_the_largest_that_fits(datatype: str) -> None:
    (largest,) = decode(encode(np.array([1e300]), datatype), Signature("x", (1,), datatype))
    assert np.isfinite(largest)


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinities_are_faults(datatype: str, value: float) -> None:
    with pytest.raises(TensorFault):
        decode(np.array([value], dtype=DATA_TYPES[datatype].code).tobytes(), Signature("x", (1,), datatype))


@pytest.mark.parametrize(("datatype", "raw"), [("FP16", "017c"), ("FP32", "0100807f"), ("BF16", "817f")])
def test_a_signalling_nan_is_a_fault_like_any_other(datatype: str, raw: str) -> None:
    with pytest.raises(TensorFault):
        decode(bytes.fromhex(raw), Signature("x", (1,), datatype))


def test_nested_and_flat_data_are_the_same_elements() -> None:
    assert flatten([[1, 2], [3, 4]], 4) == flatten([1, 2, 3, 4], 4) == [1, 2, 3, 4]


@pytest.mark.parametrize("data", [[[1, 2], [3]], [[1], 2], [1, [2]], [1], "12", None, {"a": 1}])
def test_data_that_does_not_fit_its_shape_is_a_fault(data: object) -> None:
    with pytest.raises(TensorFault):
        flatten(data, 2 if data != [1] else 3)


@pytest.mark.parametrize(
    "tensor",
    [
        {"name": "x", "shape": [-1, 2], "datatype": "FP32"},
        {"name": "x", "shape": [True], "datatype": "FP32"},
        {"name": "x", "shape": [2.0], "datatype": "FP32"},
        {"name": "x", "shape": [2**40], "datatype": "FP32"},
        {"name": "x", "shape": [1] * 20, "datatype": "FP32"},
        {"name": "x", "shape": 2, "datatype": "FP32"},
        {"name": "x", "shape": [2], "datatype": "FP128"},
        {"name": "", "shape": [2], "datatype": "FP32"},
        {"shape": [2], "datatype": "FP32"},
    ],
)
def test_an_impossible_signature_is_a_fault(tensor: dict[str, object]) -> None:
    with pytest.raises(TensorFault):
        signature(tensor)
