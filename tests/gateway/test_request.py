"""What a chat-completions body must look like, and what the engine gets of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead_gateway.contract.errors import ApiError
from fairlead_gateway.contract.request import ENGINE_CONTROL_FIELDS, prepare_chat

SERVED = ("tiny", "small")
MINIMAL: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}


def prepare(**changes: Any) -> dict[str, Any]:
    request = prepare_chat(json.dumps(MINIMAL | changes).encode(), SERVED)
    document: dict[str, Any] = json.loads(request.body)
    return document


def refusal(body: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        prepare_chat(body, SERVED)
    return caught.value


def test_a_body_without_anything_to_change_is_forwarded_byte_for_byte() -> None:
    body = b'{ "model":"tiny",  "messages":[{"role":"user","content":"\\u00e4"}], "temperature": 0.50 }'

    assert prepare_chat(body, SERVED).body == body


def test_nulls_at_the_top_mean_absent() -> None:
    assert "min_tokens" not in prepare(min_tokens=None)


def test_nulls_inside_messages_are_kept() -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": []}]

    assert prepare(messages=messages, seed=None)["messages"] == messages


@pytest.mark.parametrize("name", sorted(ENGINE_CONTROL_FIELDS))
def test_fields_with_power_over_the_engine_are_taken_out_and_named(name: str) -> None:
    request = prepare_chat(json.dumps(MINIMAL | {name: 1}).encode(), SERVED)

    assert name not in json.loads(request.body)
    assert request.ignored == (name,)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"a": NaN}', b"[" * 100_000])
def test_what_is_not_a_json_object_is_refused(body: bytes) -> None:
    error = refusal(body)

    assert (error.status, error.code) == (400, "invalid_json")


@pytest.mark.parametrize(
    ("changes", "status", "code", "param"),
    [
        ({"model": None}, 400, "missing_required_parameter", "model"),
        ({"model": ""}, 400, "missing_required_parameter", "model"),
        ({"model": 7}, 400, "invalid_type", "model"),
        ({"model": "other"}, 404, "model_not_found", "model"),
        ({"messages": None}, 400, "missing_required_parameter", "messages"),
        ({"messages": []}, 400, "invalid_value", "messages"),
        ({"messages": "hi"}, 400, "invalid_value", "messages"),
        ({"stream": "yes"}, 400, "invalid_type", "stream"),
    ],
)
def test_a_bad_field_is_named(changes: dict[str, Any], status: int, code: str, param: str) -> None:
    error = refusal(json.dumps(MINIMAL | changes).encode())

    assert (error.status, error.code, error.param) == (status, code, param)


@pytest.mark.parametrize("model", SERVED)
def test_every_served_name_is_accepted(model: str) -> None:
    assert prepare(model=model)["model"] == model


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_garbage_is_an_error_of_the_client(body: bytes) -> None:
    assert refusal(body).status == 400
