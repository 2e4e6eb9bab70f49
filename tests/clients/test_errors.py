"""What an application can read from a refusal, with every official client, on a real vLLM."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.driver import Application, ClientError
from tests.clients.requests import asking
from tests.support.manifests import CONTEXT_TOKENS, SERVED_NAMES

pytestmark = pytest.mark.engine

APIS = ("chat", "responses")
PROMPT_OF = {"chat": "messages", "responses": "input"}
SCENARIOS = ("create", "stream")


def refusal(app: Application, scenario: str, **arguments: Any) -> ClientError:
    """What the client raises. Refusals are not tried again by any client, so retries are left on."""
    with pytest.raises(ClientError) as caught:
        app(scenario, max_retries=2, **arguments)
    assert caught.value.request_id
    return caught.value


@pytest.mark.parametrize("api", APIS)
def test_an_answer_has_a_request_id(app: Application, api: str) -> None:
    limit = {"chat": "max_tokens", "responses": "max_output_tokens"}[api]

    assert app(f"{api}.create", **asking(api, "hello"), **{limit: 1})["request_id"].startswith("req_")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_unknown_model_raises_not_found_404(app: Application, api: str, scenario: str) -> None:
    error = refusal(app, f"{api}.{scenario}", **(asking(api, "hello") | {"model": "other"}))

    assert (error.kind, error.status, error.code, error.param) == (
        "NotFoundError",
        404,
        "model_not_found",
        "model",
    )


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_prompt_above_the_context_raises_context_length_exceeded(
    app: Application, api: str, scenario: str
) -> None:
    error = refusal(app, f"{api}.{scenario}", **asking(api, "zq " * CONTEXT_TOKENS))

    assert (error.kind, error.code) == ("BadRequestError", "context_length_exceeded")
    assert error.param == PROMPT_OF[api]
    assert error.type == "invalid_request_error"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_value_out_of_range_raises_bad_request_with_its_parameter(
    app: Application, api: str, scenario: str
) -> None:
    error = refusal(app, f"{api}.{scenario}", **asking(api, "hello"), temperature=3)

    assert (error.kind, error.code, error.param) == ("BadRequestError", "invalid_value", "temperature")
    assert "temperature" in error.message


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_late_refusal_of_the_engine_raises_bad_request(app: Application, api: str, scenario: str) -> None:
    late = {"extra_body": {"stop_token_ids": [999_999]}}
    error = refusal(app, f"{api}.{scenario}", **asking(api, "hello"), **late)

    assert error.kind == "BadRequestError"
    assert "stop_token_ids" in error.message


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("previous_response_id", "resp_1"), ("background", True), ("conversation", "conv_1")],
)
def test_a_parameter_that_needs_stored_state_raises_bad_request(
    app: Application, parameter: str, value: Any
) -> None:
    error = refusal(app, "responses.create", **asking("responses", "hello"), **{parameter: value})

    assert (error.kind, error.param) == ("BadRequestError", parameter)


@pytest.mark.parametrize("scenario", ["chat.retrieve_stored", "responses.retrieve_stored"])
def test_retrieving_a_stored_answer_raises_not_found(app: Application, scenario: str) -> None:
    error = refusal(app, scenario, stored="resp_1")

    assert (error.kind, error.code) == ("NotFoundError", "unsupported_endpoint")


def test_the_models_are_listed(app: Application) -> None:
    assert app("models.names") == [*SERVED_NAMES]


def test_retrieving_an_unknown_model_raises_not_found(app: Application) -> None:
    assert refusal(app, "models.retrieve", model="org/other").code == "model_not_found"
