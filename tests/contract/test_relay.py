"""The relay of a chat stream: not a byte lost or doubled, and never a clean end after a failure."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead_gateway.contract.api_adapter import Relay
from fairlead_gateway.contract.errors import ApiError

from .answers import DONE, ENGINE_ERROR, chunk
from .support import adapter, policy

CHUNK = chunk({"content": "a"})
FINISH = chunk({}, "stop")
PING = b": ping\n\n"
STREAM = chunk({"role": "assistant", "content": ""}) + CHUNK + PING + CHUNK + FINISH + DONE

TOOLS: dict[str, Any] = {"tools": [{"type": "function", "function": {"name": "f"}}]}
# Each of these makes another kind of relay.
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("OpenAI", {}),
    ("OpenAI", {"request_id": "mine"}),
    ("OpenAI", TOOLS),
    ("OpenAI", {"reasoning_content": True}),
    ("IG1", {}),
    ("IOIntelligence", TOOLS | {"request_id": "mine"}),
]
UPSTREAM = b"".join(
    [
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning": "hm"}),
        CHUNK,
        PING,
        chunk({"content": None, "tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
        FINISH,
        DONE,
    ]
)


def relay(dialect: str = "OpenAI", **changes: Any) -> Relay:
    begin, machine = adapter(policy(dialect), stream=True, **changes).stream()
    assert begin == b""
    return machine


def through(machine: Relay, *pieces: bytes) -> bytes:
    return b"".join(machine.feed(piece) for piece in pieces) + machine.end()


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in itertools.pairwise(ends)]


def ends(event: bytes) -> bool:
    # An empty line more between two events means nothing.
    event = event.lstrip(b"\n")
    return event == DONE[:-2] or event.startswith(b'data: {"error"')


def last_error(out: bytes) -> dict[str, Any]:
    event = out.split(b"\n\n")[-2]
    error: dict[str, Any] = json.loads(event.removeprefix(b"data: "))["error"]
    return error


def test_a_complete_stream_is_forwarded_byte_for_byte() -> None:
    assert through(relay(), STREAM) == STREAM


@pytest.mark.parametrize(("dialect", "changes"), KINDS)
@settings(max_examples=40, deadline=None)
@given(places=st.lists(st.integers(0, len(UPSTREAM)), max_size=12))
def test_the_relayed_stream_is_the_same_wherever_its_bytes_are_split(
    dialect: str, changes: dict[str, Any], places: list[int]
) -> None:
    assert through(relay(dialect, **changes), *cut(UPSTREAM, places)) == through(
        relay(dialect, **changes), UPSTREAM
    )


@pytest.mark.parametrize(("dialect", "changes"), KINDS)
@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=60), place=st.integers(0, len(UPSTREAM)), cuts=st.lists(st.integers(0, 2000)))
def test_garbage_from_the_engine_neither_raises_nor_ends_a_stream_twice(
    dialect: str, changes: dict[str, Any], data: bytes, place: int, cuts: list[int]
) -> None:
    machine = relay(dialect, **changes)
    out = through(machine, *cut(UPSTREAM[:place] + data + UPSTREAM[place:], cuts))

    assert machine.finished
    assert len(list(filter(ends, out.split(b"\n\n")))) == 1
    assert machine.feed(STREAM) + machine.end() + machine.fail(ApiError(500, "x", "x")) == b""


@pytest.mark.parametrize("event", [b'"id":', b'{"id":', b'{"id":1}', b'{"id":1,"choices":[5]}', b'["id":]'])
def test_an_event_that_is_not_a_chunk_fails_a_transformed_stream(event: bytes) -> None:
    out = through(relay(request_id="mine"), CHUNK + b"data: " + event + b"\n\n" + STREAM)

    assert out.count(b"\n\n") == 2
    assert last_error(out)["code"] == "engine_error"


def test_an_event_is_never_sent_partially() -> None:
    assert relay().feed(CHUNK + CHUNK[:20]) == CHUNK


@pytest.mark.parametrize(
    "pieces", [(), (CHUNK,), (CHUNK, CHUNK[:30]), (CHUNK, FINISH), (CHUNK, FINISH, DONE[:-1])]
)
def test_a_stream_that_breaks_off_ends_in_an_error(pieces: tuple[bytes, ...]) -> None:
    out = through(relay(), *pieces)

    assert last_error(out)["type"] == "server_error"
    assert DONE not in out


def test_a_stream_without_a_finish_reason_ends_in_an_error() -> None:
    out = through(relay(), CHUNK + DONE)

    assert last_error(out)["code"] == "engine_error"
    assert DONE not in out


def test_a_stream_with_an_unfinished_choice_ends_in_an_error() -> None:
    one, other = chunk({}, "stop"), chunk({}, "length", 1)

    assert DONE not in through(relay(n=2), CHUNK + one + DONE)
    assert through(relay(n=2), CHUNK + one + other + DONE).endswith(DONE)


@pytest.mark.parametrize("reason", ["error", "abort"])
@pytest.mark.parametrize("space", [b"", b" "])
def test_a_choice_that_the_engine_aborted_is_never_passed_on(reason: str, space: bytes) -> None:
    finish = chunk({}, reason).replace(b'"finish_reason":', b'"finish_reason":' + space)
    out = through(relay(), CHUNK + finish + DONE)

    assert out.startswith(CHUNK)
    assert b'"finish_reason"' not in out.removeprefix(CHUNK)
    assert last_error(out)["code"] == "engine_error"
    assert DONE not in out


def test_an_engine_error_is_the_last_event_in_the_gateways_error_envelope() -> None:
    machine = relay()
    out = through(machine, CHUNK, ENGINE_ERROR + DONE)

    assert out.startswith(CHUNK)
    assert last_error(out) == {
        "message": "boom",
        "type": "server_error",
        "param": None,
        "code": "engine_error",
    }
    assert DONE not in out
    assert machine.finished


def test_an_engine_error_in_a_stream_has_the_clients_parameter_names() -> None:
    event = b'data: {"error": {"message": "Invalid grammar specification.", "param": null, "code": 400}}\n\n'

    assert last_error(through(relay(guided_grammar="x"), CHUNK, event))["param"] == "guided_grammar"


def test_a_transport_failure_ends_the_stream_exactly_once() -> None:
    machine = relay()
    error = ApiError(504, "late", "engine_timeout")
    out = machine.feed(CHUNK) + machine.fail(error) + machine.fail(error) + machine.end()

    assert out.count(b"late") == 1
    assert last_error(out)["code"] == "engine_timeout"


@pytest.mark.parametrize(
    "text", ['\n\ndata: [DONE]\n\ndata: {"error"', '"finish_reason":"error"', '"token_ids":null,"id":"x"']
)
@pytest.mark.parametrize("dialect", ["OpenAI", "IG1"])
def test_generated_text_that_looks_like_sse_or_json_stays_text(dialect: str, text: str) -> None:
    events = chunk({"content": text}) + FINISH + DONE
    out = through(relay(dialect), events)

    assert json.loads(out.split(b"\n\n")[0][6:])["choices"][0]["delta"]["content"] == text
    assert out.endswith(DONE)


@pytest.mark.parametrize("dialect", ["IG1", "PolarGrid", "RAG"])
def test_the_chunks_of_a_dialect_have_no_engine_only_keys(dialect: str) -> None:
    last = chunk({}, "stop", stop_reason=None)
    out = through(relay(dialect), CHUNK + last + DONE)

    assert b"token_ids" not in out
    assert b"stop_reason" not in out
    assert json.loads(out.split(b"\n\n")[0][6:])["choices"][0]["delta"] == {"content": "a"}


def test_io_intelligence_keeps_the_null_stop_reason_of_its_sample() -> None:
    out = through(relay("IOIntelligence"), chunk({}, "stop", stop_reason=None) + DONE)

    assert b'"stop_reason":null' in out
    assert b"token_ids" not in out


def test_a_stop_reason_with_a_value_stays() -> None:
    assert b'"stop_reason":"END"' in through(relay("IG1"), chunk({}, "stop", stop_reason="END") + DONE)
