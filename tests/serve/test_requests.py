from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.core.caller import Account, Basis, Caller
from moatkeeper.serve.identify import CREDENTIALS, Identity
from moatkeeper.serve.requests import PASSED_PARAMETERS, PASSED_REQUEST_HEADERS, ForwardedRequests, QueryIds
from moatkeeper.wire.base import Headers

CALLER = Caller(Account("acme"), "", "192.0.2.1", Basis.BEARER)
FOREIGN = Identity(CALLER, consumed=False)
OURS = Identity(CALLER, consumed=True)
OURS_TO_SET = frozenset({b"accept-encoding", b"authorization"})

STRANGERS = frozenset({b"cookie", b"accept-encoding", b"transfer-encoding", b"connection", b"host", b"content-length"})

names = st.sampled_from(sorted(PASSED_REQUEST_HEADERS | CREDENTIALS | STRANGERS)) | st.text(
    string.ascii_lowercase + "-", min_size=1, max_size=12
).map(str.encode)
fields = st.lists(st.tuples(names, st.text(string.ascii_letters, min_size=1, max_size=8).map(str.encode)), max_size=12).map(
    tuple
)


@given(fields, st.booleans(), st.none() | st.just(b"Bearer operator"))
def test_no_header_outside_the_list_is_ever_forwarded(headers: Headers, consumed: bool, operator: bytes | None) -> None:
    identity = OURS if consumed else FOREIGN
    sent = ForwardedRequests(operator).headers(headers, {}, identity)
    passes = not consumed and operator is None
    allowed = PASSED_REQUEST_HEADERS | OURS_TO_SET | (CREDENTIALS if passes else frozenset())
    assert {name for name, _ in sent} <= allowed
    assert [value for name, value in sent if name == b"accept-encoding"] == [b"identity"]
    credentials = [pair for pair in sent if pair[0] in CREDENTIALS]
    if operator is not None:
        assert credentials == [(b"authorization", operator)]
    elif consumed:
        assert credentials == []
    else:
        assert credentials == [pair for pair in headers if pair[0] in CREDENTIALS]


@given(fields, st.none() | st.just(b"Bearer operator"))
def test_health_and_metadata_are_asked_for_with_nobodys_credential_but_the_operators(
    headers: Headers, operator: bytes | None
) -> None:
    sent = ForwardedRequests(operator).plain_headers(headers)
    assert {name for name, _ in sent} <= {b"accept", b"user-agent"} | OURS_TO_SET
    assert [value for name, value in sent if name == b"authorization"] == ([operator] if operator else [])


@pytest.mark.parametrize("field", [b"authorization", b"x-api-key", b"api-key"])
@pytest.mark.parametrize("scheme", [b"", b"Bearer ", b"bearer  "])
def test_a_key_of_ours_stays_behind_even_where_a_proxy_named_the_account(field: bytes, scheme: bytes) -> None:
    assert ForwardedRequests().headers(((field, scheme + b"mk_abc_secret"),), {}, FOREIGN) == [
        (b"accept-encoding", b"identity")
    ]


def test_a_foreign_credential_reaches_its_own_server_and_the_operators_replaces_it() -> None:
    presented: Headers = ((b"authorization", b"Bearer theirs"), (b"accept", b"*/*"))
    kept = [(b"accept", b"*/*"), (b"accept-encoding", b"identity")]
    assert ForwardedRequests().headers(presented, {}, FOREIGN) == [presented[0], *kept]
    assert ForwardedRequests(b"Bearer ours").headers(presented, {}, FOREIGN) == [*kept, (b"authorization", b"Bearer ours")]


def test_a_formats_changes_replace_and_remove_fields() -> None:
    headers: Headers = ((b"accept", b"text/html"), (b"inference-header-content-length", b"9"))
    changes = {b"accept": b"application/json", b"inference-header-content-length": None}
    sent = ForwardedRequests().headers(headers, changes, FOREIGN)
    assert sent == [(b"accept", b"application/json"), (b"accept-encoding", b"identity")]


def target(query: str, path: str = "/v1/m") -> bytes:
    return ForwardedRequests().target(path, query.encode("latin-1"))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*sorted(PASSED_PARAMETERS), "debug", "include[]", "logprobs"]),
            st.text(st.characters(codec="latin-1"), max_size=6),
        ),
        max_size=5,
    )
)
def test_no_query_parameter_outside_the_list_ever_passes(pairs: list[tuple[str, str]]) -> None:
    path, _, query = target("&".join(f"{name}={value}" for name, value in pairs)).partition(b"?")
    assert path == b"/v1/m"
    for pair in query.decode("ascii").split("&") if query else []:
        name, _, value = pair.partition("=")
        assert name in PASSED_PARAMETERS
        assert all(letter in string.ascii_letters + string.digits + "_.-" for letter in value)


def test_a_path_goes_on_as_it_came_with_the_parameters_that_may_pass() -> None:
    assert target("") == b"/v1/m"
    assert target("debug=1") == b"/v1/m"
    assert target("api-version=2024-02-01&debug=1&stream=true", "/v1/a%2Fb") == b"/v1/a%2Fb?api-version=2024-02-01&stream=true"
    for trick in ("stream=1;debug=1", "stream=1%26debug=1", "stream=1#x", "stream=1\n", "STREAM=1", "stream"):
        assert target(trick) == b"/v1/m"


def test_identifiers_are_sixteen_hexadecimal_digits_and_none_comes_twice() -> None:
    one, other = QueryIds(), QueryIds()
    drawn = [ids.next() for ids in (one, other) for _ in range(1500)]
    assert len(set(drawn)) == 3000
    assert all(len(name) == 16 and set(name) <= set("0123456789abcdef") for name in drawn)
