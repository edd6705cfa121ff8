"""Any other JSON API: what is declared leaves, minimised; all the rest of the answer stays behind."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.contract import FULL_OUTPUT, Contract
from moatkeeper.core.query import InputKind
from moatkeeper.errors import ConfigError, MalformedRequest, MethodRefused, UnexpectedAnswer
from moatkeeper.outputs.least import LeastOutput
from moatkeeper.wire.base import Asked, Message, WireFormat
from moatkeeper.wire.generic import GenericRoute, build
from moatkeeper.wire.generic_paths import ABSENT, find, parse_path, replace, tree_of


def _format(**fields: object) -> WireFormat:
    declared: dict[str, object] = {"match": "POST /score", "input": "$.x", **fields}
    return build([GenericRoute(**declared)])  # type: ignore[arg-type]


def _read(wire: WireFormat, document: object, path: str = "/score") -> Asked:
    route = wire.match("POST", path)
    assert route is not None
    return wire.codec(route).read(route, Message((), orjson.dumps(document)))


def _released(wire: WireFormat, request: object, answer: object, contract: Contract) -> object:
    asked = _read(wire, request)
    codec = wire.codec(asked.route)
    answered = codec.answer(asked, Message((), orjson.dumps(answer), 200))
    body = codec.deliver(answered, LeastOutput().release(answered.answer, contract), contract).body
    assert body is not None
    return orjson.loads(body)


ANSWER = {
    "label": "cat",
    "probs": [0.1234, 0.8766],
    "vec": [3.0, 4.0],
    "value": 12.345678,
    "id": 7,
    "debug": {"logits": [1.234567, 2.345678]},
}


def test_only_what_is_declared_leaves_and_that_minimised() -> None:
    wire = _format(label="$.label", scores="$.probs[*]", values="$.value", keep=("$.id",))
    assert _released(wire, {"x": [1.0]}, ANSWER, Contract()) == {"label": "cat", "probs": [0.12, 0.88], "value": 12.35, "id": 7}


def test_an_output_that_the_contract_does_not_declare_stays_behind() -> None:
    wire = _format(label="$.label", scores="$.probs")
    assert _released(wire, {"x": [1.0]}, ANSWER, Contract(outputs=frozenset({"label"}))) == {"label": "cat"}
    assert _released(wire, {"x": [1.0]}, ANSWER, Contract(outputs=frozenset())) == {}


def test_an_embedding_may_come_out_shorter() -> None:
    wire = _format(embedding="$.vec")
    released = _released(wire, {"x": "text"}, ANSWER, Contract(embedding_dimensions=1, embedding_bits=None))
    assert released == {"vec": [5.0]}


def test_scores_in_an_object_of_names_keep_their_names() -> None:
    wire = _format(scores="$.p")
    assert _released(wire, {"x": [1.0]}, {"p": {"cat": 0.1234, "dog": 0.8766}}, Contract()) == {"p": {"cat": 0.12, "dog": 0.88}}


def test_a_batch_of_objects_is_minimised_row_by_row() -> None:
    wire = build([GenericRoute("POST /score", input="$.rows[*]", label="$.out[*].label", scores="$.out[*].p")])
    answer = {"out": [{"label": "a", "p": [0.1234, 0.8766], "z": 1.5}, {"label": "b", "p": [0.5, 0.5]}]}
    released = _released(wire, {"rows": [[1.0], [2.0]]}, answer, Contract())
    assert released == {"out": [{"label": "a", "p": [0.12, 0.88]}, {"label": "b", "p": [0.5, 0.5]}]}


def test_a_lone_number_stays_a_lone_number() -> None:
    assert _released(_format(scores="$.p"), {"x": [1.0]}, {"p": 0.98765}, Contract()) == {"p": 0.99}


def test_a_whole_document_may_be_the_output() -> None:
    assert _released(_format(scores="$"), {"x": [1.0]}, [0.1234, 0.8766], Contract()) == [0.12, 0.88]
    assert _released(_format(scores="$"), {"x": [1.0]}, [0.1234, 0.8766], Contract(outputs=frozenset())) == {}


@pytest.mark.parametrize(
    ("path", "value", "kind", "rows"),
    [
        ("$.x", [1.0, 2.0], InputKind.NUMBERS, 1),
        ("$.x", [[1.0], [2.0]], InputKind.NUMBERS, 2),
        ("$.x[*]", [1.0, 2.0], InputKind.NUMBERS, 2),
        ("$.x", "text", InputKind.TEXTS, 1),
        ("$.x", ["a", "b", "c"], InputKind.TEXTS, 3),
        ("$.x", {"a": 1}, InputKind.RECORDS, 1),
        ("$.x", [{"a": 1}, {"a": 2}], InputKind.RECORDS, 2),
        ("$.x", True, InputKind.OPAQUE, 0),
    ],
)
def test_rows_are_counted_under_the_inputs_path(path: str, value: object, kind: InputKind, rows: int) -> None:
    inputs = _read(_format(input=path, scores="$.p"), {"x": value}).inputs
    assert inputs.rows == (rows or 1)
    assert inputs.kind in (kind, InputKind.NUMBERS)


@pytest.mark.parametrize("document", [{}, [], {"x": None}, {"x": []}, {"x": [[]] * 2 + [[1]]}, 7, {"y": [1.0]}])
def test_a_request_without_its_input_is_malformed(document: object) -> None:
    with pytest.raises(MalformedRequest):
        _read(_format(scores="$.p"), document)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"p": None},
        {"p": "high"},
        {"p": [0.5, "a"]},
        {"p": [[0.5], [0.5, 0.5]]},
        {"p": {"a": [0.5]}},
        {"p": [[0.5]] * 2},
    ],
)
def test_an_answer_without_proper_outputs_is_unexpected(answer: object) -> None:
    with pytest.raises(UnexpectedAnswer):
        _released(_format(scores="$.p"), {"x": [[1.0]]}, answer, Contract())


def test_a_label_with_a_fraction_is_no_label() -> None:
    wire = _format(label="$.label")
    assert _released(wire, {"x": [1.0]}, {"label": 1.0}, Contract()) == {"label": 1.0}
    for label in (0.98765, {"p": 0.98765}, [[0.98765]]):
        with pytest.raises(UnexpectedAnswer):
            _released(wire, {"x": [1.0]}, {"label": label}, Contract())


def test_path_parameters_match_one_segment_and_name_the_model() -> None:
    wire = build([GenericRoute("POST /score/{model}/v/{any}", input="$.x", scores="$.p")])
    route = wire.match("POST", "/score/fraud/v/7")
    assert route is not None
    assert route.model == "fraud"
    assert wire.match("POST", "/score/fraud/v") is None
    assert wire.match("POST", "/score/fraud/v/7/8") is None
    assert wire.match("POST", "/score/../v/7") is None
    with pytest.raises(MethodRefused):
        wire.match("GET", "/score/fraud/v/7")


@pytest.mark.parametrize(
    "fields",
    [
        {"match": "GET /score", "scores": "$.p"},
        {"match": "/score", "scores": "$.p"},
        {"match": "POST /score/", "scores": "$.p"},
        {"match": "POST /score?x=1", "scores": "$.p"},
        {"match": "POST /a/../b", "scores": "$.p"},
        {"scores": "p"},
        {"scores": "$..p"},
        {"scores": "$.p[-1]"},
        {"scores": "$.p[*"},
        {"scores": "$.p[?(@.x)]"},
        {},
        {"scores": "$.p", "keep": ("$",)},
        {"scores": "$.p", "keep": ("$.p",)},
        {"scores": "$.a[*].p", "keep": ("$.a[0]",)},
        {"scores": "$.a[0].p", "values": "$.a[*].p[0]"},
    ],
)
def test_a_route_that_contradicts_itself_stops_the_start(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        _format(**fields)
    assert caught.value.hint


def test_two_routes_of_one_path_stop_the_start() -> None:
    with pytest.raises(ConfigError):
        build([GenericRoute("POST /score", input="$.x", scores="$.p")] * 2)


_values = st.recursive(
    st.none() | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
_paths = st.lists(st.sampled_from([".a", ".b", ".c", "[*]", "[0]", "[1]"]), max_size=4).map(lambda steps: "$" + "".join(steps))


@given(_values, _paths)
def test_what_is_found_can_be_replaced_by_itself(document: object, text: str) -> None:
    steps = parse_path(text).steps
    found = find(document, steps)
    if found is not ABSENT:
        assert replace(document, steps, found) == document


@given(_values, st.lists(_paths, max_size=3))
def test_what_is_kept_is_found_as_before_and_nothing_is_invented(document: object, texts: list[str]) -> None:
    paths = [parse_path(text).steps for text in texts]
    kept = tree_of(paths).keep(document)
    for steps in paths:
        assert find(kept, steps) == find(document, steps) or find(document, steps) is ABSENT
    assert len(orjson.dumps(None if kept is ABSENT else kept)) <= 6 * len(orjson.dumps(document))


def test_nothing_that_is_not_kept_survives() -> None:
    document = {"a": [{"b": 1, "c": 2}, {"b": 3, "c": 4}], "d": 5}
    assert tree_of([parse_path("$.a[*].b").steps]).keep(document) == {"a": [{"b": 1}, {"b": 3}]}
    assert tree_of([parse_path("$.a[1].c").steps]).keep(document) == {"a": [None, {"c": 4}]}
    assert tree_of([parse_path("$.a[1].c").steps, parse_path("$.a[*].b").steps]).keep(document) == {
        "a": [{"b": 1}, {"b": 3, "c": 4}]
    }
    assert tree_of([]).keep(document) == {}


def test_what_is_forwarded_is_the_document_that_was_read() -> None:
    wire = _format(scores="$.p")
    route = wire.match("POST", "/score")
    assert route is not None
    asked = wire.codec(route).read(route, Message((), b'{"x": [[1.0],[2.0]], "x": [3.0]}'))
    assert wire.codec(route).forward(asked, FULL_OUTPUT).body == b'{"x":[3.0]}'
