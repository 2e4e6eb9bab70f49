"""The chunks that a rule looks into: reasoning, ids and tool calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .answers import DONE, chunk
from .support import CALL, adapter, policy

TOOLS = [{"type": "function", "function": {"name": "f"}}]
FINISH = chunk({}, "tool_calls")


def chunks(*events: bytes, dialect: str = "OpenAI", **changes: Any) -> list[dict[str, Any]]:
    _, relay = adapter(policy(dialect), stream=True, **changes).stream()
    out = relay.feed(b"".join(events) + FINISH + DONE) + relay.end()
    assert out.endswith(DONE)
    return [json.loads(event[6:]) for event in out.split(b"\n\n")[:-3]]


def deltas(*events: bytes, **changes: Any) -> list[dict[str, Any]]:
    return [found["choices"][0]["delta"] for found in chunks(*events, **changes)]


def calls(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    events = [chunk({"content": None, "tool_calls": [part]}) for part in parts]
    found = deltas(*events, tools=TOOLS)
    assert all("content" not in delta for delta in found)
    return [delta["tool_calls"][0] for delta in found]


def test_the_first_delta_of_a_tool_call_is_complete_and_later_ones_only_add_arguments() -> None:
    found = calls(
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f"}},
        {"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": "{"}},
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "}"}},
    )

    assert found == [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": "{"}},
        {"index": 0, "function": {"arguments": "}"}},
    ]


def test_a_call_without_type_index_or_id_gets_them() -> None:
    (call,) = calls({"function": {"name": "f", "arguments": "{}"}})

    assert call.pop("id").startswith(f"call_{CALL.token}")
    assert call == {"index": 0, "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_interleaved_tool_calls_of_several_choices_are_kept_apart() -> None:
    first = {"index": 0, "id": "a", "function": {"name": "f"}}
    second = {"index": 1, "id": "b", "function": {"name": "g"}}
    events = [
        chunk({"tool_calls": [first, second]}),
        chunk({"tool_calls": [first]}, index=1),
        chunk({"tool_calls": [{"index": 1, "function": {"arguments": "1"}}]}),
        chunk({}, "tool_calls", index=1),
    ]
    found = deltas(*events, tools=TOOLS, n=2)

    assert [call.get("id") for delta in found[:3] for call in delta["tool_calls"]] == ["a", "b", "a", None]


def test_a_null_delta_is_treated_as_empty() -> None:
    assert deltas(chunk(None), tools=TOOLS) == [{}]


def test_chunks_without_tools_are_not_searched_for_calls() -> None:
    odd = {"tool_calls": [{"id": "a", "function": None}]}

    assert deltas(chunk(odd)) == [odd]


@pytest.mark.parametrize(
    ("dialect", "changes", "expected"),
    [
        ("OpenAI", {}, {"reasoning": "hm"}),
        ("OpenAI", {"reasoning_content": True}, {"reasoning_content": "hm"}),
        ("OpenAI", {"include_reasoning": False}, {}),
        ("IOIntelligence", {}, {}),
        ("IOIntelligence", {"reasoning_content": True}, {"reasoning_content": "hm"}),
        ("PolarGrid", {}, {"reasoning": "hm"}),
    ],
)
def test_reasoning_is_under_the_key_of_the_dialect(
    dialect: str, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert deltas(chunk({"reasoning": "hm"}), dialect=dialect, **changes) == [expected]


def test_log_probabilities_do_not_reveal_hidden_reasoning() -> None:
    logprobs = {"content": [{"token": "secret", "logprob": -1.0}]}
    hidden = chunk({"reasoning": "secret"}, logprobs=logprobs)
    shown = chunk({"content": "x"}, logprobs=logprobs)
    first, second = chunks(hidden, shown, include_reasoning=False, logprobs=True)

    assert first["choices"][0]["logprobs"] is None
    assert second["choices"][0]["logprobs"] == logprobs


def test_every_chunk_has_the_requested_id() -> None:
    usage = b'data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":1}}\n\n'
    found = chunks(chunk({"content": "a"}), usage, request_id="mine")

    assert {one["id"] for one in found} == {"mine"}
