"""Arbitrary bodies, arbitrary engines, arbitrary cuts: an answer or an error, never a crash or lost byte."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead_contract.parameters import PARAMETERS, ApiKind
from fairlead_gateway.contract.api_adapter import Call
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.policy import RequestPolicy
from fairlead_gateway.responses.api_adapter import ResponsesAdapter
from tests.responses.asking import (
    DONE,
    ENDINGS,
    IG1,
    POLICY,
    TOKEN,
    USAGE_CHUNK,
    adapter,
    call_chunk,
    chunk,
    completion,
    parsed,
)

# A busy machine may stop for longer than the library would wait.
unhurried = settings(deadline=None)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-5, 50) | st.floats(allow_nan=False) | texts
# Names and words that lead deep into the translation, besides anything else.
_KEYS = (
    "type role content text name format schema call_id arguments output tools image_url summary effort mode "
    "input item index delta choices function reasoning tool_calls logprobs finish_reason usage message id"
)
_WORDS = (
    "message function_call function_call_output reasoning input_text output_text user assistant function "
    "custom allowed_tools json_schema auto required input_image stop length item_reference custom_tool_call"
)
keys = texts | st.sampled_from(_KEYS.split())
words = st.sampled_from(_WORDS.split())
values = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)
bodies = st.dictionaries(st.sampled_from(sorted(PARAMETERS[ApiKind.RESPONSES])) | texts, values, max_size=6)
items = st.lists(st.dictionaries(keys, values, max_size=5), max_size=3)


def said(text: str) -> bytes:
    return chunk(content=text)


def weighed(text: str) -> bytes:
    entry = {"token": text, "logprob": -1.0, "bytes": [], "top_logprobs": []}
    return chunk(content=text, logprobs={"content": [entry]})


chunks = st.one_of(
    st.builds(said, texts),
    st.builds(lambda text: chunk(reasoning=text), texts),
    st.builds(lambda text, i: call_chunk(text, index=i), texts, st.integers(0, 2)),
    st.builds(lambda name, i: call_chunk("", index=i, id=name or "x", name=name), texts, st.integers(0, 2)),
    st.builds(weighed, texts),
    st.just(b": ping\n\n"),
)
endings = st.sampled_from(
    [
        chunk("stop") + USAGE_CHUNK + DONE,
        chunk("length") + DONE,
        chunk("tool_calls", content="x") + DONE,
        chunk("stop"),
        DONE,
        b"",
        b'data: {"error": {"message": "boom", "code": 500}}\n\n' + DONE,
    ]
)


def relayed(pieces: list[bytes]) -> bytes:
    first, relay = adapter(stream=True, top_logprobs=1).stream()
    return first + b"".join(relay.feed(piece) for piece in pieces) + relay.end()


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    marks = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in itertools.pairwise(marks)]


@unhurried
@given(st.lists(chunks, max_size=8), endings, st.lists(st.integers(0, 10_000), max_size=12))
def test_the_events_are_the_same_wherever_the_engines_bytes_are_split(
    middle: list[bytes], ending: bytes, places: list[int]
) -> None:
    stream = b"".join(middle) + ending
    whole = relayed([stream])

    assert relayed(cut(stream, places)) == whole
    parsed(whole)


@unhurried
@given(st.lists(texts, max_size=10))
def test_no_character_is_lost_or_doubled(pieces: list[str]) -> None:
    found = parsed(relayed([*map(said, pieces), chunk("stop"), DONE]))
    deltas = [event["delta"] for event in found if event["type"] == "response.output_text.delta"]

    assert "".join(deltas) == found[-1]["response"]["output_text"] == "".join(pieces)


@unhurried
@given(
    st.lists(
        st.one_of(st.binary(max_size=40), chunks, st.builds(json.dumps, values).map(str.encode)), max_size=6
    )
)
def test_garbage_from_the_engine_ends_in_response_failed(pieces: list[bytes]) -> None:
    assert parsed(relayed(pieces))[-1]["type"] == "response.failed"


@unhurried
@given(st.lists(values, max_size=3), st.dictionaries(keys, values, max_size=5))
def test_any_chunks_make_a_well_formed_event_stream(choices: list[Any], delta: dict[str, Any]) -> None:
    strange = [
        b"data: " + json.dumps(document).encode() + b"\n\n"
        for document in ({"choices": choices}, {"choices": [{"delta": delta, "finish_reason": "stop"}]})
    ]

    assert parsed(relayed([said("a"), *strange, DONE]))[-1]["type"] in ENDINGS


@unhurried
@given(st.one_of(st.binary(max_size=60), st.builds(json.dumps, values).map(str.encode)))
def test_any_whole_answer_is_a_response_or_an_engine_error(engine: bytes) -> None:
    try:
        code = json.loads(adapter().whole(engine))["object"]
    except ApiError as error:
        code = error.code
    assert code in ("response", "engine_error")


def dialogue_or_error(body: bytes, policy: RequestPolicy) -> ResponsesAdapter | ApiError:
    try:
        return ResponsesAdapter(body, policy, Call(TOKEN, lambda: 7))
    except ApiError as error:
        return error


def ask(body: bytes) -> None:
    for policy in (POLICY, IG1):
        made = dialogue_or_error(body, policy)
        if isinstance(made, ApiError):
            assert 400 <= made.status < 500
            assert made.message
            continue
        assert json.loads(made.engine.body)["messages"]
        assert json.loads(made.whole(completion()))["status"] == "completed"
        assert made.stream()[0]


@unhurried
@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_a_4xx(body: bytes) -> None:
    ask(body)


@unhurried
@given(bodies)
def test_any_json_is_accepted_or_a_4xx(fields: dict[str, Any]) -> None:
    ask(json.dumps({"model": "tiny", "input": "hi"} | fields).encode())


@unhurried
@given(items, st.lists(st.dictionaries(keys, values, max_size=4), max_size=2), values)
def test_any_items_and_tools_are_accepted_or_a_4xx(found: Any, tools: Any, choice: Any) -> None:
    ask(json.dumps({"model": "tiny", "input": found or "hi", "tools": tools, "tool_choice": choice}).encode())
