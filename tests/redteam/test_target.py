from __future__ import annotations

import pytest

from moatkeeper.errors import UsageError
from moatkeeper.redteam.client import PredictClient
from moatkeeper.redteam.target import check_target, is_here, place_of


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://127.8.9.1", "http://localhost:1", "http://LOCALHOST", "https://[::1]:8443/base"]
)
def test_this_machine_may_be_attacked(url: str) -> None:
    check_target(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://localhost.example.com",
        "http://10.0.0.1:8000",
        "http://128.0.0.1",
        "http://0.0.0.0:8000",
        "http://127.1",
        "http://2130706433",
        "http://[::ffff:10.0.0.1]",
        "http://[2001:db8::1]",
        "ftp://127.0.0.1",
        "127.0.0.1:8000",
        "http://",
        "",
    ],
)
def test_every_other_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        check_target(url)


def test_a_written_statement_opens_the_host_that_it_names_and_no_other() -> None:
    statement = "I own models.example.com, and may test it. J. Doe"
    check_target("https://models.example.com", statement)
    for other in ("https://example.com", "https://models.example.com.evil.test", "https://evil.test"):
        with pytest.raises(UsageError):
            check_target(other, statement)


@pytest.mark.parametrize("statement", ["", "yes", "I own everything"])
def test_a_statement_that_names_no_host_opens_nothing(statement: str) -> None:
    with pytest.raises(UsageError):
        check_target("http://example.com", statement)


def test_the_client_of_every_attack_checks_its_target() -> None:
    with pytest.raises(UsageError):
        PredictClient("http://example.com", "credit")


def test_an_address_is_told_without_what_may_be_secret_in_it() -> None:
    assert place_of("https://user:secret@models.example.com:8443/base?key=secret#x") == "https://models.example.com:8443/base"
    assert place_of("http://[::1]:80/") == "http://[::1]:80/"


def test_only_loopback_is_here() -> None:
    assert is_here("http://127.0.0.1:1")
    assert not is_here("http://models.example.com")
