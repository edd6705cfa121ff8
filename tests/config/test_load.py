"""Loading: a bad file names file, line, key, what was found and what was expected, for every fault at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatkeeper.config.load import dotted, load, missing_files, parse, read, settings_of
from moatkeeper.config.settings import Settings
from moatkeeper.errors import ConfigError


def faults(text: str, overrides: dict[str, object] | None = None) -> list[str]:
    """The lines of the error that a text gives; none where it is good."""
    try:
        settings_of(parse(text, "moatkeeper.toml"), overrides)
    except ConfigError as error:
        return error.message.splitlines()
    return []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SECTIONS = st.sampled_from([*Settings.model_fields, "nonsense"])
KEYS = st.sampled_from(
    ["port", "url", "shared", "mode", "limits", "contract", "generic", "formats", "override", "free", "jwt", ""]
)


@given(st.dictionaries(st.tuples(SECTIONS, KEYS).map(".".join), VALUES, max_size=4))
def test_arbitrary_values_give_settings_or_a_config_error_and_nothing_else(overrides: dict[str, object]) -> None:
    try:
        load(None, overrides)
    except ConfigError as error:
        wrong = error
    else:
        return
    assert "expected" in wrong.message
    assert wrong.hint


@given(st.text(max_size=40))
def test_arbitrary_text_gives_settings_or_a_config_error_and_nothing_else(text: str) -> None:
    for line in faults(text):
        assert line.startswith("moatkeeper.toml:")


@given(st.integers(0, 30))
def test_the_line_of_a_fault_is_the_line_of_its_key(above: int) -> None:
    assert faults("\n" * above + "server.port = 99999") == [
        f"moatkeeper.toml:{above + 1}: server.port: found 99999, expected a whole number from 0 to 65535"
    ]


def test_a_file_to_check_by_hand() -> None:
    assert faults("""[server]
prot = 9000
body_limit_bytes = "8 MB"
[limits]
mode = "enforced"
shared = [
  { scope = "all", unit = "rows" },
  { scope = "galaxy", unit = "rows", amount = -1 },
]
[identity]
trusted_proxies = ["10.0.0.0/8", "10.0.0.1/8"]
[[routes.override]]
match = "/v1/*"
[tiers.free.contract]
decimals = true
[tires.gold]
""") == [
        "moatkeeper.toml: 10 faults",
        "moatkeeper.toml:2: server.prot: found an unknown key, expected 'port', if that was meant",
        'moatkeeper.toml:3: server.body_limit_bytes: found "8 MB", expected bytes above 0, or a size such as "8 MiB"',
        'moatkeeper.toml:5: limits.mode: found "enforced", expected "shadow" or "enforce"',
        "moatkeeper.toml:7: limits.shared[0].amount: found nothing, expected a number above 0",
        'moatkeeper.toml:8: limits.shared[1].scope: found "galaxy", expected "key", "account", "organisation", "address", '
        '"model" or "all"',
        "moatkeeper.toml:8: limits.shared[1].amount: found -1, expected a number above 0",
        'moatkeeper.toml:11: identity.trusted_proxies[1]: found "10.0.0.1/8", expected a network such as "10.0.0.0/8" or '
        '"fd00::/8", without host bits',
        'moatkeeper.toml:12: routes.override[0].fail: found nothing, expected "open" or "closed"',
        'moatkeeper.toml:15: tiers.free.contract.decimals: found true, expected a whole number from 0 to 15, or "off"',
        "moatkeeper.toml:16: tires: found an unknown key, expected 'tiers', if that was meant",
    ]


def test_several_faults_are_counted_and_one_is_not() -> None:
    assert faults("a = 1\nb = 2")[0] == "moatkeeper.toml: 2 faults"
    assert len(faults("a = 1")) == 1


def test_what_is_not_toml_has_its_line() -> None:
    assert faults("[server]\nport = \n") == ["moatkeeper.toml:2: found invalid value, expected TOML"]
    assert faults("a = [1,\n\n")[0].startswith("moatkeeper.toml:3: found ")
    assert "nested beyond" in faults("a = " + "[" * 100_000)[0]


def test_a_file_that_cannot_be_read_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a readable file"):
        load(tmp_path / "missing.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "binary.toml")


def test_windows_line_ends_count_as_one_line(tmp_path: Path) -> None:
    file = tmp_path / "moatkeeper.toml"
    file.write_bytes(b"[server]\r\n\r\nport = 0.5\r\n")
    with pytest.raises(ConfigError, match=r"toml:3: server\.port"):
        load(file)


def test_an_override_wins_over_the_file_and_the_file_over_the_default() -> None:
    document = parse("[server]\nport = 1\nadmin_port = 2", "moatkeeper.toml")
    server = settings_of(document, {"server.port": 3}).server
    assert (server.port, server.admin_port, server.host) == (3, 2, "127.0.0.1")


def test_a_fault_of_the_command_line_is_not_blamed_on_the_file() -> None:
    found = faults("[server]\nport = 1", {"server.port": 99999})
    assert found == ["command line: server.port: found 99999, expected a whole number from 0 to 65535"]


@pytest.mark.parametrize(
    "text",
    [
        '[upstream]\napi_key = "hunter2"',
        '[upstream]\nauthorization = "hunter2"',
        '[identity]\nclient_secret = "hunter2"',
        '[upstream]\nauthorization_env = "Bearer hunter2"',
        '[upstream]\nurl = "http://me:hunter2@host"',
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(text: str) -> None:
    (found,) = faults(text)
    assert "environment variable" in found or "authorization_env" in found
    assert "hunter2" not in found


def test_a_tier_or_format_that_nobody_declared_is_a_fault_of_its_line() -> None:
    assert faults('[limits]\ndefault_tier = "fre"\n[wire]\nformats = [\n  "tensorflaw",\n]') == [
        "moatkeeper.toml: 2 faults",
        'moatkeeper.toml:2: limits.default_tier: found "fre", expected "free", if that was meant',
        'moatkeeper.toml:5: wire.formats[0]: found "tensorflaw", expected "tensorflow", if that was meant',
    ]


def test_routes_that_contradict_each_other_are_a_fault_of_the_later_one() -> None:
    route = '[[wire.generic]]\nmatch = "POST /score"\ninput = "$.rows"\nlabel = "$.y"\n'
    assert faults(route) == []
    (found,) = faults(route + route)
    assert found.startswith("moatkeeper.toml:5: wire.generic[1]: found 'POST /score' is declared twice")


def test_a_named_file_that_is_missing_is_found_before_the_start(tmp_path: Path) -> None:
    there = tmp_path / "ca.pem"
    there.write_text("")
    document = parse(f'[upstream]\nca_file = "{there}"', "moatkeeper.toml")
    assert missing_files(document, settings_of(document)) is None
    there.unlink()
    problem = missing_files(document, settings_of(document))
    assert problem is not None
    assert problem.message.startswith("moatkeeper.toml:2: upstream.ca_file: found ")


def test_a_name_with_dots_is_quoted_as_toml_would() -> None:
    assert dotted(("models", "gpt-4.1", "price")) == 'models."gpt-4.1".price'


def test_without_a_file_the_defaults_apply() -> None:
    assert load() == Settings()


def test_a_document_keeps_the_lines_of_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "moatkeeper.toml"
    file.write_text("[server]\n\nport = 1\n")
    document = read(file)
    assert document.line(("server", "port")) == 3
    assert document.line(("server", "host")) == 1  # the nearest table around it
    assert document.line(("limits",)) == 0
