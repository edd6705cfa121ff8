"""Log-probabilities of generated tokens: gone, or capped and rounded, in each of the protocol's three forms."""

from __future__ import annotations

from moatkeeper.core.contract import Contract
from moatkeeper.wire.openai_shapes import DROP, SCALARS, scalar_or

_PLAIN_OR_LIST = scalar_or(SCALARS)


def chat_logprobs(value: object, contract: Contract) -> object:
    """Chat's form, ``{"content": [...], "refusal": [...]}``; null where the contract promises none."""
    if not contract.log_probabilities or not isinstance(value, dict):
        return None
    return {name: _entries(value[name], contract) for name in ("content", "refusal") if name in value}


def completion_logprobs(value: object, contract: Contract) -> object:
    """Completions' form of four parallel lists, or chat's form, which llama.cpp uses here too; null without a promise."""
    if not contract.log_probabilities or not isinstance(value, dict):
        return None
    if "content" in value:
        return chat_logprobs(value, contract)
    kept: dict[str, object] = {}
    for name in ("tokens", "text_offset"):
        if name in value and (plain := SCALARS(value[name], contract)) is not DROP:
            kept[name] = plain
    numbers = value.get("token_logprobs")
    if isinstance(numbers, list):
        kept["token_logprobs"] = [_rounded(number, contract) for number in numbers]
    tops = value.get("top_logprobs")
    if isinstance(tops, list):
        kept["top_logprobs"] = [_best(top, contract) for top in tops]
    return kept


def part_logprobs(value: object, contract: Contract) -> object:
    """The responses' form, a bare list; empty where the contract promises none."""
    if value is None:
        return None
    return _entries(value, contract) if contract.log_probabilities else []


def _entries(value: object, contract: Contract) -> list[object] | None:
    """One entry a token, each with at most the promised alternatives."""
    if not isinstance(value, list):
        return None
    return [_entry(token, contract) for token in value if isinstance(token, dict)]


def _entry(token: dict[str, object], contract: Contract) -> dict[str, object]:
    kept: dict[str, object] = {}
    for name in ("token", "bytes"):
        if name in token and (plain := _PLAIN_OR_LIST(token[name], contract)) is not DROP:
            kept[name] = plain
    if "logprob" in token:
        kept["logprob"] = _rounded(token["logprob"], contract)
    tops = token.get("top_logprobs")
    if isinstance(tops, list):
        kept["top_logprobs"] = [
            _entry(top, contract) for top in tops[: contract.top_log_probabilities] if isinstance(top, dict)
        ]
    return kept


def _best(top: object, contract: Contract) -> object:
    """The most likely of ``{token: log-probability}``, as many as are promised."""
    if not isinstance(top, dict):
        return None
    numbers = [(token, number) for token, number in top.items() if isinstance(number, (int, float))]
    numbers.sort(key=lambda pair: -pair[1])
    return {token: _rounded(number, contract) for token, number in numbers[: contract.top_log_probabilities]}


def _rounded(number: object, contract: Contract) -> object:
    """The number at the promised precision; null for what is not a number, as for a prompt's first token."""
    if not isinstance(number, (int, float)):
        return None
    return number if contract.decimals is None else round(number, contract.decimals)
