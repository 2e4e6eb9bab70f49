"""An engine fails under a request: every client raises, none takes half an answer for a whole one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.driver import Application, ClientError
from tests.clients.requests import FORECAST_TOOL, asking
from tests.gateway.process import GatewayProcess

APIS = ("chat", "responses")
# Its process dies, it reports an error, it ends its stream without a word.
FAILURES = ("cut", "error", "unfinished")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("failure", FAILURES)
def test_a_broken_stream_raises_in_the_client(failing: Application, api: str, failure: str) -> None:
    outcome = failing(f"{api}.stream_to_failure", **asking(api, failure))

    assert outcome["received"] == "ab"
    assert outcome["error"] is not None
    assert "APIError" in outcome["error"]["kinds"]
    assert outcome["error"]["code"] == "engine_error"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("failure", FAILURES)
def test_the_stream_helper_raises_on_a_broken_stream(failing: Application, api: str, failure: str) -> None:
    with pytest.raises(ClientError) as caught:
        failing(f"{api}.collect", **asking(api, failure))

    assert "APIError" in caught.value.kinds
    assert caught.value.code == "engine_error"


@pytest.mark.parametrize("api", APIS)
def test_the_engines_error_message_reaches_the_application(failing: Application, api: str) -> None:
    outcome = failing(f"{api}.stream_to_failure", **asking(api, "error"))

    assert "out of luck" in outcome["error"]["message"]


@pytest.mark.parametrize("api", APIS)
def test_a_broken_answer_raises_a_server_error(failing: Application, api: str) -> None:
    with pytest.raises(ClientError) as caught:
        failing(f"{api}.create", **asking(api, "cut"))

    assert caught.value.kind == "InternalServerError"
    assert (caught.value.status, caught.value.code) == (502, "engine_error")
    assert caught.value.request_id


def test_two_calls_of_one_stream_are_distinguished(failing: Application) -> None:
    tools: dict[str, Any] = {"tools": [{"type": "function", "function": FORECAST_TOOL | {"strict": False}}]}
    collected = failing("chat.collect", **asking("chat", "two calls"), **tools)
    calls = collected["answer"]["choices"][0]["message"]["tool_calls"]

    assert [call["id"] for call in calls] == ["call_a", "call_b"]
    assert [call["function"]["arguments"] for call in calls] == ['{"city": "Oslo"}', '{"city": "Rome"}']


def test_two_calls_of_one_stream_are_two_output_items(failing: Application) -> None:
    tools: dict[str, Any] = {"tools": [{"type": "function", **FORECAST_TOOL, "strict": False}]}
    calls = failing("responses.collect", **asking("responses", "two calls"), **tools)["answer"]["output"]

    assert [call["call_id"] for call in calls] == ["call_a", "call_b"]
    assert [call["arguments"] for call in calls] == ['{"city": "Oslo"}', '{"city": "Rome"}']


def test_a_model_name_with_a_slash_is_served(failing: Application, failing_gateway: GatewayProcess) -> None:
    assert failing("models.names") == ["tiny", "small", "org/tiny"]
    assert failing("models.retrieve", model="org/tiny") == "org/tiny"
