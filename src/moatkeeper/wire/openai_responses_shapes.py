"""What may leave in a response, in its items and in the events of its stream; everything unnamed stays behind.

Not named, and so gone: ``encrypted_content`` (state of the server's that only the server should have), moderation scores,
vLLM's ``input_messages`` and ``output_messages`` (rendered prompts and token ids), ``kv_transfer_params``, and every item and
event of a type that is not listed.
"""

from __future__ import annotations

from collections.abc import Mapping

from moatkeeper.core.contract import Contract
from moatkeeper.wire.openai_logprobs import part_logprobs
from moatkeeper.wire.openai_shapes import (
    DROP,
    SCALARS,
    Shape,
    anything,
    by_type,
    complaint,
    each,
    flat,
    record,
    scalar,
    scalar_or,
    scalars,
)

_CITATION = record(
    scalars("type file_id filename index container_id start_index end_index title url"),
)
_TEXT: Mapping[str, Shape] = {
    "type": scalar,
    "text": scalar,
    "annotations": each(_CITATION),
    "logprobs": part_logprobs,
}
_PART = by_type(
    {
        "output_text": record(_TEXT),
        "refusal": record(scalars("type refusal")),
        "reasoning_text": record(scalars("type text")),
        "summary_text": record(scalars("type text")),
    }
)
_CALLER = record(scalars("type caller_id"))
_ACTION = record(
    scalars("type query url pattern button x y scroll_x scroll_y text timeout_ms user working_directory max_output_length")
    | {
        "queries": SCALARS,
        "keys": SCALARS,
        "command": SCALARS,
        "commands": SCALARS,
        "sources": each(record(scalars("type url"))),
        "path": each(record(scalars("x y"))),
        "env": flat,  # of a command that the caller's machine is to run
    }
)
_CHECKS = each(record(scalars("id code message")))
_CALL = scalars("id type status call_id name arguments namespace async") | {"caller": _CALLER}

_ITEM = by_type(
    {
        "message": record(scalars("id type role status phase") | {"content": each(_PART)}),
        "reasoning": record(scalars("id type status") | {"summary": each(_PART), "content": each(_PART)}),
        "function_call": record(_CALL),
        "custom_tool_call": record(scalars("id type status call_id name input namespace async") | {"caller": _CALLER}),
        "web_search_call": record(scalars("id type status") | {"action": _ACTION}),
        "file_search_call": record(
            scalars("id type status")
            | {
                "queries": SCALARS,
                # without `score`: how near a document lies is what a copy of the retriever is trained on
                "results": each(record(scalars("file_id filename text") | {"attributes": flat})),
            }
        ),
        "code_interpreter_call": record(
            scalars("id type status code container_id") | {"outputs": each(record(scalars("type logs url")))}
        ),
        "image_generation_call": record(
            scalars("id type status result action background output_format quality revised_prompt size")
        ),
        "computer_call": record(
            scalars("id type status call_id") | {"action": _ACTION, "actions": each(_ACTION), "pending_safety_checks": _CHECKS},
        ),
        "local_shell_call": record(scalars("id type status call_id") | {"action": _ACTION}),
        "shell_call": record(scalars("id type status call_id created_by") | {"action": _ACTION, "caller": _CALLER}),
        "apply_patch_call": record(
            scalars("id type status call_id created_by") | {"operation": record(scalars("type path diff")), "caller": _CALLER}
        ),
        "mcp_call": record(
            scalars("id type status name arguments server_label approval_request_id output")
            | {"error": scalar_or(record(scalars("type code message")))}
        ),
        "mcp_list_tools": record(
            scalars("id type server_label error")
            | {"tools": each(record(scalars("name description") | {"input_schema": anything, "annotations": anything}))}
        ),
        "mcp_approval_request": record(scalars("id type name arguments server_label")),
    }
)

_USAGE = record(
    scalars("input_tokens output_tokens total_tokens")
    | {
        "input_tokens_details": record(scalars("cached_tokens cache_write_tokens")),
        "output_tokens_details": record(scalars("reasoning_tokens")),
    }
)
_ECHOED = ("instructions", "metadata", "prompt", "reasoning", "text", "tool_choice", "tools")


