from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.contract import Contract
from moatkeeper.wire.base import Message, Purpose, Route
from moatkeeper.wire.plain import Plain


@given(st.binary(max_size=50))
def test_what_reveals_no_answer_passes_byte_for_byte(body: bytes) -> None:
    codec = Plain()
    asked = codec.read(Route("kserve", "health", Purpose.PLAIN, "m"), Message((), b""))
    assert (asked.model, asked.inputs.rows) == ("m", 0)
    assert codec.forward(asked, Contract()).body is None
    given_ = codec.answer(asked, Message((), body, 200))
    assert codec.deliver(given_, given_.answer, Contract()).body is None
