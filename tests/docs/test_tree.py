"""The tree of tests mirrors the tree of the source: who looks for a module's tests finds them where the module's name says."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src/moatkeeper"
TESTS = ROOT / "tests"

_PROTOCOLS = "protocols and plain values; what they promise is tested where they are implemented, and in tests/contracts"
_REGISTRY = "a table, over which the laws in tests/contracts run"
_VALUES = "values without behaviour"
_FILES = "one kind of model file; all kinds are tested together in tests/redteam/targets/test_files.py"
_LOGS = "one form of log; all forms are tested together in tests/store/logs/test_registry.py"
_READING = "a step of reading logs; all steps are tested together in tests/store/logs/test_gather.py"
EXEMPT = {
    "__main__.py": "run in tests/cli/test_main.py",
    "core/answer.py": _VALUES,
    "core/contract.py": _VALUES,
    "core/exchange.py": _VALUES,
    "core/judgement.py": _VALUES,
    "guard/memory.py": _PROTOCOLS,
    "guard/policy.py": _VALUES,
    "hunt/findings.py": _VALUES,
    "hunt/looking.py": "a step of the hunt: tests/hunt/test_hunt.py",
    "limits/base.py": _PROTOCOLS,
    "outputs/base.py": _PROTOCOLS,
    "patterns/base.py": _PROTOCOLS,
    "patterns/cases.py": "what the watch keeps: tests/patterns/test_watch.py",
    "patterns/columns.py": "the encoder's tables: tests/patterns/test_encoder.py",
    "patterns/finding.py": _VALUES,
    "patterns/registry.py": _REGISTRY,
    "patterns/rows.py": _VALUES,
    "redteam/base.py": _PROTOCOLS,
    "redteam/cards.py": _VALUES,
    "redteam/adaptive/registry.py": _REGISTRY,
    "redteam/registry.py": _REGISTRY,
    "redteam/targets/onnx_file.py": _FILES,
    "redteam/targets/sklearn_file.py": _FILES,
    "redteam/targets/torch_file.py": _FILES,
    "store/logs/access.py": _LOGS,
    "store/logs/base.py": _PROTOCOLS,
    "store/logs/engine.py": _READING,
    "store/logs/envoy.py": _LOGS,
    "store/logs/faults.py": _READING,
    "store/logs/inference_table.py": _LOGS,
    "store/logs/kserve.py": _LOGS,
    "store/logs/litellm.py": _LOGS,
    "store/logs/nginx.py": _LOGS,
    "store/logs/parts.py": _READING,
    "store/logs/payloads.py": _LOGS,
    "store/logs/piece_reader.py": _READING,
    "store/logs/typed.py": _READING,
    "store/logs/typed_reader.py": _READING,
    "serve/desk.py": "the gateway's steps: tests/serve/test_gateway.py, and on both roads tests/serve/test_straight.py",
    "serve/plain.py": "a road of the gateway's: tests/serve/test_gateway.py",
    "serve/streams.py": "a road of the gateway's: tests/e2e/test_openai_client.py",
    "serve/turn.py": "half of a connection: tests/serve/test_protocol.py",
    "serve/visit.py": _VALUES,
    "sketch/base.py": _PROTOCOLS,
    "sketch/registry.py": _REGISTRY,
}
"""Modules without tests of their own, and why."""

MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if path.name != "__init__.py")


def homes(module: str) -> list[str]:
    """Where the tests of a module may be: under its name, or under that of the module which it is a part of.

    ``wire/openai_stream.py`` is a part of ``wire/openai.py``, so both ``test_openai_stream.py`` and ``test_openai.py`` do.
    """
    path = Path(module)
    words = path.stem.split("_")
    return [f"{path.parent.as_posix()}/test_{'_'.join(words[:length])}.py" for length in range(len(words), 0, -1)]


def has_tests(module: str) -> bool:
    """Whether a module has tests at one of its homes."""
    return any((TESTS / home).is_file() for home in homes(module))


@pytest.mark.parametrize("module", [module for module in MODULES if module not in EXEMPT])
def test_every_module_has_tests_where_its_name_says(module: str) -> None:
    assert has_tests(module), f"expected tests/{homes(module)[0]}, or a reason in EXEMPT"


def test_no_exemption_outlives_its_reason() -> None:
    assert [module for module in EXEMPT if module not in MODULES or has_tests(module)] == []


def test_a_module_without_tests_would_be_found() -> None:
    assert homes("wire/openai_stream.py") == ["wire/test_openai_stream.py", "wire/test_openai.py"]
    assert has_tests("guard/guard.py")
    assert not has_tests("guard/nonsense.py")
