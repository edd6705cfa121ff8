"""The error tree: drawn as it is, and telling clients and operators different things."""

from __future__ import annotations

import re

import pytest

from moatkeeper import errors
from moatkeeper.errors import MoatkeeperError, RequestError, UpstreamError

ERRORS = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, MoatkeeperError)]


def drawn() -> dict[str, tuple[int, str]]:
    """The tree in the module's first lines: depth and code by name."""
    tree = (errors.__doc__ or "").split("\n\n")[1]
    lines = re.findall(r"^([│├└─ ]*)(\w+)( +(?:exit +)?\d+)?", tree, re.MULTILINE)
    return {name: (len(branch) // 4, re.sub(r"\D", "", code)) for branch, name, code in lines}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_the_drawing_shows_where_an_error_stands_and_its_code(error: type[MoatkeeperError]) -> None:
    depth, code = drawn()[error.__name__]
    assert depth == len(error.__mro__) - len(MoatkeeperError.__mro__)
    if code:
        assert int(code) == (error.status if issubclass(error, RequestError | UpstreamError) else error.exit_code)


def test_nothing_is_drawn_that_does_not_exist() -> None:
    assert set(drawn()) == {error.__name__ for error in ERRORS}


def test_an_error_carries_its_message_and_its_hint_apart() -> None:
    error = MoatkeeperError("found this", hint="do that")
    assert (str(error), error.message, error.hint) == ("found this", "found this", "do that")


def test_a_refusal_is_a_clients_status_and_an_upstream_failure_is_ours() -> None:
    assert all(400 <= error.status < 500 or error.status == 503 for error in ERRORS if issubclass(error, RequestError))
    assert all(error.status >= 500 for error in ERRORS if issubclass(error, UpstreamError))
