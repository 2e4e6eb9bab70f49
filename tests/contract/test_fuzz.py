"""Whatever a client sends: a request for the engine or a 4xx, and nothing unknown in the engine's body."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead_contract.parameters import PARAMETERS, ApiKind, Handling
from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.policy import RequestPolicy
from fairlead_gateway.contract.request import MAX_DEPTH, PreparedChat, examine, parse_object, prepare_chat

from . import shapes
from .support import MINIMAL, policy

POLICIES = [
    policy(name, context_length=1024, request_chat_templates=True, schedules_by_priority=True)
    for name in ("OpenAI", "IG1", "IOIntelligence", "PolarGrid", "RAG")
]
REACHABLE = {
    name for name, parameter in PARAMETERS[ApiKind.CHAT].items() if parameter.handling is Handling.FORWARDED
}

WORDS = st.sampled_from(
    [
        "",
        "a",
        "type",
        "function",
        "name",
        "json_schema",
        "schema",
        "json",
        "regex",
        "url",
        "text",
        "{}",
        "(",
        "5",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(st.sampled_from(sorted(PARAMETERS[ApiKind.CHAT])), JSON, max_size=4)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": WORDS, "content": JSON}) | st.dictionaries(WORDS, JSON, max_size=3),
    max_size=3,
)


def check(body: bytes, using: RequestPolicy) -> None:
    try:
        prepared = prepare_chat(body, using)
    except ApiError as refused:
        error = refused
    else:
        check_engine(prepared, body, using)
        return
    assert 400 <= error.status < 500
    assert json.loads(error.body())["error"]["message"]


def check_engine(prepared: PreparedChat, body: bytes, using: RequestPolicy) -> None:
    engine = json.loads(prepared.body)
    assert {name for name, value in engine.items() if value is not None} <= REACHABLE
    if prepared.body is not body:
        assert None not in engine.values()
    assert prepared.model in using.served


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), st.sampled_from(POLICIES)
)
def test_arbitrary_bodies_are_accepted_or_a_4xx(body: bytes, using: RequestPolicy) -> None:
    check(body, using)


@settings(max_examples=600, deadline=None)
@given(FIELDS, st.sampled_from(POLICIES))
def test_arbitrary_values_of_known_parameters_are_accepted_or_a_4xx(
    fields: dict[str, Any], using: RequestPolicy
) -> None:
    check(json.dumps(MINIMAL | fields).encode(), using)


@settings(max_examples=300, deadline=None)
@given(MESSAGES, st.sampled_from(POLICIES))
def test_arbitrary_messages_are_accepted_or_a_4xx(messages: list[Any], using: RequestPolicy) -> None:
    check(json.dumps(MINIMAL | {"messages": messages}).encode(), using)


@settings(max_examples=600, deadline=None)
@given(messages=shapes.messages(), using=st.sampled_from(POLICIES))
def test_messages_of_every_shape_are_accepted_or_refused_with_a_path(
    messages: list[Any], using: RequestPolicy
) -> None:
    try:
        prepared = prepare_chat(json.dumps(MINIMAL | {"messages": messages}).encode(), using)
    except ApiError as refused:
        error = refused
    else:
        written = json.loads(prepared.body)["messages"]
        assert all(
            value is not None or name == "content" for found in written for name, value in found.items()
        )
        return
    assert (error.status, str(error.param)[:9]) == (400, "messages[")
    assert f"'{error.param}'" in error.message


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(PARAMETERS[ApiKind.RESPONSES])), JSON, max_size=4))
def test_arbitrary_misplaced_parameters_are_ignored_or_a_400(fields: dict[str, Any]) -> None:
    try:
        kept, _ = examine(fields, POLICIES[0], ApiKind.RESPONSES)
    except ApiError as error:
        assert error.status == 400  # noqa: PT017 (either outcome is fine)
    else:
        assert None not in kept.values()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, MAX_DEPTH * 3), st.booleans())
def test_a_body_at_the_depth_bound_passes_and_one_deeper_is_refused(depth: int, wide: bool) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    body = json.dumps({"a": value, "b": [[]] * 100 if wide else []}).encode()
    try:
        parse_object(body)
        accepted = True
    except ApiError:
        accepted = False

    assert accepted == (depth + 1 <= MAX_DEPTH)
