"""Lists and states of models in the three protocols that share their paths: names and states leave, architectures do not."""

from __future__ import annotations

import orjson
import pytest

from moatkeeper.core.contract import Contract
from moatkeeper.errors import UnexpectedAnswer
from moatkeeper.wire.base import Message
from moatkeeper.wire.tensorflow import TensorFlow

JSON = ((b"content-type", b"application/json"),)
STATE = {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}


def released(path: str, body: bytes) -> object:
    """What leaves of a server's answer at ``path``."""
    tensorflow = TensorFlow()
    route = tensorflow.match("GET", path)
    assert route is not None
    codec = tensorflow.codec(route)
    asked = codec.read(route, Message((), b""))
    given = codec.answer(asked, Message(JSON, body, 200))
    out = codec.deliver(given, given.answer, Contract())
    assert out.body is not None
    return orjson.loads(out.body)


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/v1/models/m", {"model_version_status": [STATE]}),
        ("/v1/models/m/versions/3", {"model_version_status": [STATE]}),
        ("/v1/models", {"models": ["a", "b"]}),
        ("/v1/models/m", {"name": "m", "ready": True}),
        ("/v1/models", {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "us"}]}),
    ],
)
def test_what_each_protocol_says_of_its_models_leaves_whole(path: str, document: object) -> None:
    assert released(path, orjson.dumps(document)) == document


def test_what_servers_add_about_a_models_insides_stays_behind() -> None:
    card = {"id": "m", "object": "model", "root": "/models/m", "permission": [], "meta": {"n_params": 134515008, "n_embd": 576}}
    shown = {"id": "m", "object": "model"}
    assert released("/v1/models", orjson.dumps({"object": "list", "data": [card], "models": [card]})) == {
        "object": "list",
        "data": [shown],
        "models": [{}],
    }
    assert released("/v1/models/m", orjson.dumps(card)) == shown
    assert released("/v1/models/m", orjson.dumps({"name": "m", "metadata": {"signature_def": {}}})) == {"name": "m"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"1"])
def test_an_answer_of_another_form_does_not_leave(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        released("/v1/models", body)