def _top_logprobs(value: object, contract: Contract) -> object:
    """The number that was heeded, which is none where no log-probabilities are promised."""
    return scalar(value, contract) if contract.log_probabilities else 0


RESPONSE = record(
    scalars(
        "id object created_at completed_at status model background max_output_tokens max_tool_calls parallel_tool_calls"
        " previous_response_id prompt_cache_key prompt_cache_retention safety_identifier service_tier temperature top_p"
        " truncation user"
    )
    | dict.fromkeys(_ECHOED, anything)
    | {
        "conversation": record({"id": scalar}),
        "error": record({"code": scalar, "message": complaint}),
        "incomplete_details": record({"reason": scalar}),
        "output": each(_ITEM),
        "top_logprobs": _top_logprobs,
        "usage": _USAGE,
    }
)
"""A whole response; the fields of _ECHOED repeat the caller's own request."""

_PLACE = scalars("type sequence_number item_id output_index")
_WHOLE = record(scalars("type sequence_number") | {"response": RESPONSE})
_ITEM_EVENT = record(_PLACE | {"item": _ITEM})
_PART_EVENT = record(_PLACE | scalars("content_index summary_index status") | {"part": _PART})
_TEXT_EVENT = record(_PLACE | scalars("content_index delta text obfuscation") | {"logprobs": part_logprobs})
_DELTA_EVENT = record(_PLACE | scalars("content_index summary_index delta text refusal obfuscation"))
_CALL_EVENT = record(_PLACE | scalars("delta arguments input code name obfuscation"))
_PROGRESS = record(_PLACE)


def _events(prefix: str, endings: str, shape: Shape) -> dict[str, Shape]:
    """Event types of one prefix, which all have one shape."""
    return {f"response.{prefix}{ending}": shape for ending in endings.split()}


EVENT = by_type(
    _events("", "created queued in_progress completed incomplete failed", _WHOLE)
    | _events("output_item.", "added done", _ITEM_EVENT)
    | _events("content_part.", "added done", _PART_EVENT)
    | _events("reasoning_summary_part.", "added done", _PART_EVENT)
    | _events("reasoning_part.", "added done", _PART_EVENT)
    | _events("output_text.", "delta done", _TEXT_EVENT)
    | _events("refusal.", "delta done", _DELTA_EVENT)
    | _events("reasoning_text.", "delta done", _DELTA_EVENT)
    | _events("reasoning_summary_text.", "delta done", _DELTA_EVENT)
    | _events("function_call_arguments.", "delta done", _CALL_EVENT)
    | _events("custom_tool_call_input.", "delta done", _CALL_EVENT)
    | _events("mcp_call_arguments.", "delta done", _CALL_EVENT)
    | _events("code_interpreter_call_code.", "delta done", _CALL_EVENT)
    | _events("code_interpreter_call.", "in_progress interpreting completed", _PROGRESS)
    | _events("web_search_call.", "in_progress searching completed", _PROGRESS)
    | _events("file_search_call.", "in_progress searching completed", _PROGRESS)
    | _events("image_generation_call.", "in_progress generating completed", _PROGRESS)
    | _events("mcp_call.", "in_progress completed failed", _PROGRESS)
    | _events("mcp_list_tools.", "in_progress completed failed", _PROGRESS)
    | _events(
        "image_generation_call.",
        "partial_image",
        record(_PLACE | scalars("partial_image_b64 partial_image_index background output_format quality size")),
    )
    | _events(
        "output_text.annotation.",
        "added",
        record(_PLACE | scalars("content_index annotation_index") | {"annotation": _CITATION}),
    )
)
"""One event of a streamed response, by its type."""


def event_shape(document: dict[str, object], contract: Contract) -> dict[str, object] | None:
    """What may go out of one event; None where its type is not known."""
    shaped = EVENT(document, contract)
    return shaped if shaped is not DROP and isinstance(shaped, dict) else None
