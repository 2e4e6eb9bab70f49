"""vLLM's errors in OpenAI's envelope. The bodies are what vLLM 0.32.0 really answers."""

from __future__ import annotations

import json

import pytest

from fairlead_gateway.contract.errors import from_engine_body, invalid


def engine_error(
    message: str, code: int = 400, param: str | None = None, kind: str = "BadRequestError"
) -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}}).encode()


def test_an_over_long_prompt_has_the_code_context_length_exceeded() -> None:
    message = "This model's maximum context length is 1024 tokens. (parameter=input_tokens, value=1025)"
    error = from_engine_body(400, engine_error(message, param="input_tokens"))

    assert (error.status, error.code, error.param) == (400, "context_length_exceeded", "messages")
    assert error.message == "This model's maximum context length is 1024 tokens. (context_length_exceeded)"


def test_a_parameter_out_of_range_is_named_once() -> None:
    message = "temperature must be in [0, 2], got 3.0. (parameter=temperature, value=3.0)"
    error = from_engine_body(400, engine_error(message, param="temperature"))

    assert (error.param, error.message) == ("temperature", "temperature must be in [0, 2], got 3.0.")


def test_a_validation_error_says_what_is_wrong_without_the_engines_internals() -> None:
    message = (
        "1 validation error:\n  {'type': 'int_parsing', 'loc': 'body.max_tokens', "
        "'msg': 'Input should be a valid integer', 'input': 'x'}"
    )
    error = from_engine_body(400, engine_error(message, param="body.max_tokens", kind="Bad Request"))

    assert (error.param, error.message) == ("max_tokens", "'max_tokens' must be an integer.")


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "invalid_request_error", "invalid_request"),
        (404, "invalid_request_error", "model_not_found"),
        (500, "server_error", "engine_error"),
        (503, "server_error", "engine_unavailable"),
    ],
)
def test_error_types_and_codes_are_those_of_openai(status: int, kind: str, code: str) -> None:
    detail = from_engine_body(status, engine_error("x", status)).detail()

    assert (detail["type"], detail["code"]) == (kind, code)


def test_an_error_of_a_terminating_engine_is_retryable() -> None:
    body = engine_error("cannot schedule new futures after shutdown", 500)

    assert from_engine_body(500, body).status == 503
    assert from_engine_body(500, body).headers["retry-after"]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error":"x"}', b'{"detail":"Not Found"}', b"\xff"]
)
def test_any_other_error_body_becomes_an_error_envelope(body: bytes) -> None:
    detail = from_engine_body(500, body).detail()

    assert detail["message"]
    assert detail["type"] == "server_error"


def test_a_long_client_text_is_cut_in_the_error_message() -> None:
    name = "x" * 1_000_000

    assert len(invalid(f"Unknown parameter: '{name}'.", name).body()) < 3000
